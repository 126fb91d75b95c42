// What waits in RedisStore: deadlines, late replies, a server that does not read, the bound of the queue, and the end.
#include "redis_fixture.h"

namespace spillway {
namespace {

TEST_F(RedisStoreTest, TheDeadlineEndsACheckThatWasNeverSent) {
  Check(1);
  Turn();
  Advance(249);
  EXPECT_TRUE(outcomes_.empty());
  Advance(1);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kTimedOut);
  Connect();
  Turn();
  EXPECT_EQ(sent_, "") << "nothing is charged for a caller who has gone";
}

TEST_F(RedisStoreTest, ALateReplyIsDroppedButAnOverchargeIsTakenBack) {
  Check(1);
  Turn();
  Connect();
  Advance(250);
  ASSERT_EQ(outcomes_.size(), 1U);
  sent_.clear();
  Say(Time() + ":1700000030000\r\n:4\r\n:0\r\n");
  Turn();
  EXPECT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(CountOf(sent_, "\r\nEVAL\r\n"), 1U);
}

TEST_F(RedisStoreTest, AnAnswerThatArrivedBeatsADeadlineThatPassed) {
  Check(1);
  Turn();
  Connect();
  clock_.now_ms += 2000;
  // Both in one turn of the loop, as after a blocked event loop.
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kAnswered);
}

TEST_F(RedisStoreTest, AServerThatDoesNotReadIsNotSentMore) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  stream_->stuck_bytes = 2 << 20;
  sent_.clear();
  Check(2);
  Turn();
  EXPECT_EQ(sent_, "");
  Advance(250);
  EXPECT_EQ(outcomes_.at(1).status, Status::kTimedOut);
}

// One with much time stands in front, and the server does not read.
TEST_F(RedisStoreTest, WhatHasEndedInAQueueThatDoesNotMoveTakesNoPlace) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  stream_->stuck_bytes = 2 << 20;
  const RuleSet patient{Rule{"p:", Algorithm::kFixedWindow, 3, 60000, 60000, "", 0, false}};
  const std::string key = "p:k";
  ASSERT_FALSE(AskAbout(Op::kCheck, patient, {key}, 1, 2));
  constexpr Ticket kEach = 40000;
  for (Ticket round = 0; round < 4; ++round) {
    for (Ticket i = 0; i < kEach; ++i) {
      const std::string other = "p:" + std::to_string(i);
      ASSERT_FALSE(AskAbout(Op::kCheck, rules_, {other}, 1, 3 + round * kEach + i)) << round << ' ' << i;
    }
    Advance(1);
    Advance(250);
    EXPECT_EQ(outcomes_.size(), 1 + (round + 1) * kEach);
  }
  stream_->stuck_bytes = 0;
  sent_.clear();
  Advance(1);
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U) << "the one that still has time";
}

TEST_F(RedisStoreTest, TheQueueIsBounded) {
  Ticket ticket = 0;
  for (bool ready = false; !ready;) {
    const std::string key = "p:k" + std::to_string(ticket % 100);
    ready = AskAbout(Op::kCheck, rules_, {key}, 1, ticket);
    if (!ready) ++ticket;
    ASSERT_LE(ticket, 65536U);
  }
  EXPECT_EQ(ticket, 65536U);
  ASSERT_EQ(immediate_.size(), 1U);
  EXPECT_EQ(immediate_[0].status, Status::kQueueFull);
  EXPECT_EQ(immediate_[0].ticket, ticket);
}

TEST_F(RedisStoreTest, CloseSettlesEveryTicketOnce) {
  for (Ticket ticket = 0; ticket < 10; ++ticket) Check(ticket);
  Turn();
  store_->Close();
  Keep();
  EXPECT_EQ(outcomes_.size(), 10U);
  for (const Seen& outcome : outcomes_) EXPECT_EQ(outcome.status, Status::kClosed);
}

}  // namespace
}  // namespace spillway
