// Blocks the keys of all rules, a SET for each.
#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

void EncodeBlock(Command* command, std::string* out) {
  const PendingCheck& check = *command->check;
  for (size_t i = 0; i < check.rules->size(); ++i) {
    AppendAsking(*command, out);
    AppendArray(5, out);
    AppendBulk("SET", out);
    AppendBulk(check.keys[i], out);
    AppendBulkNumber(kBlocked, out);
    AppendBulk("PX", out);
    AppendBulkNumber(ExpiryOf(check.units), out);
  }
}

int RepliesOfBlock(const Command& command) { return static_cast<int>(command.check->rules->size()); }

// Each says the same; the first that does not is told.
Step TakeBlock(Command* command, int at, const Reply& reply, Reading* reading) {
  if (command->error.empty()) command->error = Complaint(reply, Reply::Type::kStatus);
  if (at + 1 < RepliesOfBlock(*command)) return Step::kMore;
  reading->number = 0;
  return command->error.empty() ? Step::kNumber : Step::kRefused;
}

}  // namespace

const Form kBlockForm = {AnyServer, RepliesOfBlock, EncodeBlock, TakeBlock, false, false, false, nullptr};

}  // namespace spillway
