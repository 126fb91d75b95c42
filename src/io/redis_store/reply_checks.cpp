#include "redis_store/reply_checks.h"

#include <algorithm>

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

bool IsIn(int64_t number, int64_t least, int64_t most) { return number >= least && number <= most; }

// A count, or a room, that scripts compute: a limit less a count that may be negative.
bool IsUnits(int64_t number) { return IsIn(number, -2 * kBlocked, 2 * kBlocked); }

bool IsTime(int64_t number) { return IsIn(number, 0, kBlocked); }

// An array of so many integers.
bool HoldsIntegers(const Reply& reply, size_t count) {
  if (reply.type() != Reply::Type::kArray || reply.size() != 1 + count) return false;
  for (size_t i = 1; i <= count; ++i) {
    if (reply.type(i) != Reply::Type::kInteger) return false;
  }
  return true;
}

// So many of the checks that were asked for, none of which has charged more than a count can be.
bool IsAdmitted(const Request& request, int64_t checks) {
  return IsIn(checks, 0, request.asked) && checks <= 2 * kBlocked / request.cost;
}

bool ReadWindows(const Request& request, const Reply& reply, std::vector<int64_t>* fields) {
  const RuleSet& rules = *request.rules;
  if (!HoldsIntegers(reply, 2 + 2 * rules.size())) return false;
  const int64_t units = reply.integer(1);
  const int64_t now = reply.integer(2);
  if (units % request.cost != 0 || !IsAdmitted(request, units / request.cost) || !IsTime(now)) return false;
  fields->push_back(units / request.cost);
  for (size_t i = 0; i < rules.size(); ++i) {
    const int64_t used = reply.integer(3 + 2 * i);
    const int64_t ends = reply.integer(4 + 2 * i);
    if (!IsIn(used, -kBlocked, kBlocked) || !IsTime(ends) || (units > 0 && units > rules[i].limit - used)) return false;
    const int64_t rest = std::max<int64_t>(0, ends - now) + 1;
    const bool blocked = used >= kBlocked;
    const int64_t room = blocked ? 0 : rules[i].limit - used;
    const int64_t wait = blocked || request.cost <= rules[i].limit ? rest : kNeverFits;
    const int64_t fits = std::clamp<int64_t>(room / request.cost, 0, request.asked);
    fields->insert(fields->end(), {room - units, rest, wait, ends, blocked ? 1 : 0, fits});
  }
  return true;
}

// One rule's numbers, of a reply that admits so many checks.
bool IsRule(const Request& request, const Rule& rule, int64_t admitted, const int64_t* field) {
  const bool denies = request.op != Op::kPenalize && !rule.shadow;
  return IsUnits(field[0]) && IsTime(field[1]) && IsIn(field[2], kNeverFits, kBlocked) &&
         IsIn(field[3], -kBlocked, kBlocked) && IsIn(field[4], 0, 1) && IsAdmitted(request, field[5]) &&
         !(denies && admitted > field[5]);
}

}  // namespace

std::string Complaint(const Reply& reply, Reply::Type due) {
  if (reply.IsError()) return reply.text().empty() ? "ERR the server gave no reason" : std::string(reply.text());
  if (reply.type() == due) return "";
  return std::string("ERR the server answered with ") + NameOf(reply.type()) + " where " + NameOf(due) + " was due";
}

bool ReadWindow(const Request& request, const Reply& reply, WindowReply* read) {
  if (!HoldsIntegers(reply, 4)) return false;
  *read = {reply.integer(1), reply.integer(2), reply.integer(3), reply.integer(4)};
  return IsAdmitted(request, read->admitted) && IsIn(read->used, -kBlocked, kBlocked) &&
         (read->admitted == 0 || read->used <= request.rule().limit) && IsTime(read->rest_ms) && IsTime(read->ends_ms);
}

bool ReadLayered(const Request& request, const Reply& reply, std::vector<int64_t>* fields) {
  fields->clear();
  if (AsksWindows(request)) return ReadWindows(request, reply, fields);
  const RuleSet& rules = *request.rules;
  if (!HoldsIntegers(reply, 1 + kLayeredFields * rules.size())) return false;
  for (size_t i = 1; i < reply.size(); ++i) fields->push_back(reply.integer(i));
  const int64_t admitted = fields->front();
  if (!IsAdmitted(request, admitted)) return false;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!IsRule(request, rules[i], admitted, fields->data() + 1 + kLayeredFields * i)) return false;
  }
  return true;
}

}  // namespace spillway
