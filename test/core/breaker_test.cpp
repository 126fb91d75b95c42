#include "breaker.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

using State = Breaker::State;

// Fails one call that is asked at `now_ms`.
void FailOne(Breaker* breaker, int64_t now_ms) {
  const Breaker::Generation generation = breaker->Enter(now_ms);
  EXPECT_NE(generation, Breaker::kRefused);
  breaker->Fail(generation, now_ms, now_ms);
}

TEST(Breaker, OpensAfterSoManyFailuresInARow) {
  Breaker breaker;
  for (int64_t at = 1; at <= 4; ++at) FailOne(&breaker, at);
  EXPECT_EQ(breaker.state(), State::kClosed);
  breaker.Succeed(breaker.Enter(5));
  EXPECT_EQ(breaker.failures(), 0);
  for (int64_t at = 6; at <= 10; ++at) FailOne(&breaker, at);
  EXPECT_EQ(breaker.state(), State::kOpen);
  EXPECT_EQ(breaker.next_attempt_ms(), 1'010);
  EXPECT_EQ(breaker.Enter(1'009), Breaker::kRefused);
}

TEST(Breaker, OneStallIsOneFailure) {
  Breaker breaker;
  const Breaker::Generation generation = breaker.Enter(0);
  // Asked over 100 ms, and not answered in 250 each.
  for (int64_t asked = 0; asked < 100; ++asked) breaker.Fail(generation, asked, asked + 250);
  EXPECT_EQ(breaker.failures(), 1);
  EXPECT_EQ(breaker.state(), State::kClosed);
}

TEST(Breaker, OneProbeAndThenLonger) {
  Breaker breaker;
  for (int64_t at = 1; at <= 5; ++at) FailOne(&breaker, at);
  int64_t now_ms = 5;
  for (const int64_t pause : {1'000, 2'000, 4'000, 8'000, 16'000, 30'000, 30'000}) {
    EXPECT_EQ(breaker.next_attempt_ms(), now_ms + pause);
    now_ms += pause;
    const Breaker::Generation probe = breaker.Enter(now_ms);
    ASSERT_NE(probe, Breaker::kRefused);
    EXPECT_EQ(breaker.state(), State::kHalfOpen);
    EXPECT_EQ(breaker.Enter(now_ms), Breaker::kRefused);
    breaker.Fail(probe, now_ms, now_ms);
    EXPECT_EQ(breaker.state(), State::kOpen);
  }
  now_ms = breaker.next_attempt_ms();
  breaker.Succeed(breaker.Enter(now_ms));
  EXPECT_EQ(breaker.state(), State::kClosed);
  EXPECT_EQ(breaker.next_attempt_ms(), 0);
  for (int64_t i = 1; i <= 5; ++i) FailOne(&breaker, now_ms + i);
  EXPECT_EQ(breaker.next_attempt_ms(), now_ms + 5 + 1'000);
}

TEST(Breaker, LateEndsSayNothing) {
  Breaker breaker;
  const Breaker::Generation early = breaker.Enter(0);
  for (int64_t at = 1; at <= 5; ++at) FailOne(&breaker, at);
  breaker.Succeed(early);
  EXPECT_EQ(breaker.state(), State::kOpen);
  breaker.Reset();
  breaker.Fail(early, 7, 7);
  EXPECT_EQ(breaker.failures(), 0);
}

TEST(Breaker, AfterAProbeThatSaysNothingAnotherIsMade) {
  Breaker breaker;
  for (int64_t at = 1; at <= 5; ++at) FailOne(&breaker, at);
  EXPECT_NE(breaker.Enter(2'000), Breaker::kRefused);
  EXPECT_EQ(breaker.Enter(2'999), Breaker::kRefused);
  EXPECT_NE(breaker.Enter(3'000), Breaker::kRefused);
}

TEST(Breaker, WhatOnlyAsksHowItIsOpensNothingAndCloses) {
  Breaker breaker;
  for (int64_t at = 1; at <= 5; ++at) FailOne(&breaker, at);
  breaker.Fail(breaker.generation(), 6, 300);
  EXPECT_EQ(breaker.failures(), 5);
  EXPECT_EQ(breaker.next_attempt_ms(), 1'005);
  breaker.Succeed(breaker.generation());
  EXPECT_EQ(breaker.state(), State::kClosed);
}

TEST(Breaker, AGoodLoginClosesIt) {
  Breaker breaker;
  for (int64_t at = 1; at <= 5; ++at) FailOne(&breaker, at);
  breaker.Reset();
  EXPECT_EQ(breaker.state(), State::kClosed);
  EXPECT_NE(breaker.Enter(6), Breaker::kRefused);
}

TEST(Breaker, WhoIsHeardLateIsTriedAtOnce) {
  Breaker breaker;
  for (int64_t at = 1; at <= 5; ++at) FailOne(&breaker, at);
  EXPECT_EQ(breaker.Enter(100), Breaker::kRefused);
  breaker.Heard(100);
  const Breaker::Generation probe = breaker.Enter(100);
  ASSERT_NE(probe, Breaker::kRefused);
  // It is slow: what it says comes too late each time, and one call waits for it at a time.
  breaker.Fail(probe, 100, 350);
  EXPECT_EQ(breaker.next_attempt_ms(), 350 + 2'000);
  EXPECT_EQ(breaker.Enter(351), Breaker::kRefused);
}

TEST(Breaker, TheDjangoLibrarysPauses) {
  BreakerOptions options;
  options.open_ms = 60'000;
  options.max_open_ms = 300'000;
  Breaker breaker(options);
  for (int64_t at = 1; at <= 5; ++at) FailOne(&breaker, at);
  int64_t now_ms = 5;
  for (const int64_t pause : {60'000, 120'000, 240'000, 300'000, 300'000}) {
    EXPECT_EQ(breaker.next_attempt_ms(), now_ms + pause);
    now_ms += pause;
    FailOne(&breaker, now_ms);
  }
}

}  // namespace
}  // namespace spillway
