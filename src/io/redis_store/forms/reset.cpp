// Forgets the keys of all rules.
#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

void EncodeReset(Command* command, std::string* out) {
  const PendingCheck& check = *command->check;
  AppendAsking(*command, out);
  AppendArray(1 + check.rules->size(), out);
  AppendBulk("DEL", out);
  for (size_t i = 0; i < check.rules->size(); ++i) AppendBulk(check.keys[i], out);
}

Step TakeReset(Command* command, int /*at*/, const Reply& reply, Reading* reading) {
  return TakeNumber(command, reply, reading);
}

}  // namespace

const Form kResetForm = {AnyServer, OneReply, EncodeReset, TakeReset, false, false, false, nullptr};

}  // namespace spillway
