// One fixed window by INCREX (Redis 8.8, Valkey 9.2), which charges up to a bound or not at all, and gives a new key its
// expiry. Its reply does not say when the window ends; PEXPIRETIME behind it does.
// Source: https://redis.io/commands/increx, https://valkey.io/commands/increx/
#include <algorithm>

#include "algorithms/fixed_window.h"
#include "redis/node.h"
#include "redis/refusal.h"
#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

// All of the checks or none of them: SATURATE would lower a count that another plan's limit let grow.
void EncodeIncrex(Command* command, std::string* out) {
  const Rule& rule = command->check->rule();
  command->units = std::min(command->asked, rule.limit);
  AppendKeyCommand("INCREX", *command, 7, out);
  AppendBulk("BYINT", out);
  AppendBulkNumber(command->units, out);
  AppendBulk("UBOUND", out);
  AppendBulkNumber(rule.limit, out);
  AppendBulk("PX", out);
  AppendBulkNumber(ExpiryOf(rule.window_ms), out);
  AppendBulk("ENX", out);
  AppendKeyCommand("PEXPIRETIME", *command, 0, out);
}

Step ByScript(Command* command) {
  command->error.clear();
  command->by_script = true;
  command->form = nullptr;
  return Step::kAgain;
}

// The first reply: {count afterwards, units added}, an error, or what no server says.
void TakeCharge(Command* command, const Reply& reply) {
  PlainReplies& replies = command->plain;
  replies.server_ms = command->node->flush_time.server_ms;
  if (reply.IsError()) {
    command->error = Complaint(reply, Reply::Type::kArray);
  } else if (!HoldsIntegers(reply, 2)) {
    command->error = kUnknownReply;
  } else {
    replies.count.integer = reply.integer(1);
    const int64_t added = reply.integer(2);
    const bool bounded = added == 0 || (added == command->units && reply.integer(1) <= command->check->rule().limit);
    if (!bounded || reply.integer(1) <= -kBlocked) command->error = kImpossible;
    command->units = added;
  }
}

// Why the command cannot be used here, though INFO says that it is there: a proxy, a user who may not call it. Neither is a
// fault of the user's: the form that needs less is taken from now on.
bool IsMissing(const std::string& error) {
  return error.compare(0, 20, "ERR unknown command ") == 0 || error.compare(0, 7, "NOPERM ") == 0;
}

// Nothing was added, and another form can say more.
Step Refused(Command* command) {
  if (IsMissing(command->error)) {
    command->node->client.mutable_capabilities()->increx = false;
    command->error.clear();
    command->form = nullptr;
    return Step::kAgain;
  }
  // Text, or a number that is too large: the script can read it.
  const bool no_count =
      command->error.compare(0, 4, "ERR ") == 0 && command->error != kImpossible && command->error != kUnknownReply;
  return Classify(command->error) == Refusal::kFinal && no_count ? ByScript(command) : Step::kRefused;
}

// `end`: PEXPIRETIME's answer, negative where it gave none.
Step Judge(Command* command, int64_t end, Reading* reading) {
  const Rule& rule = command->check->rule();
  const int64_t used = command->plain.count.integer;
  const int64_t added = command->units;
  const int64_t server_ms = command->plain.server_ms;
  const bool blocked = used >= kBlocked;
  // Some of the checks may fit, and a key without an expiry is mended: both are the script's.
  if (added == 0 && !blocked && (used < rule.limit || end < 0)) return ByScript(command);
  const bool known = end >= 0 && server_ms >= 0;
  const int64_t whole = FixedWindowWhole(rule);
  const int64_t rest = known ? end - server_ms + 1 : whole;
  // Longer than a window: the script cuts it. One that has just begun only looks longer, by the time of the flush.
  const bool cut = rest > whole && !blocked && used > added;
  if (cut) reading->Follow(kScriptForm);
  reading->window = {
      added,   used, std::clamp<int64_t>(rest, 1, blocked ? kMaxLimit : whole), std::max<int64_t>(end, 0),
      blocked, known};
  // Its new end is not known here.
  if (cut) reading->window.mark = -server_ms;
  return Step::kWindow;
}

Step TakeIncrex(Command* command, int at, const Reply& reply, Reading* reading) {
  if (at == 0) {
    TakeCharge(command, reply);
    return Step::kMore;
  }
  if (!command->error.empty()) return Refused(command);
  const bool told = reply.type() == Reply::Type::kInteger && reply.integer() >= 0;
  return Judge(command, told ? std::min(reply.integer(), kMaxLimit) : -1, reading);
}

bool HasIncrex(const Capabilities& capabilities) { return capabilities.increx; }
int TwoReplies(const Command& /*command*/) { return 2; }

}  // namespace

const Form kIncrexForm = {HasIncrex, TwoReplies, EncodeIncrex, TakeIncrex, true, true, true, nullptr};

}  // namespace spillway
