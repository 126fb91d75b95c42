// The algorithms as a pure function: what it decides is what the store in process decides, whoever keeps the states.
#include "step.h"

#include <random>

#include "stepping.h"

namespace spillway {
namespace {

// Of nobody's charge, as lib/decision.ts has it.
constexpr int64_t kNoMark = -(int64_t{1} << 52);

class Sequence {
 public:
  // Moments are `ahead_ms` later than the store's.
  Sequence(uint64_t seed, size_t rules, int64_t ahead_ms)
      : random_(seed), ahead_ms_(ahead_ms), rules_(rules), keeper_(rules) {
    forgets_ = Draw(2) == 0;
    for (size_t i = 0; i < rules; ++i) {
      rules_[i] = MakeRule(kAlgorithms[Draw(4)], 0, 1, i == 0 ? "" : "r" + std::to_string(i));
      rules_[i].shadow = rules > 1 && Draw(4) == 0;
      SetWindow(&rules_[i]);
      SetLimit(&rules_[i]);
    }
  }

  void Step() {
    Pass();
    Rule& any = rules_[Draw(rules_.size())];
    if (Draw(12) == 0) SetLimit(&any);
    if (Draw(30) == 0) SetWindow(&any);
    if (Draw(60) == 0) any.algorithm = kAlgorithms[Draw(4)];
    const uint64_t drawn = Draw(100);
    if (drawn < 60) return Ask(Op::kCheck);
    if (drawn < 72) return Ask(Op::kPeek);
    if (drawn < 80) return Ask(Op::kPenalize);
    if (drawn < 95) return Refund();
    if (drawn < 98) return Block();
    memory_.Reset(rules_);
    keeper_.Reset();
  }

 private:
  struct Charge {
    std::vector<Rule> rules;
    int64_t units;
    std::vector<int64_t> marks;
    std::vector<int64_t> store_marks;
  };

  uint64_t Draw(uint64_t below) { return random_() % below; }
  int64_t now() const { return memory_.now() + ahead_ms_; }

  void SetLimit(Rule* rule) {
    rule->limit = static_cast<int64_t>(Draw(8) == 0 ? Draw(2) : Draw(30));
    rule->burst = rule->limit == 0 ? 0 : static_cast<int64_t>(Draw(40));
  }
  void SetWindow(Rule* rule) {
    static constexpr int64_t kWindows[] = {1, 2, 9, 10, 11, 30, 95, 100, 101, 237};
    rule->window_ms = kWindows[Draw(10)];
  }
  void Pass() {
    const int64_t window = rules_[0].window_ms;
    const int64_t steps[] = {0, 0, 1, 1, 2, window / 10, window / 3, window - 1, window, window + 1, window + 2};
    memory_.clock.now_ms += steps[Draw(11)];
    if (forgets_) keeper_.Expire(now());
  }

  void Ask(Op op) {
    const int64_t units = static_cast<int64_t>(Draw(3) == 0 ? 1 + Draw(12) : 1);
    Charge charge{rules_, units, {}, {}};
    const std::vector<Decision> expected = memory_.Ask(op, rules_, units);
    const std::vector<Stepped> results = keeper_.Step(op, rules_, units, now());
    for (size_t i = 0; i < rules_.size(); ++i) {
      SCOPED_TRACE("rule " + std::to_string(i) + " algorithm " + std::to_string(static_cast<int>(rules_[i].algorithm)));
      const Decision& decision = results[i].decision;
      ASSERT_EQ(decision.allowed, expected[i].allowed);
      ASSERT_EQ(decision.limit, expected[i].limit);
      ASSERT_EQ(decision.remaining, expected[i].remaining);
      ASSERT_EQ(decision.used, expected[i].used);
      ASSERT_EQ(decision.reset_in_ms, expected[i].reset_in_ms);
      ASSERT_EQ(decision.retry_after_ms, expected[i].retry_after_ms);
      ASSERT_EQ(decision.blocked, expected[i].blocked);
      ASSERT_FALSE(op == Op::kPeek && results[i].changed);
      // What was blocked was not charged, and its mark is none: the number that stands there means another moment to each.
      charge.marks.push_back(decision.blocked ? kNoMark : decision.mark);
      charge.store_marks.push_back(decision.blocked ? kNoMark : expected[i].mark);
    }
    if (op != Op::kPeek) charges_.push_back(charge);
  }

  void Refund() {
    if (charges_.empty()) return;
    const Charge& charge = charges_[charges_.size() - std::min<size_t>(charges_.size(), 1 + Draw(6))];
    int64_t taken = 0;
    for (const Stepped& result : keeper_.Step(Op::kRefund, charge.rules, charge.units, now(), charge.marks)) {
      if (result.changed) ++taken;
    }
    ASSERT_EQ(taken, memory_.Refund(charge.rules, charge.units, charge.store_marks));
  }

  void Block() {
    const int64_t ms = 1 + static_cast<int64_t>(Draw(50));
    memory_.Block(rules_, ms);
    for (const Stepped& result : keeper_.Step(Op::kBlock, rules_, ms, now())) ASSERT_TRUE(result.changed);
  }

  std::mt19937_64 random_;
  const int64_t ahead_ms_;
  bool forgets_;
  Memory memory_;
  std::vector<Rule> rules_;
  Keeper keeper_;
  std::vector<Charge> charges_;
};

class StepAgrees : public testing::TestWithParam<int64_t> {};

TEST_P(StepAgrees, WithTheStoreInProcessOverRandomSequences) {
  std::mt19937_64 random(std::random_device{}());
  for (int i = 0; i < 600 && !HasFatalFailure(); ++i) {
    const uint64_t seed = random();
    const size_t rules = i % 2 == 0 ? 1 : 1 + seed % kMaxRules;
    Sequence sequence(seed, rules, GetParam());
    for (int step = 0; step < 300 && !HasFatalFailure(); ++step) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " rules " + std::to_string(rules) + " step " +
                   std::to_string(step));
      sequence.Step();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Clocks, StepAgrees, testing::Values(0, kTodayMs));

TEST(Step, ADeniedCheckChangesNothingUnderAnyRule) {
  const Rule wide = MakeRule(Algorithm::kTokenBucket, 10, 1000);
  Rule narrow = MakeRule(Algorithm::kSlidingLog, 1, 1000);
  Keeper keeper(2);
  for (const Stepped& result : keeper.Step(Op::kCheck, {wide, narrow}, 1, kTodayMs)) EXPECT_TRUE(result.changed);
  for (const Stepped& result : keeper.Step(Op::kCheck, {wide, narrow}, 1, kTodayMs)) EXPECT_FALSE(result.changed);
  narrow.shadow = true;
  const auto results = keeper.Step(Op::kCheck, {wide, narrow}, 1, kTodayMs);
  EXPECT_TRUE(results[0].changed);
  EXPECT_FALSE(results[1].changed);
}

TEST(Step, ADeniedCheckCutsALongerWindow) {
  const Stepped longer = Once(MakeRule(Algorithm::kFixedWindow, 5, 60000), "", kTodayMs, 5);
  EXPECT_EQ(longer.expires_in_ms, 60000);
  const Rule rule = MakeRule(Algorithm::kFixedWindow, 5, 1000);
  const Stepped cut = Once(rule, longer.state, kTodayMs + 100);
  EXPECT_FALSE(cut.decision.allowed);
  EXPECT_TRUE(cut.changed);
  EXPECT_EQ(cut.expires_in_ms, 1000);
  EXPECT_FALSE(Once(rule, cut.state, kTodayMs + 100).changed);
}

TEST(Step, AStateMeansNothingOnceItHasExpired) {
  for (const Algorithm algorithm : kAlgorithms) {
    const Rule rule = MakeRule(algorithm, 5, 1000);
    const Stepped charged = Once(rule, "", kTodayMs, 5);
    EXPECT_GE(charged.expires_in_ms, 1000);
    EXPECT_LE(charged.expires_in_ms, 1102);
    const int64_t end_ms = kTodayMs + charged.expires_in_ms;
    EXPECT_EQ(Once(rule, charged.state, end_ms - 1, 1, Op::kPeek).expires_in_ms, 1);
    const Stepped later = Once(rule, charged.state, end_ms, 1, Op::kPeek);
    EXPECT_EQ(later.expires_in_ms, 0);
    EXPECT_EQ(later.decision.remaining, 5);
    EXPECT_EQ(Once(rule, "", kTodayMs, 1, Op::kPeek).expires_in_ms, 0);
  }
}

TEST(Step, AnyMomentAndTheLargestNumbersAreExact) {
  for (const int64_t now_ms : {int64_t{0}, int64_t{1}, kTodayMs, kMaxTimeMs}) {
    for (const Algorithm algorithm : kAlgorithms) {
      for (const int64_t window_ms : {int64_t{1}, int64_t{1000}, kMaxWindowMs}) {
        const int64_t most = algorithm == Algorithm::kSlidingLog    ? kMaxLogLimit
                             : algorithm == Algorithm::kTokenBucket ? kMaxLimit / window_ms
                                                                    : kMaxLimit;
        const Rule rule = MakeRule(algorithm, most, window_ms);
        ASSERT_EQ(Validate(rule), "");
        const Stepped charged = Once(rule, "", now_ms, most);
        EXPECT_TRUE(charged.decision.allowed);
        const Stepped penalized = Once(rule, charged.state, now_ms, kMaxLimit, Op::kPenalize);
        EXPECT_EQ(penalized.decision.remaining, 0);
        const std::string state = penalized.changed ? penalized.state : charged.state;
        const Stepped looked = Once(rule, state, now_ms, 1, Op::kPeek);
        EXPECT_EQ(looked.decision.used, penalized.decision.used);
        EXPECT_FALSE(looked.decision.allowed);
        EXPECT_TRUE(Once(rule, state, now_ms, 1, Op::kRefund, charged.decision.mark).changed);
        // The largest mark is nobody's charge, but of a bucket that would be full then.
        const Stepped refunded = Once(rule, state, now_ms, 1, Op::kRefund, (int64_t{1} << 54) - 1);
        EXPECT_EQ(refunded.changed, algorithm == Algorithm::kTokenBucket);
        EXPECT_TRUE(IsState(Once(rule, state, now_ms, kMaxWindowMs, Op::kBlock).state));
      }
    }
  }
}

TEST(Step, AClockThatGoesBackIsBorne) {
  for (const Algorithm algorithm : kAlgorithms) {
    const Rule rule = MakeRule(algorithm, 5, 1000);
    const std::string state = Once(rule, "", kMaxTimeMs, 5).state;
    for (const int64_t now_ms : {int64_t{0}, kTodayMs}) {
      const Stepped back = Once(rule, state, now_ms, 1, Op::kPenalize);
      EXPECT_TRUE(IsState(back.state));
      EXPECT_LE(back.expires_in_ms, 2000);
    }
  }
}

TEST(Step, ALogsEntryBeyondAnyWindowDoesNotCount) {
  const Rule rule = MakeRule(Algorithm::kSlidingLog, 5, 1000);
  // Its times are 40 bits, from ten years ago on: what lies behind them is not taken for a moment ago.
  const int64_t ahead_ms = kTodayMs - 10 + (int64_t{1} << 40);
  const std::string state = "1:l," + std::to_string(ahead_ms + 1000) + "," + std::to_string(ahead_ms) + ",5";
  EXPECT_EQ(Once(rule, state, kTodayMs, 1, Op::kPeek).decision.used, 0);
  EXPECT_EQ(Once(rule, state, ahead_ms, 1, Op::kPeek).decision.used, 5);
}

TEST(Step, ABucketThatFillsForAgesHasAState) {
  Rule rule = MakeRule(Algorithm::kTokenBucket, 1, 1);
  rule.burst = kMaxLimit;
  const Stepped charged = Once(rule, "", kTodayMs, kMaxLimit);
  EXPECT_EQ(charged.decision.remaining, 0);
  EXPECT_EQ(charged.expires_in_ms, kMaxLimit - kTodayMs + 1);
  EXPECT_EQ(Once(rule, charged.state, kTodayMs + 5, 1, Op::kPeek).decision.remaining, 5);
  EXPECT_TRUE(Once(rule, charged.state, kTodayMs, 1, Op::kRefund, charged.decision.mark).changed);
}

TEST(Step, ALogIsNoLongerThanItsLimit) {
  const Rule rule = MakeRule(Algorithm::kSlidingLog, kMaxLogLimit, kMaxWindowMs);
  // As far apart as they can be: each entry takes its most digits.
  const int64_t pause_ms = kMaxWindowMs / kMaxLogLimit;
  std::string state = "1:l," + std::to_string(kTodayMs + kMaxWindowMs) + "," + std::to_string(kTodayMs) + ",1";
  for (int64_t i = 1; i < kMaxLogLimit; ++i) state += "," + std::to_string(pause_ms) + ",1";
  const int64_t now_ms = kTodayMs + kMaxWindowMs - 1;
  EXPECT_EQ(Once(rule, state, now_ms, 1, Op::kPeek).decision.used, kMaxLogLimit);
  const Stepped pushed = Once(rule, state, now_ms, 1, Op::kPenalize);
  EXPECT_EQ(pushed.decision.used, kMaxLogLimit);
  EXPECT_LT(pushed.state.size(), 12 * static_cast<size_t>(kMaxLogLimit));
  EXPECT_EQ(Once(rule, pushed.state, now_ms, 1, Op::kPeek).decision.used, kMaxLogLimit);
  EXPECT_FALSE(IsState(state + ",1,1"));
}

TEST(Step, TellsWhichTextIsNoState) {
  const Rule rule = MakeRule(Algorithm::kFixedWindow, 5, 1000);
  const std::string good = Once(rule, "", kTodayMs).state;
  const StepItem items[] = {{&rule, good, 0}, {&rule, "garbage", 0}};
  Stepped results[2];
  EXPECT_EQ(Step(Op::kCheck, 1, kTodayMs, 2, items, results), 1U);
  EXPECT_FALSE(results[0].changed);
}

}  // namespace
}  // namespace spillway
