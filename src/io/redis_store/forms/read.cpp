#include "redis_store/forms/read.h"

#include <algorithm>

#include "redis/wire.h"
#include "redis_store/forms/encode.h"

namespace spillway {
namespace {

const char* NameOf(Reply::Type type) {
  switch (type) {
    case Reply::Type::kInteger:
      return "an integer";
    case Reply::Type::kString:
      return "a text";
    case Reply::Type::kStatus:
      return "a status";
    case Reply::Type::kError:
      return "an error";
    case Reply::Type::kNil:
      return "nil";
    case Reply::Type::kArray:
      break;
  }
  return "an array";
}

}  // namespace

std::string Complaint(const Reply& reply, Reply::Type due) {
  if (reply.IsError()) return reply.text().empty() ? "ERR the server gave no reason" : std::string(reply.text());
  if (reply.type() == due) return "";
  return std::string("ERR the server answered with ") + NameOf(reply.type()) + " where " + NameOf(due) + " was due";
}

bool IsAdmitted(const Command& command, int64_t checks) {
  return IsIn(checks, 0, command.asked) && checks <= 2 * kBlocked / command.check->units;
}

bool HoldsIntegers(const Reply& reply, size_t count) {
  if (reply.type() != Reply::Type::kArray || reply.size() != 1 + count) return false;
  for (size_t i = 1; i <= count; ++i) {
    if (reply.type(i) != Reply::Type::kInteger) return false;
  }
  return true;
}

bool ParseCount(std::string_view text, int64_t* count) {
  const std::string_view digits = text.substr(text.substr(0, 1) == "-" ? 1 : 0);
  const bool padded = digits.substr(0, 1) == "0" && text != "0";
  if (padded || !ParseInteger(text, count) || *count <= -kBlocked) return false;
  *count = std::min(*count, kBlocked);
  return true;
}

bool IsDue(const Reply& reply, Reply::Type due, Command* command) {
  if (reply.type() == due) return true;
  command->error = Complaint(reply, due);
  return false;
}

Step TakeNumber(Command* command, const Reply& reply, Reading* reading) {
  if (!IsDue(reply, Reply::Type::kInteger, command)) return Step::kRefused;
  const int64_t most = std::max<int64_t>(1, static_cast<int64_t>(command->check->rules->size()));
  reading->number = reply.integer();
  if (IsIn(reading->number, 0, most)) return Step::kNumber;
  command->error = kImpossible;
  return Step::kRefused;
}

std::string_view LetterOf(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kFixedWindow:
      return "f";
    case Algorithm::kSlidingWindow:
      return "w";
    case Algorithm::kSlidingLog:
      return "l";
    case Algorithm::kTokenBucket:
      break;
  }
  return "b";
}

}  // namespace spillway
