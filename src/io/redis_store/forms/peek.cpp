// A look at one fixed window.
#include <algorithm>

#include "algorithms/fixed_window.h"
#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

void EncodePeek(Command* command, std::string* out) {
  AppendKeyCommand("GET", *command, 0, out);
  AppendKeyCommand("PTTL", *command, 0, out);
}

void TakeValue(Command* command, const Reply& reply) {
  command->units = 0;
  command->by_script = false;
  if (reply.type() == Reply::Type::kNil) return;
  command->error = Complaint(reply, Reply::Type::kString);
  if (command->error.empty()) command->by_script = !ParseCount(reply.text(), &command->units);
}

Step TakePeek(Command* command, int at, const Reply& reply, Reading* reading) {
  if (at == 0) {
    TakeValue(command, reply);
    return Step::kMore;
  }
  if (command->error.empty()) command->error = Complaint(reply, Reply::Type::kInteger);
  const int64_t ttl = std::min(reply.integer(), kMaxLimit);
  if (command->error.empty() && ttl < -2) command->error = kImpossible;
  if (!command->error.empty()) return Step::kRefused;
  if (command->by_script) {
    // Some text: the script can read it.
    command->form = &kCompositeForm;
    return Step::kAgain;
  }
  const Rule& rule = command->check->rule();
  // -2: it ended between the two commands; -1: it has no expiry and gets one at the next check.
  const int64_t used = ttl == -2 ? 0 : command->units;
  const bool blocked = used >= kBlocked;
  const int64_t whole = FixedWindowWhole(rule);
  const int64_t rest = ttl < 0 ? whole : blocked ? ttl + 1 : std::min(ttl + 1, whole);
  reading->decision = blocked ? FixedWindowBlocked(rule, rest) : FixedWindowPeek(rule, used, rest);
  return Step::kDecision;
}

int TwoReplies(const Command& /*command*/) { return 2; }

}  // namespace

const Form kPeekForm = {AnyServer, TwoReplies, EncodePeek, TakePeek, false, false, false, nullptr};

}  // namespace spillway
