// Several rules in one check, and the limiter that makes their keys.
#include <algorithm>
#include <random>
#include <set>

#include "limiter.h"
#include "memory_fixture.h"

namespace spillway {
namespace {

bool SameState(const Decision& a, const Decision& b) {
  return a.remaining == b.remaining && a.used == b.used && a.reset_in_ms == b.reset_in_ms &&
         a.retry_after_ms == b.retry_after_ms && a.blocked == b.blocked;
}

TEST(Layered, AfterADenialNoStateMoved) {
  const unsigned seed = std::random_device()();
  std::mt19937_64 random(seed);
  int denials = 0;
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " round " + std::to_string(round));
    Memory memory;
    std::vector<Rule> rules;
    for (size_t count = 1 + random() % kMaxRules; rules.size() < count;) {
      rules.push_back(MakeRule(kAlgorithms[random() % 4], 1 + static_cast<int64_t>(random() % 12), 1000,
                               "r" + std::to_string(rules.size())));
      rules.back().shadow = random() % 5 == 0;
    }
    rules[random() % rules.size()].shadow = false;
    for (int step = 0; step < 20; ++step) {
      memory.clock.now_ms += static_cast<int64_t>(random() % 60);
      const int64_t units = 1 + static_cast<int64_t>(random() % 3);
      const std::vector<Decision> before = memory.Ask(Op::kPeek, rules, units);
      const std::vector<Decision> decisions = memory.Ask(Op::kCheck, rules, units);
      bool admitted = true;
      for (size_t i = 0; i < rules.size(); ++i) {
        ASSERT_EQ(decisions[i].allowed, before[i].allowed);
        if (!decisions[i].allowed && !rules[i].shadow) admitted = false;
      }
      const std::vector<Decision> after = memory.Ask(Op::kPeek, rules, units);
      for (size_t i = 0; i < rules.size(); ++i) {
        if (admitted && before[i].allowed) {
          ASSERT_EQ(after[i].used, before[i].used + units);
        } else {
          ASSERT_TRUE(SameState(before[i], after[i])) << "rule " << i;
        }
      }
      denials += admitted ? 0 : 1;
    }
  }
  EXPECT_GT(denials, 10000);
}

TEST(Layered, AShadowRuleCountsWhatItWouldAdmitAndNeverDenies) {
  for (const Algorithm algorithm : kAlgorithms) {
    Memory memory;
    std::vector<Rule> rules{MakeRule(Algorithm::kFixedWindow, 10, 1000), MakeRule(algorithm, 2, 1000, "shadow")};
    rules[1].shadow = true;
    for (int64_t i = 1; i <= 10; ++i) {
      const std::vector<Decision> decisions = memory.Ask(Op::kCheck, rules);
      EXPECT_TRUE(decisions[0].allowed);
      EXPECT_EQ(decisions[1].allowed, i <= 2);
      EXPECT_EQ(decisions[1].used, std::min<int64_t>(i, 2));
    }
    EXPECT_FALSE(memory.Ask(Op::kCheck, rules)[0].allowed);
    memory.Block({rules[1]}, 100);
    memory.Reset({rules[0]});
    const std::vector<Decision> blocked = memory.Ask(Op::kCheck, rules);
    EXPECT_TRUE(blocked[0].allowed);
    EXPECT_TRUE(blocked[1].blocked);
    EXPECT_EQ(blocked[0].used, 1);
  }
}

TEST(Layered, AnswersAlsoWhereTheTableHoldsFewerKeysThanTheCheckHasRules) {
  Memory memory(2);
  std::vector<Rule> rules;
  for (size_t i = 0; i < kMaxRules; ++i)
    rules.push_back(MakeRule(kAlgorithms[i % 4], 3, 1000, "r" + std::to_string(i)));
  for (int i = 0; i < 1000; ++i) {
    memory.clock.now_ms += i % 7;
    for (const Decision& decision : memory.Ask(i % 3 == 0 ? Op::kPenalize : Op::kCheck, rules, 1 + i % 4)) {
      ASSERT_GE(decision.remaining, 0);
      ASSERT_LE(decision.remaining, 3);
    }
    ASSERT_LE(memory.store.GetStats().keys, 2);
  }
}

TEST(Layered, AKeyLeftByAnotherAlgorithmStartsAfresh) {
  for (const Algorithm from : kAlgorithms) {
    for (const Algorithm to : kAlgorithms) {
      if (from == to) continue;
      Memory memory;
      memory.Check(MakeRule(from, 5, 1000), 5);
      EXPECT_EQ(memory.Check(MakeRule(to, 5, 1000)).remaining, 4);
      EXPECT_EQ(memory.Check(MakeRule(to, 5, 1000)).remaining, 3);
      EXPECT_EQ(memory.store.GetStats().keys, 1);
    }
  }
}

TEST(Layered, AListingShowsFixedWindowsOfItsRuleAndNothingElse) {
  Memory memory;
  memory.Check(MakeRule(Algorithm::kFixedWindow, 5, 1000), 2, "org-1");
  memory.Check(MakeRule(Algorithm::kFixedWindow, 5, 1000, "id"), 3, "org-1");
  memory.Check(MakeRule(Algorithm::kSlidingLog, 5, 1000), 3, "org-2");
  memory.store.List({"p:", "", "*", 100, 1, ""});
  ASSERT_EQ(memory.results.pages.size(), 1U);
  ASSERT_EQ(memory.results.pages[0].entries.size(), 1U);
  EXPECT_EQ(memory.results.pages[0].entries[0].key, "p:org-1");
  EXPECT_EQ(memory.results.pages[0].entries[0].count, 2);
  EXPECT_EQ(memory.results.pages[0].entries[0].reset_in_ms, 1000);
  memory.store.List({"p:", "", "*", 100, 1, "id"});
  ASSERT_EQ(memory.results.pages[1].entries.size(), 1U);
  EXPECT_EQ(memory.results.pages[1].entries[0].key, "{p:org-1}:id");
  EXPECT_EQ(memory.results.pages[1].entries[0].count, 3);
}

TEST(Layered, AListingSeesAKeyOnceThatIsBlockedOrChargedMeanwhile) {
  Memory memory;
  const Rule rule = MakeRule(Algorithm::kFixedWindow, 5, 1000);
  for (int i = 0; i < 3; ++i) memory.Check(rule, 1, "org-" + std::to_string(i));
  memory.store.List({"p:", "", "*", 1, 1, ""});
  memory.Block({rule}, 500, "org-0");
  memory.Block({rule}, 500, "org-1");
  memory.Check(rule, 1, "org-2");
  memory.store.List({"p:", memory.results.pages[0].cursor, "*", 10, 1, ""});
  ASSERT_EQ(memory.results.pages[1].entries.size(), 2U);
  EXPECT_EQ(memory.results.pages[1].entries[0].count, kBlocked);
  EXPECT_EQ(memory.results.pages[1].entries[1].count, 2);
}

TEST(Layered, CountsOutgrowFourBytes) {
  constexpr int64_t kLarge = int64_t{1} << 32;
  for (const int64_t limit : {int64_t{5}, kLarge - 2, kLarge - 1, kLarge, 4 * kLarge}) {
    Memory memory;
    const Rule rule = MakeRule(Algorithm::kFixedWindow, limit, 1000);
    EXPECT_EQ(memory.Check(rule, limit).used, limit);
    EXPECT_FALSE(memory.Check(rule).allowed);
    EXPECT_FALSE(memory.Peek(rule).blocked);
    const Rule wider = MakeRule(Algorithm::kFixedWindow, 8 * kLarge, 1000);
    EXPECT_EQ(memory.Check(wider, kLarge).used, limit + kLarge);
    EXPECT_EQ(memory.Ask(Op::kPenalize, {rule}, kLarge)[0].used, limit + 2 * kLarge);
    memory.Block({rule}, 500);
    EXPECT_TRUE(memory.Check(wider).blocked);
    memory.clock.now_ms += 501;
    EXPECT_EQ(memory.Check(wider, 3 * kLarge).used, 3 * kLarge);
  }
}

class LimiterTest : public testing::Test {
 protected:
  int32_t Add(std::vector<Rule> rules) { return limiter_.AddRules(std::move(rules), &error_); }
  std::vector<Seen> Submit(int32_t set, Op op, const Subjects& subjects, int64_t units = 1,
                           const int64_t* marks = nullptr) {
    Completions completions;
    const RuleSet& rules = limiter_.RulesOf(static_cast<uint32_t>(set));
    EXPECT_TRUE(limiter_.store()->Submit({op, &rules, subjects, units, 1, marks}, &completions));
    std::vector<Seen> seen;
    Look(completions, &seen);
    return seen;
  }
  std::vector<Seen> Check(int32_t set, const Subjects& subjects) { return Submit(set, Op::kCheck, subjects); }

  FakeClock clock_;
  Results results_;
  Limiter limiter_{std::make_unique<MemoryStore>("p:", 1000, &clock_, &results_)};
  std::string error_;
};

TEST_F(LimiterTest, RefusesSetsThatCannotBeCounted) {
  EXPECT_EQ(Add({}), -1);
  EXPECT_NE(error_, "");
  EXPECT_EQ(Add(std::vector<Rule>(kMaxRules + 1, MakeRule(Algorithm::kFixedWindow, 1, 1))), -1);
  const Rule rule = MakeRule(Algorithm::kFixedWindow, 1, 1000, "a");
  EXPECT_EQ(Add({rule, rule}), -1);
  EXPECT_EQ(Add({rule, MakeRule(Algorithm::kSlidingLog, kMaxLogLimit + 1, 1000, "b")}), -1);
  Rule dry = MakeRule(Algorithm::kTokenBucket, 0, 1000);
  dry.burst = 1;
  EXPECT_EQ(Add({dry}), -1);
  EXPECT_FALSE(limiter_.HasRules(0));
  EXPECT_EQ(Add({rule}), 0);
  EXPECT_EQ(error_, "");
  EXPECT_TRUE(limiter_.HasRules(0));
  EXPECT_EQ(limiter_.RulesOf(0).size(), 1U);
}

TEST_F(LimiterTest, ReleasesASetAndGivesItsNumberToAnother) {
  const Rule rule = MakeRule(Algorithm::kFixedWindow, 1, 1000, "a");
  const int32_t one = Add({rule});
  const int32_t two = Add({rule, MakeRule(Algorithm::kFixedWindow, 1, 1000, "b")});
  limiter_.ReleaseRules(static_cast<uint32_t>(one));
  EXPECT_FALSE(limiter_.HasRules(static_cast<uint32_t>(one)));
  EXPECT_TRUE(limiter_.HasRules(static_cast<uint32_t>(two)));
  limiter_.ReleaseRules(static_cast<uint32_t>(one));
  limiter_.ReleaseRules(99);
  EXPECT_EQ(Add({MakeRule(Algorithm::kFixedWindow, 9, 1000, "a")}), one);
  EXPECT_EQ(Check(one, std::string_view("k"))[0].decision.limit, 9);
  EXPECT_EQ(Add({rule}), two + 1) << "it was given back once";
}

TEST_F(LimiterTest, ASetThatACallHoldsLivesUntilItsNextRelease) {
  const Rule rule = MakeRule(Algorithm::kFixedWindow, 1, 1000, "a");
  const int32_t one = Add({rule, MakeRule(Algorithm::kFixedWindow, 1, 1000, "b")});
  const RuleSet& rules = limiter_.RulesOf(static_cast<uint32_t>(one));
  const RuleSet& part = rules.Singles()[1]->rules;
  part.Hold();
  EXPECT_TRUE(rules.held()) << "a part holds its whole";
  limiter_.ReleaseRules(static_cast<uint32_t>(one));
  EXPECT_EQ(part.front().part, "b");
  part.LetGo();
  EXPECT_FALSE(rules.held());
}

TEST_F(LimiterTest, KeepsTheKeysOfRulesAndSubjectsApart) {
  const int32_t plain = Add({MakeRule(Algorithm::kFixedWindow, 100, 1000)});
  const int32_t a = Add({MakeRule(Algorithm::kFixedWindow, 100, 1000, "a")});
  const int32_t aa = Add({MakeRule(Algorithm::kFixedWindow, 100, 1000, "a}:a")});
  const std::vector<std::string> hostile = {"x", "x}:a", "{x}:a", "{p:x}:a", "x%7D:a", "p:x", "{p:x"};
  for (const std::string& id : hostile) {
    for (const int32_t set : {plain, a, aa})
      EXPECT_EQ(Check(set, std::string_view(id))[0].decision.used, 1) << id << " " << set;
  }
  EXPECT_EQ(limiter_.store()->GetStats().keys, static_cast<int64_t>(hostile.size() * 3));
}

TEST_F(LimiterTest, CountsEachRuleUnderItsOwnSubject) {
  const int32_t set =
      Add({MakeRule(Algorithm::kFixedWindow, 3, 1000), MakeRule(Algorithm::kSlidingWindow, 10, 1000, "user")});
  const std::string_view first[] = {"ip:1", "user:1"};
  const std::string_view second[] = {"ip:2", "user:1"};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Check(set, Subjects(first))[0].decision.allowed);
  const std::vector<Seen> denied = Check(set, Subjects(first));
  EXPECT_FALSE(denied[0].decision.allowed);
  EXPECT_TRUE(denied[1].decision.allowed);
  const std::vector<Seen> other = Check(set, Subjects(second));
  EXPECT_EQ(other[0].decision.used, 1);
  EXPECT_EQ(other[1].decision.used, 4);
  const int64_t marks[] = {other[0].decision.mark, other[1].decision.mark};
  EXPECT_EQ(Submit(set, Op::kRefund, Subjects(second), 1, marks).at(0).decision.used, 2);
  Submit(set, Op::kBlock, Subjects(second), 100);
  EXPECT_TRUE(Check(set, Subjects(first))[1].decision.blocked);
  EXPECT_EQ(Submit(set, Op::kReset, Subjects(second)).at(0).decision.used, 2);
  EXPECT_EQ(Check(set, Subjects(second))[1].decision.used, 1);
}

}  // namespace
}  // namespace spillway
