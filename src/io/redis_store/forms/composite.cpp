// Checks of any rules, all or nothing, by a script: composite.lua, or the shorter fixed_windows.lua where all rules are fixed
// windows that deny, which is most of them.
#include <algorithm>

#include "redis_store/forms/encode.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

bool AsksWindows(const PendingCheck& check) {
  return check.op == Op::kCheck && std::all_of(check.rules->begin(), check.rules->end(), [](const Rule& rule) {
           return rule.algorithm == Algorithm::kFixedWindow && !rule.shadow;
         });
}

const Script& ScriptFor(const RuleSet& rules) {
  const Algorithm first = rules.front().algorithm;
  for (const Rule& rule : rules) {
    if (rule.algorithm != first) return k_composite_all;
  }
  switch (first) {
    case Algorithm::kFixedWindow:
      return k_composite_fixed_window;
    case Algorithm::kSlidingWindow:
      return k_composite_sliding_window;
    case Algorithm::kSlidingLog:
      return k_composite_sliding_log;
    case Algorithm::kTokenBucket:
      break;
  }
  return k_composite_token_bucket;
}

void EncodeComposite(Command* command, std::string* out) {
  const PendingCheck& check = *command->check;
  const RuleSet& rules = *check.rules;
  if (AsksWindows(check)) {
    AppendScriptCall(k_fixed_windows, *command, 2 + 2 * rules.size(), out);
    AppendBulkNumbers({check.units, command->asked}, out);
    for (const Rule& rule : rules) AppendBulkNumbers({rule.limit, rule.window_ms}, out);
    return;
  }
  AppendScriptCall(ScriptFor(rules), *command, 3 + 5 * rules.size(), out);
  AppendBulkNumbers({check.units, command->asked, check.op == Op::kPenalize ? 1 : 0}, out);
  for (const Rule& rule : rules) {
    AppendBulk(LetterOf(rule.algorithm), out);
    AppendBulkNumbers({rule.capacity(), rule.window_ms, rule.limit, rule.shadow ? 1 : 0}, out);
  }
}

bool ReadWindows(const Command& command, const Reply& reply, std::vector<int64_t>* numbers) {
  const RuleSet& rules = *command.check->rules;
  const int64_t cost = command.check->units;
  if (!HoldsIntegers(reply, 2 + 2 * rules.size())) return false;
  const int64_t units = reply.integer(1);
  const int64_t now = reply.integer(2);
  if (units % cost != 0 || !IsAdmitted(command, units / cost) || !IsTime(now)) return false;
  numbers->push_back(units / cost);
  for (size_t i = 0; i < rules.size(); ++i) {
    const int64_t used = reply.integer(3 + 2 * i);
    const int64_t ends = reply.integer(4 + 2 * i);
    if (!IsIn(used, -kBlocked, kBlocked) || !IsTime(ends) || (units > 0 && units > rules[i].limit - used)) return false;
    const int64_t rest = std::max<int64_t>(0, ends - now) + 1;
    const bool blocked = used >= kBlocked;
    const int64_t room = blocked ? 0 : rules[i].limit - used;
    const int64_t wait = blocked || cost <= rules[i].limit ? rest : kNeverFits;
    const int64_t fits = std::clamp<int64_t>(room / cost, 0, command.asked);
    numbers->insert(numbers->end(), {room - units, rest, wait, ends, blocked ? 1 : 0, fits});
  }
  return true;
}

// One rule's numbers, of a reply that admits so many checks.
bool IsRule(const Command& command, const Rule& rule, int64_t admitted, const int64_t* number) {
  const bool denies = command.check->op != Op::kPenalize && !rule.shadow;
  return IsUnits(number[0]) && IsTime(number[1]) && IsIn(number[2], kNeverFits, kBlocked) &&
         IsIn(number[3], -kBlocked, kBlocked) && IsIn(number[4], 0, 1) && IsAdmitted(command, number[5]) &&
         !(denies && admitted > number[5]) && !(denies && admitted > 0 && number[0] < 0) &&
         !(number[4] == 1 && number[5] > 0);
}

bool ReadRules(const Command& command, const Reply& reply, std::vector<int64_t>* numbers) {
  const RuleSet& rules = *command.check->rules;
  if (!HoldsIntegers(reply, 1 + kRuleNumbers * rules.size())) return false;
  for (size_t i = 1; i < reply.size(); ++i) numbers->push_back(reply.integer(i));
  const int64_t admitted = numbers->front();
  if (!IsAdmitted(command, admitted)) return false;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!IsRule(command, rules[i], admitted, numbers->data() + 1 + kRuleNumbers * i)) return false;
  }
  return true;
}

Step TakeComposite(Command* command, int /*at*/, const Reply& reply, Reading* /*reading*/) {
  if (!IsDue(reply, Reply::Type::kArray, command)) return Step::kRefused;
  PendingCheck* check = command->check;
  check->numbers.clear();
  const bool read =
      AsksWindows(*check) ? ReadWindows(*command, reply, &check->numbers) : ReadRules(*command, reply, &check->numbers);
  if (read) return Step::kRules;
  command->error = kUnknownReply;
  return Step::kRefused;
}

}  // namespace

const Form kCompositeForm = {AnyServer, OneReply, EncodeComposite, TakeComposite, false, true, false, nullptr};

}  // namespace spillway
