#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fake_clock.h"
#include "memory/memory_store.h"

namespace spillway {

inline Rule MakeRule(Algorithm algorithm, int64_t limit, int64_t window_ms, const std::string& id = "") {
  Rule rule;
  rule.prefix = "p:";
  rule.algorithm = algorithm;
  rule.limit = limit;
  rule.window_ms = window_ms;
  rule.timeout_ms = 250;
  rule.id = id;
  rule.burst = limit;
  return rule;
}

constexpr Algorithm kAlgorithms[] = {Algorithm::kFixedWindow, Algorithm::kSlidingWindow, Algorithm::kSlidingLog,
                                     Algorithm::kTokenBucket};

// A store in process whose clock the test moves.
class Memory {
 public:
  explicit Memory(size_t max_keys = 1000) : store("p:", max_keys, &clock, &results) {}

  static std::vector<std::string> KeysOf(const RuleSet& rules, const std::string& subject) {
    std::vector<std::string> keys;
    for (const Rule& rule : rules) {
      keys.push_back(rule.id.empty() ? rule.prefix + subject : "{" + rule.prefix + subject + "}:" + rule.id);
    }
    return keys;
  }

  std::vector<Decision> Ask(Op op, const RuleSet& rules, int64_t units = 1, const std::string& subject = "s") {
    const std::vector<std::string> keys = KeysOf(rules, subject);
    std::vector<Outcome> outcomes;
    EXPECT_TRUE(store.Ask(op, rules, keys.data(), units, 7, &outcomes));
    EXPECT_EQ(outcomes.size(), rules.size());
    std::vector<Decision> decisions;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      EXPECT_EQ(outcomes[i].ticket, 7U);
      EXPECT_EQ(outcomes[i].status, Status::kAnswered);
      EXPECT_EQ(outcomes[i].behind, rules.size() - 1 - i);
      decisions.push_back(outcomes[i].decision);
    }
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
    std::vector<Outcome> outcomes;
    EXPECT_TRUE(store.Refund(rules, KeysOf(rules, subject).data(), units, marks.data(), 7, &outcomes));
    return Only(outcomes);
  }
  void Block(const RuleSet& rules, int64_t ms, const std::string& subject = "s") {
    std::vector<Outcome> outcomes;
    EXPECT_TRUE(store.Block(rules, KeysOf(rules, subject).data(), ms, 7, &outcomes));
    Only(outcomes);
  }
  int64_t Reset(const RuleSet& rules, const std::string& subject = "s") {
    std::vector<Outcome> outcomes;
    EXPECT_TRUE(store.Reset(rules, KeysOf(rules, subject).data(), 7, &outcomes));
    return Only(outcomes);
  }
  int64_t now() const { return clock.now_ms - 1000; }

  FakeClock clock;
  Results results;
  MemoryStore store;

 private:
  static int64_t Only(const std::vector<Outcome>& outcomes) {
    EXPECT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes.at(0).status, Status::kAnswered);
    EXPECT_EQ(outcomes.at(0).behind, 0);
    return outcomes.at(0).decision.used;
  }
};

}  // namespace spillway
