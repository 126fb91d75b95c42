// Gives units back, by refund.lua.
#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

void EncodeRefund(Command* command, std::string* out) {
  const PendingCheck& check = *command->check;
  AppendScriptCall(k_refund, *command, 1 + 4 * check.rules->size(), out);
  AppendBulkNumber(check.units, out);
  for (size_t i = 0; i < check.rules->size(); ++i) {
    const Rule& rule = (*check.rules)[i];
    AppendBulk(LetterOf(rule.algorithm), out);
    AppendBulkNumbers({rule.window_ms, rule.limit, check.marks[i]}, out);
  }
}

Step TakeRefund(Command* command, int /*at*/, const Reply& reply, Reading* reading) {
  return TakeNumber(command, reply, reading);
}

}  // namespace

const Form kRefundForm = {AnyServer, OneReply, EncodeRefund, TakeRefund, false, false, false, &k_refund};

}  // namespace spillway
