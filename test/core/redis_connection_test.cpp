// RedisStore and its connection: when it is made, lost, left and made again, and what that means for a check.
#include "redis_fixture.h"

namespace spillway {
namespace {

const char kReadOnly[] = "-READONLY You can't write against a read only replica.\r\n";

TEST_F(RedisStoreTest, ConnectsNothingBeforeTheFirstCheck) {
  Turn();
  EXPECT_EQ(dials_, 0);
  Check(1);
  EXPECT_EQ(dials_, 1);
  Check(2);
  EXPECT_EQ(dials_, 1);
}

TEST_F(RedisStoreTest, ACheckThatWaitsForTheConnectionIsSentOnceItStands) {
  Check(1);
  Turn();
  stream_->events->OnClosed("connection refused");
  Turn();
  EXPECT_TRUE(outcomes_.empty());
  Advance(60);
  ASSERT_EQ(dials_, 2);
  stream_->events->OnOpen();
  Say(Info("7.0.0"));
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
}

TEST_F(RedisStoreTest, WhatWasWrittenIsNeverSentAgain) {
  Check(1);
  Turn();
  Connect();
  stream_->events->OnClosed("reset by peer");
  Turn();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kDisconnected);
  sent_.clear();
  Advance(3000);
  ASSERT_EQ(dials_, 2);
  Connect();
  Turn();
  EXPECT_EQ(sent_, "");
}

TEST_F(RedisStoreTest, AReplicaIsLeftAndTheCheckAskedOnANewConnection) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n" + kReadOnly + kReadOnly);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_FALSE(Healthy());
  EXPECT_TRUE(outcomes_.empty());
  Advance(50);
  ASSERT_EQ(dials_, 2);
  stream_->events->OnOpen();
  sent_.clear();
  Say(Info("7.0.15"));
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
}

TEST_F(RedisStoreTest, WhatWasWrittenBehindARefusedCommandIsHeardBeforeAReplicaIsLeft) {
  Check(1);
  Turn();
  Connect();
  Check(2, 2);
  Turn();
  Say(Time() + ":-2\r\n" + kReadOnly + kReadOnly);
  ASSERT_NE(stream_, nullptr) << "the second one's reply is still due";
  sent_.clear();
  Check(3);
  Advance(10);
  EXPECT_EQ(sent_, "") << "nothing more is sent to it";
  EXPECT_FALSE(Healthy());
  Say(kReadOnly);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_TRUE(outcomes_.empty()) << "nobody is answered by the policy: nothing was executed";
  Advance(60);
  ASSERT_EQ(dials_, 2);
  stream_->events->OnOpen();
  Say(Info("7.0.15"));
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 2U);
  EXPECT_EQ(CountOf(sent_, "EVALSHA"), 1U);
}

TEST_F(RedisStoreTest, ASilentServerIsGivenUpAndDialledAgain) {
  Check(1);
  Turn();
  Connect();
  Advance(2000);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_FALSE(Healthy());
  Advance(2000);
  EXPECT_EQ(dials_, 2);
}

TEST_F(RedisStoreTest, AReplyThatNobodyAskedForEndsTheConnection) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n:1\r\n:1\r\n:5\r\n");
  EXPECT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(stream_, nullptr);
}

}  // namespace
}  // namespace spillway
