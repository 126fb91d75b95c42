// One fixed window by plain commands: the cheapest exact form on Redis >= 7. JudgePlainCharge says what the replies mean.
#include <algorithm>
#include <charconv>

#include "redis/node.h"
#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

// INCR's words for text, and for an integer that is as large as can be.
bool IsNoCount(std::string_view error) {
  return error == "ERR value is not an integer or out of range" || error == "ERR increment or decrement would overflow";
}

PlainReply Plain(const Reply& reply) {
  if (reply.type() == Reply::Type::kInteger) return {reply.integer(), PlainReply::Kind::kInteger};
  if (!reply.IsError()) return {0, PlainReply::Kind::kOther};
  return {0, IsNoCount(reply.text()) ? PlainReply::Kind::kNoCount : PlainReply::Kind::kError};
}

// The hot path: room for the longest is made once, the key's bulk string is composed once, and the rest is copied.
void EncodePlain(Command* command, std::string* out) {
  constexpr size_t kMostBesidesKeys = 320;
  const PendingCheck& check = *command->check;
  command->units = std::min(command->asked, check.rule().limit);
  const std::string& key = check.key();
  const size_t from = out->size();
  out->resize(from + 3 * key.size() + kMostBesidesKeys);
  const std::string_view asking = kAsking.substr(0, command->asking ? kAsking.size() : 0);
  char* to = Put("*2\r\n$11\r\nPEXPIRETIME\r\n", Put(asking, out->data() + from));
  char* const key_at = to;
  *to++ = '$';
  to = Put("\r\n", std::to_chars(to, to + 20, key.size()).ptr);
  to = Put("\r\n", Put(key, to));
  const std::string_view bulk_key(key_at, static_cast<size_t>(to - key_at));
  to = Put(asking, to);
  if (command->units == 1) {
    // One argument less for Redis to read and to hold.
    to = Put(bulk_key, Put("*2\r\n$4\r\nINCR\r\n", to));
  } else {
    to = PutBulkNumber(command->units, Put(bulk_key, Put("*3\r\n$6\r\nINCRBY\r\n", to)));
  }
  to = Put(bulk_key, Put("*4\r\n$7\r\nPEXPIRE\r\n", Put(asking, to)));
  to = Put("$2\r\nNX\r\n", PutBulkNumber(ExpiryOf(check.rule().window_ms), to));
  out->resize(static_cast<size_t>(to - out->data()));
}

Step Judge(Command* command, Reading* reading) {
  const PlainReplies& replies = command->plain;
  const PlainVerdict verdict = JudgePlainCharge(command->check->rule(), command->units, replies);
  if (verdict.persist) reading->Follow(kPersistForm);
  switch (verdict.kind) {
    case PlainVerdict::Kind::kCharged:
      // In this order: the take-back knows the window by the end that it has before it is cut.
      if (verdict.excess > 0) {
        reading->Follow(kTakeBackForm, verdict.excess, verdict.end_before, replies.server_ms);
      }
      if (verdict.cut) reading->Follow(kScriptForm);
      reading->window = verdict.reading;
      reading->charged = true;
      return Step::kWindow;
    case PlainVerdict::Kind::kByScript:
      command->by_script = true;
      command->form = nullptr;
      return Step::kAgain;
    case PlainVerdict::Kind::kImpossible:
      command->error = kImpossible;
      return Step::kRefused;
    case PlainVerdict::Kind::kNoEnd:
      command->form = &kExpireForm;
      break;
    case PlainVerdict::Kind::kRefused:
      break;
  }
  if (verdict.blamed > 0) command->error = (*command->plain_errors)[static_cast<size_t>(verdict.blamed) - 1];
  return Step::kRefused;
}

void KeepError(Command* command, int at, const Reply& reply) {
  if (command->plain_errors == nullptr) command->plain_errors = std::make_unique<std::array<std::string, 2>>();
  (*command->plain_errors)[static_cast<size_t>(at) - 1] = Complaint(reply, Reply::Type::kInteger);
}

Step TakePlain(Command* command, int at, const Reply& reply, Reading* reading) {
  PlainReplies& replies = command->plain;
  const bool is_integer = reply.type() == Reply::Type::kInteger;
  if (at == 0) {
    replies.server_ms = command->node->flush_time.server_ms;
    replies.end_before = Plain(reply);
    // Only heeded where it is no error.
    if (!is_integer) command->error = Complaint(reply, Reply::Type::kInteger);
    return Step::kMore;
  }
  if (!is_integer) KeepError(command, at, reply);
  if (at == 1) {
    replies.count = Plain(reply);
    return Step::kMore;
  }
  replies.end_created = Plain(reply);
  return Judge(command, reading);
}

void EncodeExpire(Command* command, std::string* out) {
  AppendKeyCommand("PEXPIRE", *command, 2, out);
  AppendBulkNumber(ExpiryOf(command->check->rule().window_ms), out);
  AppendBulk("NX", out);
}

Step TakeExpire(Command* command, int /*at*/, const Reply& reply, Reading* reading) {
  if (!IsDue(reply, Reply::Type::kInteger, command)) return Step::kRefused;
  command->plain.end_created = Plain(reply);
  return Judge(command, reading);
}

void EncodePersist(Command* command, std::string* out) { AppendKeyCommand("PERSIST", *command, 0, out); }

Step TakePersist(Command* command, int /*at*/, const Reply& reply, Reading* reading) {
  return TakeNumber(command, reply, reading);
}

bool HasExpiryNx(const Capabilities& capabilities) { return capabilities.expiry_nx; }
int ThreeReplies(const Command& /*command*/) { return 3; }

}  // namespace

const Form kPlainForm = {HasExpiryNx, ThreeReplies, EncodePlain, TakePlain, true, true, true, nullptr};
const Form kExpireForm = {AnyServer, OneReply, EncodeExpire, TakeExpire, false, true, false, nullptr};
const Form kPersistForm = {AnyServer, OneReply, EncodePersist, TakePersist, false, false, false, nullptr};

}  // namespace spillway
