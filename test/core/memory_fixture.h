#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "asking.h"
#include "fake_clock.h"
#include "memory/memory_store.h"

namespace spillway {

inline Rule MakeRule(Algorithm algorithm, int64_t limit, int64_t window_ms, const std::string& part = "") {
  Rule rule;
  rule.prefix = "p:";
  rule.algorithm = algorithm;
  rule.limit = limit;
  rule.window_ms = window_ms;
  rule.timeout_ms = 250;
  rule.part = part;
  rule.burst = limit;
  return rule;
}

constexpr Algorithm kAlgorithms[] = {Algorithm::kFixedWindow, Algorithm::kSlidingWindow, Algorithm::kSlidingLog,
                                     Algorithm::kTokenBucket};

// A store in process whose clock the test moves.
class Memory {
 public:
  explicit Memory(size_t max_keys = 1000) : store("p:", max_keys, &clock, &results) {}

  std::vector<Decision> Ask(Op op, const RuleSet& rules, int64_t units = 1, const std::string& subject = "s") {
    std::vector<Decision> decisions;
    for (const Seen& outcome : Submit(op, rules, units, subject)) {
      EXPECT_EQ(outcome.behind, rules.size() - 1 - decisions.size());
      decisions.push_back(outcome.decision);
    }
    EXPECT_EQ(decisions.size(), rules.size());
    return decisions;
  }
  Decision Check(const Rule& rule, int64_t units = 1, const std::string& subject = "s") {
    return Ask(Op::kCheck, {rule}, units, subject)[0];
  }
  Decision Peek(const Rule& rule, int64_t units = 1, const std::string& subject = "s") {
    return Ask(Op::kPeek, {rule}, units, subject)[0];
  }
  int64_t Refund(const RuleSet& rules, int64_t units, const std::vector<int64_t>& marks,
                 const std::string& subject = "s") {
    return Only(Submit(Op::kRefund, rules, units, subject, marks.data()));
  }
  void Block(const RuleSet& rules, int64_t ms, const std::string& subject = "s") {
    Only(Submit(Op::kBlock, rules, ms, subject));
  }
  int64_t Reset(const RuleSet& rules, const std::string& subject = "s") {
    return Only(Submit(Op::kReset, rules, 1, subject));
  }
  int64_t now() const { return clock.now_ms - 1000; }

  FakeClock clock;
  Results results;
  MemoryStore store;

 private:
  std::vector<Seen> Submit(Op op, const RuleSet& rules, int64_t units, const std::string& subject,
                           const int64_t* marks = nullptr) {
    std::vector<Seen> seen;
    const std::vector<std::string> subjects(rules.size(), subject);
    EXPECT_TRUE(spillway::Submit(&store, op, rules, subjects, units, 7, &seen, marks));
    for (const Seen& outcome : seen) {
      EXPECT_EQ(outcome.ticket, 7U);
      EXPECT_EQ(outcome.status, Status::kAnswered);
    }
    return seen;
  }
  static int64_t Only(const std::vector<Seen>& outcomes) {
    EXPECT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes.at(0).behind, 0U);
    return outcomes.at(0).decision.used;
  }
};

}  // namespace spillway
