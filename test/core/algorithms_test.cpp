// What each algorithm promises, at its boundaries.
#include <random>

#include "memory_fixture.h"

namespace spillway {
namespace {

class EveryAlgorithm : public testing::TestWithParam<Algorithm> {};
INSTANTIATE_TEST_SUITE_P(Algorithms, EveryAlgorithm, testing::ValuesIn(kAlgorithms));

TEST_P(EveryAlgorithm, WhatWasConsumedStaysConsumedWhenTheLimitChanges) {
  Memory memory;
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 100, 60000)).remaining, 99);
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 100, 60000)).remaining, 98);
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 10, 60000)).remaining, 7);
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 10, 60000)).remaining, 6);
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 200, 60000)).remaining, 195);
  const Decision smaller = memory.Check(MakeRule(GetParam(), 3, 60000));
  EXPECT_FALSE(smaller.allowed);
  EXPECT_EQ(smaller.remaining, 0);
  EXPECT_EQ(smaller.used, 5);
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 200, 60000)).remaining, 194);
}

TEST_P(EveryAlgorithm, WhatWasConsumedStaysConsumedWhenTheWindowChanges) {
  Memory memory;
  memory.clock.now_ms += 5;
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 100, 60000), 10).remaining, 90);
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 100, 90000)).remaining, 89);
  EXPECT_EQ(memory.Check(MakeRule(GetParam(), 100, 1000)).remaining, 88);
}

TEST_P(EveryAlgorithm, ACostAboveTheCapacityNeverFitsAndIsNotCharged) {
  Memory memory;
  const Decision decision = memory.Check(MakeRule(GetParam(), 5, 1000), 6);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.retry_after_ms, kNeverFits);
  EXPECT_EQ(decision.remaining, 5);
  EXPECT_TRUE(memory.Check(MakeRule(GetParam(), 5, 1000), 5).allowed);
  const Decision nothing = memory.Check(MakeRule(GetParam(), 0, 1000), 1, "other");
  EXPECT_FALSE(nothing.allowed);
  EXPECT_EQ(nothing.retry_after_ms, kNeverFits);
  EXPECT_EQ(memory.store.GetStats().keys, 1);
}

TEST_P(EveryAlgorithm, TheLargestNumbersStayExact) {
  for (const int64_t window : {int64_t{1}, int64_t{1000}, kMaxWindowMs}) {
    Memory memory;
    Rule rule = MakeRule(GetParam(), GetParam() == Algorithm::kSlidingLog ? kMaxLogLimit : kMaxLimit, window);
    if (GetParam() == Algorithm::kTokenBucket) rule.limit = rule.burst = kMaxLimit / window;
    ASSERT_EQ(Validate(rule), "");
    EXPECT_EQ(memory.Check(rule).remaining, rule.limit - 1);
    EXPECT_EQ(memory.Check(rule, rule.limit - 1).remaining, 0);
    EXPECT_FALSE(memory.Check(rule).allowed);
    // Penalties without end: neither a block nor a number that wraps.
    for (int i = 0; i < 5; ++i) {
      const Decision decision = memory.Ask(Op::kPenalize, {rule}, kMaxLimit)[0];
      EXPECT_FALSE(decision.blocked);
      EXPECT_EQ(decision.remaining, 0);
      EXPECT_GE(decision.used, rule.limit);
      EXPECT_LE(decision.used, kMaxLimit);
      EXPECT_GT(decision.reset_in_ms, 0);
    }
    EXPECT_FALSE(memory.Check(rule).blocked);
  }
}

TEST_P(EveryAlgorithm, ABlockDeniesUntilItsEndAndThenStartsAfresh) {
  Memory memory;
  const Rule rule = MakeRule(GetParam(), 5, 100);
  memory.Check(rule, 4);
  memory.Block({rule}, 5000);
  for (const int64_t passed : {0, 1, 4997, 1}) {
    memory.clock.now_ms += passed;
    const Decision decision = memory.Check(rule);
    EXPECT_FALSE(decision.allowed);
    EXPECT_TRUE(decision.blocked);
    EXPECT_EQ(decision.retry_after_ms, decision.reset_in_ms);
    EXPECT_LE(decision.retry_after_ms, 5000);
    EXPECT_EQ(memory.Ask(Op::kPenalize, {rule})[0].blocked, true);
  }
  memory.clock.now_ms += 1;
  const Decision after = memory.Check(rule);
  EXPECT_TRUE(after.allowed);
  EXPECT_FALSE(after.blocked);
  EXPECT_EQ(after.remaining, 4);
  memory.Block({rule}, 5000);
  EXPECT_EQ(memory.Reset({rule}), 1);
  EXPECT_EQ(memory.Check(rule).remaining, 4);
}

TEST_P(EveryAlgorithm, ARefundGoesIntoItsOwnWindowOnly) {
  Memory memory;
  memory.clock.now_ms += 1000;
  const Rule rule = MakeRule(GetParam(), 5, 100);
  const int64_t mark = memory.Check(rule, 3).mark;
  EXPECT_EQ(memory.Refund({rule}, 2, {mark}), 1);
  EXPECT_EQ(memory.Peek(rule).remaining, 4);
  memory.clock.now_ms += 250;
  memory.Check(rule, 3);
  EXPECT_EQ(memory.Refund({rule}, 1, {mark}), 0);
  EXPECT_EQ(memory.Peek(rule).remaining, 2);
}

// Fills a key, then comes back in the millisecond before it is told to and in that one.
TEST_P(EveryAlgorithm, AdmitsInTheMillisecondThatItToldAndNotBefore) {
  std::mt19937_64 random(std::random_device{}());
  Memory memory(2000000);
  for (int i = 0; i < 250000; ++i) {
    // Every second case has a window of 1 ms.
    const int64_t window = i % 2 == 0 ? 1 : 1 + static_cast<int64_t>(random() % 40);
    const int64_t limit = 1 + static_cast<int64_t>(random() % 4);
    Rule rule = MakeRule(GetParam(), limit, window);
    rule.burst = 1 + static_cast<int64_t>(random() % 4);
    const std::string subject = std::to_string(i);
    for (int64_t left = rule.capacity(); left > 0; --left) {
      ASSERT_EQ(memory.Check(rule, 1, subject).remaining, left - 1) << "window " << window << " limit " << limit;
    }
    const Decision denied = memory.Check(rule, 1, subject);
    ASSERT_FALSE(denied.allowed);
    ASSERT_GT(denied.retry_after_ms, 0);
    memory.clock.now_ms += denied.retry_after_ms - 1;
    ASSERT_FALSE(memory.Check(rule, 1, subject).allowed) << "window " << window << " limit " << limit;
    memory.clock.now_ms += 1;
    ASSERT_TRUE(memory.Check(rule, 1, subject).allowed) << "window " << window << " limit " << limit;
  }
  // None of these keys stays for ever: room was made without ever being full.
  EXPECT_LT(memory.store.GetStats().keys, 40000);
}

// At most so many units in any span of `span` ms, of admissions in the order of time.
int64_t MostInAnySpan(const std::vector<int64_t>& admitted, int64_t span) {
  int64_t most = 0;
  for (size_t first = 0, last = 0; last < admitted.size(); ++last) {
    while (admitted[first] <= admitted[last] - span) ++first;
    most = std::max(most, static_cast<int64_t>(last - first) + 1);
  }
  return most;
}

TEST(SlidingWindow, NeverAdmitsTooMuchAndFreesAtMostOneSubWindowLateAgainstTheLog) {
  const unsigned seed = std::random_device()();
  std::mt19937_64 random(seed);
  for (const int64_t window : {1, 7, 10, 11, 99, 100, 1000, 1234}) {
    SCOPED_TRACE("window " + std::to_string(window) + " seed " + std::to_string(seed));
    const int64_t sub = (window + 9) / 10;
    Memory memory;
    const Rule ring = MakeRule(Algorithm::kSlidingWindow, 4, window, "ring");
    // Sees what the ring admitted and says when it would have had room again.
    const Rule log = MakeRule(Algorithm::kSlidingLog, 4, window, "log");
    std::vector<int64_t> admitted;
    int64_t latest = 0;
    for (int i = 0; i < 30000; ++i) {
      memory.clock.now_ms +=
          static_cast<int64_t>(random() % 5 == 0 ? random() % static_cast<uint64_t>(window + 2) : random() % 2);
      const Decision decision = memory.Check(ring);
      if (decision.allowed) {
        admitted.push_back(memory.now());
        ASSERT_TRUE(memory.Check(log).allowed);
        continue;
      }
      const int64_t late = decision.retry_after_ms - memory.Peek(log).retry_after_ms;
      ASSERT_GE(late, 0);
      latest = std::max(latest, late);
    }
    EXPECT_EQ(MostInAnySpan(admitted, window), 4);
    EXPECT_EQ(latest, sub - 1);
  }
}

TEST(SlidingLog, AdmitsExactlyTheLimitInAnySpan) {
  std::mt19937_64 random(std::random_device{}());
  Memory memory;
  const Rule rule = MakeRule(Algorithm::kSlidingLog, 50, 1000);
  std::vector<int64_t> admitted;
  for (int i = 0; i < 100000; ++i) {
    memory.clock.now_ms += static_cast<int64_t>(random() % 20);
    if (memory.Check(rule).allowed) admitted.push_back(memory.now());
  }
  EXPECT_EQ(MostInAnySpan(admitted, 1000), 50);
}

TEST(SlidingLog, GrowsToItsLargestLimitWithAUnitEachMillisecond) {
  Memory memory;
  const Rule rule = MakeRule(Algorithm::kSlidingLog, kMaxLogLimit, 20000);
  for (int64_t i = 1; i <= kMaxLogLimit; ++i) {
    ASSERT_EQ(memory.Check(rule).remaining, kMaxLogLimit - i);
    memory.clock.now_ms += 1;
  }
  EXPECT_EQ(memory.Check(rule).retry_after_ms, 10000);
  EXPECT_EQ(memory.Check(rule, 5000).retry_after_ms, 14999);
  memory.clock.now_ms += 10000;
  // Wrapped around from here on.
  for (int64_t i = 0; i < 3 * kMaxLogLimit; ++i) {
    const bool freed = i % 20000 < kMaxLogLimit;
    ASSERT_EQ(memory.Check(rule).allowed, freed) << i;
    memory.clock.now_ms += 1;
  }
}

TEST(TokenBucket, AdmitsAtMostTheBurstAndWhatCameInMeanwhile) {
  std::mt19937_64 random(std::random_device{}());
  Memory memory;
  Rule rule = MakeRule(Algorithm::kTokenBucket, 7, 90);
  rule.burst = 12;
  std::vector<int64_t> admitted;
  for (int i = 0; i < 3000; ++i) {
    memory.clock.now_ms += static_cast<int64_t>(random() % 16 == 0 ? random() % 200 : random() % 8);
    if (memory.Check(rule).allowed) admitted.push_back(memory.now());
  }
  for (size_t first = 0; first < admitted.size(); ++first) {
    for (size_t last = first; last < admitted.size(); ++last) {
      const auto units = static_cast<int64_t>(last - first) + 1;
      ASSERT_LE((units - rule.burst) * rule.window_ms, (admitted[last] - admitted[first]) * rule.limit);
    }
  }
}

// One token a second and a burst of five, the case by which GCRA limiters show their arithmetic.
TEST(TokenBucket, AgreesWithTheVectorsOfGcraLimiters) {
  struct Case {
    int64_t at_ms, cost;
    bool allowed;
    int64_t remaining, reset_ms, retry_ms;
  };
  const Case cases[] = {
      {0, 6, false, 5, 0, kNeverFits}, {0, 1, true, 4, 1000, 0},        {0, 1, true, 3, 2000, 0},
      {0, 1, true, 2, 3000, 0},        {0, 1, true, 1, 4000, 0},        {0, 1, true, 0, 5000, 0},
      {0, 1, false, 0, 5000, 1000},    {3000, 1, true, 2, 3000, 0},     {3100, 1, true, 1, 3900, 0},
      {4000, 1, true, 1, 4000, 0},     {8000, 1, true, 4, 1000, 0},     {9500, 1, true, 4, 1000, 0},
      {9500, 2, true, 2, 3000, 0},     {9500, 5, false, 2, 3000, 3000},
  };
  Memory memory;
  Rule rule = MakeRule(Algorithm::kTokenBucket, 1, 1000);
  rule.burst = 5;
  const int64_t start = memory.clock.now_ms;
  for (const Case& one : cases) {
    SCOPED_TRACE("at " + std::to_string(one.at_ms) + " cost " + std::to_string(one.cost));
    memory.clock.now_ms = start + one.at_ms;
    const Decision decision = memory.Check(rule, one.cost);
    EXPECT_EQ(decision.allowed, one.allowed);
    EXPECT_EQ(decision.remaining, one.remaining);
    EXPECT_EQ(decision.reset_in_ms, one.reset_ms);
    EXPECT_EQ(decision.retry_after_ms, one.retry_ms);
  }
}

}  // namespace
}  // namespace spillway
