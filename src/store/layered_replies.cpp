// What the replies to checks under several rules mean.
#include <algorithm>

#include "algorithms/fixed_window.h"
#include "store/redis_store.h"

namespace spillway {
namespace {

constexpr const char* kUnknownShape = "ERR the script's reply has an unknown shape";

}  // namespace

// The script answers for the state after all admitted checks; of k admitted ones, the i-th left (k - 1 - i) costs more.
void RedisStore::FinishLayered(Request* request, const Reply& reply) {
  constexpr size_t kFields = 6;
  const RuleSet& rules = *request->rules;
  if (reply.size() != 2 + kFields * rules.size()) {
    request->error = kUnknownShape;
    Refused(request);
    return;
  }
  const int64_t admitted = request->op == Op::kPeek ? 0 : reply.integer(1);
  int64_t place = 0;
  for (const Ticket ticket : request->tickets) {
    const bool passed = place < admitted;
    for (size_t i = 0; i < rules.size(); ++i) {
      const size_t at = 2 + kFields * i;
      const Rule& rule = rules[i];
      const int64_t room = reply.integer(at);
      // Of the checks of this command, how many this rule alone would have admitted, and how many it counted.
      const int64_t fits = reply.integer(at + 5);
      const int64_t counted = rule.shadow && request->op != Op::kPenalize ? std::min(admitted, fits) : admitted;
      Decision decision;
      decision.limit = rule.capacity();
      decision.blocked = reply.integer(at + 4) == 1;
      decision.allowed = passed ? place < fits : room >= request->cost && !decision.blocked;
      const int64_t left = passed ? room + std::max<int64_t>(0, counted - place - 1) * request->cost : room;
      decision.remaining = std::clamp<int64_t>(left, 0, decision.limit);
      decision.used = decision.limit - left;
      decision.reset_in_ms = std::max<int64_t>(0, reply.integer(at + 1));
      decision.retry_after_ms = decision.allowed ? 0 : reply.integer(at + 2);
      decision.mark = reply.integer(at + 3);
      results_->outcomes.push_back({ticket, Ending::kAnswered, decision, static_cast<uint8_t>(rules.size() - 1 - i)});
    }
    --waiting_;
    ++place;
  }
  Recycle(request);
}

void RedisStore::FinishWindows(Request* request, const Reply& reply) {
  const RuleSet& rules = *request->rules;
  if (reply.size() != 3 + 2 * rules.size()) {
    request->error = kUnknownShape;
    Refused(request);
    return;
  }
  const int64_t charged = reply.integer(1);
  int64_t passed = 0;
  for (const Ticket ticket : request->tickets) {
    const bool admitted = passed + request->cost <= charged;
    if (admitted) passed += request->cost;
    for (size_t i = 0; i < rules.size(); ++i) {
      const Rule& rule = rules[i];
      const int64_t used = reply.integer(3 + 2 * i) + passed;
      const int64_t rest = std::max<int64_t>(reply.integer(4 + 2 * i), 0);
      const bool fits = admitted || used <= rule.limit - request->cost;
      Decision decision =
          fits ? FixedWindowAdmitted(rule, used, rest) : FixedWindowDenied(rule, used, rest, request->cost);
      decision.mark = reply.integer(2) + rest;
      if (used >= kBlocked) FixedWindowBlocked(rest, &decision);
      results_->outcomes.push_back({ticket, Ending::kAnswered, decision, static_cast<uint8_t>(rules.size() - 1 - i)});
    }
    --waiting_;
  }
  Recycle(request);
}

}  // namespace spillway
