#include "step.h"

#include <algorithm>
#include <array>

#include "memory/counter.h"
#include "state.h"

namespace spillway {
namespace {

// Where a rule's times count from: those of a log are short.
int64_t Since(const Rule& rule, int64_t now_ms) {
  return rule.algorithm == Algorithm::kSlidingLog ? std::max<int64_t>(0, now_ms - kMaxWindowMs) : 0;
}

}  // namespace

size_t Step(Op op, int64_t units, int64_t now_ms, size_t size, const StepItem* items, Stepped* results) {
  State states[kMaxRules];
  Counter<StateRecord> counters[kMaxRules];
  for (size_t i = 0; i < size; ++i) {
    const Rule& rule = *items[i].rule;
    if (!ReadState(items[i].state, Since(rule, now_ms), &states[i])) return i;
    counters[i].Read(rule, {&states[i], now_ms});
  }
  if (op <= Op::kPenalize) {
    std::array<Decision, kMaxRules> decisions;
    Decide(op, units, size, counters, decisions.data());
    for (size_t i = 0; i < size; ++i) {
      results[i].decision = decisions[i];
      // A log's mark is a moment, and one that is blocked has none.
      if (!decisions[i].blocked && items[i].rule->algorithm == Algorithm::kSlidingLog) {
        results[i].decision.mark += states[i].since_ms;
      }
    }
  }
  for (size_t i = 0; i < size; ++i) {
    State& state = states[i];
    if (op == Op::kBlock) counters[i].Block(units);
    if (op == Op::kRefund && counters[i].Refund(units, items[i].mark - state.since_ms)) state.changed = true;
    results[i].changed = state.changed;
    if (state.changed) results[i].state = WriteState(state);
    results[i].expires_in_ms = state.there ? std::max<int64_t>(0, state.end_ms - now_ms + 1) : 0;
  }
  return size;
}

}  // namespace spillway
