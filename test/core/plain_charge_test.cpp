// What three plain commands did to one fixed window: every combination of what they may be answered, without a socket.
#include "algorithms/plain_charge.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "algorithms/fixed_window.h"
#include "memory_fixture.h"

namespace spillway {
namespace {

using Kind = PlainVerdict::Kind;

constexpr int64_t kNow = 1700000000000;
const Rule kRule = MakeRule(Algorithm::kFixedWindow, 3, 60000);

PlainReply Of(int64_t integer) { return {integer, PlainReply::Kind::kInteger}; }
const PlainReply kError = {0, PlainReply::Kind::kError};
const PlainReply kNoCount = {0, PlainReply::Kind::kNoCount};
const PlainReply kOther = {0, PlainReply::Kind::kOther};

PlainVerdict Judge(PlainReply end_before, PlainReply count, PlainReply end_created, int64_t units = 1,
                   int64_t server_ms = kNow, const Rule& rule = kRule) {
  return JudgePlainCharge(rule, units, {server_ms, end_before, count, end_created});
}

struct Case {
  const char* name;
  PlainReply end_before, count, end_created;
  int64_t units, server_ms;
  // Of the reading: admitted, used, rest, mark, blocked, end known; and what follows.
  int64_t admitted, used, rest_ms, mark;
  bool blocked, end_known;
  int64_t excess;
  bool cut;
};

TEST(PlainCharge, WhatWasCharged) {
  const int64_t ends = kNow + 29999;
  const std::vector<Case> cases = {
      {"a new key", Of(-2), Of(1), Of(1), 1, kNow, 1, 1, 60000, -kNow, false, true, 0, false},
      {"a running window", Of(ends), Of(3), Of(0), 1, kNow, 1, 3, 30000, ends, false, true, 0, false},
      {"its last unit is over", Of(ends), Of(4), Of(0), 1, kNow, 0, 3, 30000, ends, false, true, 1, false},
      {"several, some over", Of(ends), Of(5), Of(0), 3, kNow, 1, 3, 30000, ends, false, true, 2, false},
      {"far over, under another limit", Of(ends), Of(101), Of(0), 1, kNow, 0, 100, 30000, ends, false, true, 1, false},
      {"several in a new key, some over", Of(-2), Of(5), Of(1), 3, kNow, 1, 3, 60000, -kNow, false, true, 2, false},
      {"no expiry until now", Of(-1), Of(2), Of(1), 1, kNow, 1, 2, 60000, -kNow, false, true, 0, false},
      {"none until now, and over: stays", Of(-1), Of(9), Of(1), 1, kNow, 0, 8, 60000, -kNow, false, true, 0, false},
      {"another INCR came in between", Of(-2), Of(2), Of(0), 1, kNow, 1, 2, 60000, -kNow, false, false, 0, false},
      {"in between, and over", Of(-2), Of(4), Of(0), 1, kNow, 0, 3, 60000, -kNow, false, false, 1, false},
      {"ended in between", Of(ends), Of(1), Of(1), 1, kNow, 1, 1, 60000, -kNow, false, true, 0, false},
      {"ended in between, over: whose units?", Of(ends), Of(4), Of(1), 1, kNow, 0, 3, 60000, -kNow, false, true, 0,
       false},
      {"PEXPIRETIME is forbidden", kError, Of(1), Of(1), 1, kNow, 1, 1, 60000, -kNow, false, true, 0, false},
      {"forbidden, running, over", kError, Of(4), Of(0), 1, kNow, 0, 3, 60000, -kNow, false, false, 1, false},
      {"PEXPIRE is refused, with an end", Of(ends), Of(2), kError, 1, kNow, 1, 2, 30000, ends, false, true, 0, false},
      {"the time is not told", Of(ends), Of(2), Of(0), 1, -1, 1, 2, 60000, ends, false, false, 0, false},
      {"nor in a new window", Of(-2), Of(1), Of(1), 1, -1, 1, 1, 60000, 0, false, true, 0, false},
      {"longer than a window", Of(kNow + 99999), Of(2), Of(0), 1, kNow, 1, 2, 60000, -kNow, false, true, 0, true},
      {"ended a moment ago", Of(kNow - 5), Of(2), Of(0), 1, kNow, 1, 2, 1, kNow - 5, false, true, 0, false},
      {"a block", Of(kNow + 99999), Of(kBlocked + 1), Of(0), 1, kNow, 0, kBlocked, 100000, kNow + 99999, true, true, 0,
       false},
      {"a block that was moved", Of(ends), Of(kBlocked + 8), Of(0), 3, kNow, 0, kBlocked + 5, 30000, ends, true, true,
       0, false},
      {"below zero", Of(ends), Of(-4), Of(0), 1, kNow, 1, -4, 30000, ends, false, true, 0, false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    const PlainVerdict verdict = Judge(one.end_before, one.count, one.end_created, one.units, one.server_ms);
    ASSERT_EQ(verdict.kind, Kind::kCharged);
    EXPECT_EQ(verdict.reading.admitted, one.admitted);
    EXPECT_EQ(verdict.reading.used, one.used);
    EXPECT_EQ(verdict.reading.rest_ms, one.rest_ms);
    EXPECT_EQ(verdict.reading.mark, one.mark);
    EXPECT_EQ(verdict.reading.blocked, one.blocked);
    EXPECT_EQ(verdict.reading.end_known, one.end_known);
    EXPECT_EQ(verdict.excess, one.excess);
    EXPECT_EQ(verdict.cut, one.cut);
    EXPECT_FALSE(verdict.persist);
  }
}

TEST(PlainCharge, WhatWasNot) {
  struct Refused {
    const char* name;
    PlainReply end_before, count, end_created;
    Kind kind;
    int blamed;
    bool persist;
  };
  const std::vector<Refused> cases = {
      {"INCR is refused", Of(-2), kError, Of(0), Kind::kRefused, 1, false},
      {"all are refused", kError, kError, kError, Kind::kRefused, 1, false},
      {"another type, given an expiry", Of(-1), kError, Of(1), Kind::kRefused, 1, true},
      {"text", Of(-1), kNoCount, Of(0), Kind::kByScript, 1, false},
      {"text, given an expiry", Of(-1), kNoCount, Of(1), Kind::kByScript, 1, true},
      {"no end, and PEXPIRE is refused", Of(-2), Of(1), kError, Kind::kNoEnd, 2, false},
      {"the same without an expiry", Of(-1), Of(1), kError, Kind::kNoEnd, 2, false},
      {"PEXPIRETIME and PEXPIRE are refused", kError, Of(1), kError, Kind::kNoEnd, 2, false},
      {"a status for PEXPIRETIME", kOther, Of(1), Of(1), Kind::kRefused, 0, false},
      {"a status for INCR", Of(-2), kOther, Of(1), Kind::kRefused, 1, false},
      {"a status for PEXPIRE", Of(-2), Of(1), kOther, Kind::kRefused, 2, false},
      {"no time before the epoch", Of(-3), Of(1), Of(0), Kind::kImpossible, 0, false},
      {"no count so far below zero", Of(-2), Of(-kBlocked), Of(0), Kind::kImpossible, 1, false},
  };
  for (const Refused& one : cases) {
    SCOPED_TRACE(one.name);
    const PlainVerdict verdict = Judge(one.end_before, one.count, one.end_created);
    EXPECT_EQ(verdict.kind, one.kind);
    EXPECT_EQ(verdict.blamed, one.blamed);
    EXPECT_EQ(verdict.persist, one.persist);
    EXPECT_EQ(verdict.excess, 0);
    EXPECT_FALSE(verdict.cut);
  }
}

// All kinds of replies and telling numbers, in every combination.
TEST(PlainCharge, NoCombinationAdmitsTooMuchOrTakesBackWhatWasNotAdded) {
  const std::vector<PlainReply> ends = {Of(-3),        Of(-2), Of(-1),   Of(kNow - 1), Of(kNow + 59999),
                                        Of(INT64_MAX), kError, kNoCount, kOther};
  const std::vector<PlainReply> counts = {Of(INT64_MIN), Of(-kBlocked), Of(0),         Of(1),  Of(3),    Of(4),
                                          Of(100),       Of(kBlocked),  Of(INT64_MAX), kError, kNoCount, kOther};
  const std::vector<PlainReply> created = {Of(0), Of(1), Of(2), Of(INT64_MIN), kError, kNoCount, kOther};
  for (const PlainReply& end : ends) {
    for (const PlainReply& count : counts) {
      for (const PlainReply& set : created) {
        for (const int64_t units : {1, 3}) {
          for (const int64_t server_ms : {int64_t{-1}, kNow}) {
            const PlainVerdict verdict = Judge(end, count, set, units, server_ms);
            const WindowReading& reading = verdict.reading;
            if (verdict.kind != Kind::kCharged) {
              EXPECT_EQ(verdict.excess, 0);
              continue;
            }
            ASSERT_TRUE(count.is_integer());
            ASSERT_GE(reading.admitted, 0);
            ASSERT_LE(reading.admitted, units);
            ASSERT_TRUE(reading.admitted == 0 || reading.used <= kRule.limit);
            ASSERT_GE(verdict.excess, 0);
            ASSERT_LE(reading.admitted + verdict.excess, units);
            ASSERT_GE(reading.rest_ms, 1);
            ASSERT_TRUE(!reading.blocked || reading.admitted == 0);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace spillway
