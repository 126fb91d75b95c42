#include "redis_store/tickets.h"

#include <algorithm>

#include "algorithms/fixed_window.h"
#include "redis_store/forms/read.h"

namespace spillway {
namespace {

// The script answers for the state after all admitted checks; of k admitted ones, the i-th left (k - 1 - i) costs more.
Decision RuleDecision(const PendingCheck& check, const Rule& rule, int64_t admitted, int64_t place,
                      const int64_t* number) {
  const bool passed = place < admitted;
  const int64_t room = number[0];
  // Of the checks of this command, how many this rule alone would have admitted, and how many it counted.
  const int64_t fits = number[5];
  const int64_t counted = rule.shadow && check.op != Op::kPenalize ? std::min(admitted, fits) : admitted;
  Decision decision;
  decision.limit = rule.capacity();
  decision.blocked = number[4] == 1;
  decision.allowed = passed ? place < fits : room >= check.units && !decision.blocked;
  const int64_t left = passed ? room + std::max<int64_t>(0, counted - place - 1) * check.units : room;
  decision.remaining = std::clamp<int64_t>(left, 0, decision.limit);
  decision.used = decision.limit - left;
  decision.reset_in_ms = std::max<int64_t>(0, number[1]);
  decision.retry_after_ms = decision.allowed ? 0 : number[2];
  decision.mark = number[3];
  return decision;
}

}  // namespace

int64_t Tickets::TookUs(const PendingCheck& check) {
  if (now_us_ == kUnread) now_us_ = clock_->NowUs();
  return std::max<int64_t>(0, now_us_ - check.asked_us);
}

void Tickets::End(PendingCheck* check, Status status) {
  // One that is closed may not have been sent off.
  const int64_t took_us = status == Status::kClosed ? kNotTimed : TookUs(*check);
  const auto count = static_cast<int64_t>(check->tickets.size());
  for (const Ticket ticket : check->tickets) results_->completions.End(ticket, status, Source::kRedis, took_us);
  waiting_ -= count;
  if (status == Status::kForeign) foreign_ += count;
  if (status == Status::kTimedOut) timeouts_ += count;
  check->tickets.clear();
}

void Tickets::Answer(PendingCheck* check, const Decision& decision) {
  const int64_t took_us = TookUs(*check);
  for (const Ticket ticket : check->tickets) results_->completions.Answer(ticket, Source::kRedis, decision, took_us);
  waiting_ -= static_cast<int64_t>(check->tickets.size());
  check->tickets.clear();
}

void Tickets::Admit(PendingCheck* check, const WindowReading& reading) {
  const Rule& rule = check->rule();
  const int64_t took_us = TookUs(*check);
  const auto count = std::min(reading.admitted, static_cast<int64_t>(check->tickets.size()));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t used = reading.used - (reading.admitted - 1 - i) * check->units;
    Decision decision = FixedWindowAdmitted(rule, used, reading.rest_ms);
    decision.mark = reading.mark;
    results_->completions.Answer(check->tickets[static_cast<size_t>(i)], Source::kRedis, decision, took_us);
  }
  waiting_ -= count;
  check->tickets.erase(check->tickets.begin(), check->tickets.begin() + static_cast<std::ptrdiff_t>(count));
}

void Tickets::Deny(PendingCheck* check, const WindowReading& reading) {
  const Rule& rule = check->rule();
  Decision decision = reading.blocked ? FixedWindowBlocked(rule, reading.rest_ms)
                                      : FixedWindowDenied(rule, reading.used, reading.rest_ms, check->units);
  decision.mark = reading.mark;
  Answer(check, decision);
}

void Tickets::AnswerRules(PendingCheck* check, const std::vector<int64_t>& numbers) {
  const RuleSet& rules = *check->rules;
  const int64_t admitted = check->op == Op::kPeek ? 0 : numbers[0];
  const int64_t took_us = TookUs(*check);
  int64_t place = 0;
  for (const Ticket ticket : check->tickets) {
    Decision* decisions = results_->completions.Answer(ticket, Source::kRedis, rules.size(), took_us);
    for (size_t i = 0; i < rules.size(); ++i) {
      decisions[i] = RuleDecision(*check, rules[i], admitted, place, numbers.data() + 1 + kRuleNumbers * i);
    }
    ++place;
  }
  waiting_ -= place;
  check->tickets.clear();
}

}  // namespace spillway
