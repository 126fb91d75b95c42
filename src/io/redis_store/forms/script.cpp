// One fixed window by fixed_window.lua, and what takes units back from one.
#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

void EncodeScript(Command* command, std::string* out) {
  const PendingCheck& check = *command->check;
  AppendScriptCall(k_fixed_window, *command, 4, out);
  AppendBulkNumbers({check.rule().limit, check.rule().window_ms, check.units, command->asked}, out);
}

// {checks admitted, units used afterwards, milliseconds until the window has ended, the key's expiry}
Step TakeScript(Command* command, int /*at*/, const Reply& reply, Reading* reading) {
  if (!IsDue(reply, Reply::Type::kArray, command)) return Step::kRefused;
  command->error = kUnknownReply;
  if (!HoldsIntegers(reply, 4)) return Step::kRefused;
  WindowReading& window = reading->window;
  window = {reply.integer(1), reply.integer(2), reply.integer(3), reply.integer(4), reply.integer(2) >= kBlocked, true};
  if (!IsAdmitted(*command, window.admitted) || !IsIn(window.used, -kBlocked, kBlocked) ||
      (window.admitted > 0 && window.used > command->check->rule().limit) || !IsTime(window.rest_ms) ||
      !IsTime(window.mark)) {
    return Step::kRefused;
  }
  command->error.clear();
  return Step::kWindow;
}

void EncodeTakeBack(Command* command, std::string* out) {
  const PendingCheck& check = *command->check;
  AppendScriptCall(k_fixed_window_take_back, *command, 4, out);
  AppendBulkNumbers({check.units, check.marks[0], check.marks[1], check.rule().window_ms}, out);
}

Step TakeTakeBack(Command* command, int /*at*/, const Reply& reply, Reading* reading) {
  return TakeNumber(command, reply, reading);
}

}  // namespace

const Form kScriptForm = {AnyServer, OneReply, EncodeScript, TakeScript, false, true, true, nullptr};
const Form kTakeBackForm = {AnyServer, OneReply, EncodeTakeBack, TakeTakeBack,
                            false,     false,    false,          &k_fixed_window_take_back};

}  // namespace spillway
