#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "memory_fixture.h"
#include "state.h"
#include "step.h"

namespace spillway {

// Sub-windows lie on a grid: where all their widths divide what lies between two clocks, both have the same.
inline constexpr int64_t kTodayMs = int64_t{1320} * 1'300'000'000;

// Somebody who keeps one state for each rule of a call, by a clock of their own.
class Keeper {
 public:
  explicit Keeper(size_t rules) : kept_(rules) {}

  std::vector<Stepped> Step(Op op, const std::vector<Rule>& rules, int64_t units, int64_t now_ms,
                            const std::vector<int64_t>& marks = {}) {
    std::vector<StepItem> items(rules.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      items[i] = {&rules[i], kept_[i].state, marks.empty() ? 0 : marks[i]};
    }
    std::vector<Stepped> results(rules.size());
    EXPECT_EQ(spillway::Step(op, units, now_ms, rules.size(), items.data(), results.data()), rules.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      EXPECT_EQ(results[i].changed, !results[i].state.empty());
      if (results[i].changed) kept_[i].state = results[i].state;
      kept_[i].until_ms = now_ms + results[i].expires_in_ms;
    }
    return results;
  }
  // Forgets what means nothing any more, as a database with a time to live does.
  void Expire(int64_t now_ms) {
    for (Kept& kept : kept_) {
      if (now_ms >= kept.until_ms) kept.state.clear();
    }
  }
  void Reset() { kept_.assign(kept_.size(), {}); }
  const std::string& state(size_t rule) const { return kept_[rule].state; }

 private:
  struct Kept {
    std::string state;
    int64_t until_ms = 0;
  };
  std::vector<Kept> kept_;
};

// One step of one rule.
inline Stepped Once(const Rule& rule, const std::string& state, int64_t now_ms, int64_t units = 1, Op op = Op::kCheck,
                    int64_t mark = 0) {
  const StepItem item{&rule, state, mark};
  Stepped result;
  EXPECT_EQ(Step(op, units, now_ms, 1, &item, &result), 1U);
  return result;
}

inline bool IsState(const std::string& text) {
  State state;
  return ReadState(text, 0, &state);
}

}  // namespace spillway
