// RedisStore on a cluster without a network: streams that the test scripts, one for each node.
#include "cluster_fixture.h"

namespace spillway {
namespace {

TEST_F(ClusterStoreTest, ConnectsToOneSeedThenToEveryMaster) {
  Turn();
  EXPECT_TRUE(nodes_.empty());
  Check(low_, 1);
  Turn();
  EXPECT_EQ(nodes_[1].dials, 1);
  EXPECT_EQ(nodes_[2].dials, 0);
  Connect(1);
  EXPECT_EQ(CountOf(sent(1), "SHARDS"), 1U);
  EXPECT_EQ(CountOf(sent(1), "INCR"), 0U);
  Say(1, Halves(1, 2));
  EXPECT_EQ(CountOf(sent(1), "INCR"), 1U) << "what has waited for the map leaves with it";
  EXPECT_EQ(nodes_[2].dials, 1);
  EXPECT_FALSE(store_->GetStats().connected) << "one master is missing";
  Connect(2);
  EXPECT_TRUE(store_->GetStats().connected);
}

TEST_F(ClusterStoreTest, WhereShardsIsUnknownSlotsIsAsked) {
  Check(low_, 1);
  Turn();
  Connect(1);
  Say(1, "-ERR Unknown subcommand or wrong number of arguments for 'SHARDS'\r\n");
  EXPECT_EQ(CountOf(sent(1), "\r\nSLOTS\r\n"), 1U);
  Say(1, Array({Array({Integer(0), Integer(16383), Array({"$-1\r\n", Integer(1), Bulk("id")})})}));
  EXPECT_EQ(CountOf(sent(1), "INCR"), 1U);
}

TEST_F(ClusterStoreTest, ASeedThatIsDownIsPassedOver) {
  Check(low_, 1);
  Turn();
  nodes_[1].stream->events->OnClosed("connection refused");
  Turn();
  Turn();
  EXPECT_EQ(nodes_[2].dials, 1);
  Connect(2);
  EXPECT_EQ(CountOf(sent(2), "SHARDS"), 1U);
}

TEST_F(ClusterStoreTest, ChecksOfOneTurnLeaveForAllMastersInThatTurn) {
  Open();
  Check(low_, 1);
  Check(high_, 2);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "INCR"), 1U);
  EXPECT_EQ(CountOf(sent(2), "INCR"), 1U);
  EXPECT_EQ(CountOf(sent(1), "\r\nTIME\r\n"), 1U) << "each server's own clock";
  EXPECT_EQ(CountOf(sent(2), "\r\nTIME\r\n"), 1U);
}

TEST_F(ClusterStoreTest, MovedIsFollowedAndRemembered) {
  Open();
  Check(low_, 1);
  Turn();
  Say(1, Thrice(Moved(low_, 2)));
  EXPECT_EQ(CountOf(sent(2), "INCR"), 1U);
  EXPECT_EQ(CountOf(sent(2), "ASKING"), 0U);
  Say(2, std::string(kTime) + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  Forget();
  Check(low_, 2);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "INCR"), 0U);
  EXPECT_EQ(CountOf(sent(2), "INCR"), 1U);
}

TEST_F(ClusterStoreTest, MovedInACircleEndsAfterFiveHops) {
  Open();
  Check(low_, 1);
  Turn();
  int hops = 0;
  for (int at = 1; outcomes_.empty() && hops < 20; ++hops, at = 3 - at) {
    ASSERT_EQ(CountOf(sent(at), "INCR"), 1U) << hops;
    Forget();
    Say(at, Thrice(Moved(low_, 3 - at)));
  }
  EXPECT_EQ(hops, 6);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kRefused);
}

TEST_F(ClusterStoreTest, MovedToANodeThatWasNotKnownConnectsToIt) {
  Open();
  Check(low_, 1);
  Turn();
  Say(1, Thrice("-MOVED 7 :3\r\n"));
  EXPECT_EQ(nodes_[3].dials, 1) << "no host: the one that answered";
  Connect(3);
  EXPECT_EQ(CountOf(sent(3), "INCR"), 1U);
}

TEST_F(ClusterStoreTest, AskGoesOnceWithAskingInFrontOfEveryCommand) {
  Open();
  Check(low_, 1);
  Turn();
  Say(1, Thrice(Ask(low_, 2)));
  for (const char* command : {"PEXPIRETIME", "INCR", "PEXPIRE"}) {
    const std::string text = std::string("\r\n") + command + "\r\n";
    ASSERT_EQ(CountOf(sent(2), text), 1U) << command;
    const size_t at = sent(2).find(text);
    const size_t asking = sent(2).rfind("ASKING\r\n", at);
    ASSERT_NE(asking, std::string::npos);
    EXPECT_EQ(CountOf(sent(2).substr(asking, at - asking), "\r\n*"), 1U) << "directly in front of " << command;
  }
  Say(2, std::string(kTime) + "+OK\r\n:-2\r\n+OK\r\n:1\r\n+OK\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  Forget();
  Check(low_, 2);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "INCR"), 1U) << "the slot is still where it was";
}

TEST_F(ClusterStoreTest, AScriptFollowsAskWithItsSource) {
  Open();
  Check(low_, 1, 2);
  Turn();
  Say(1, Ask(low_, 2));
  EXPECT_EQ(CountOf(sent(2), "ASKING"), 1U);
  EXPECT_EQ(CountOf(sent(2), "\r\nEVAL\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "EVALSHA"), 0U);
  Say(2, "+OK\r\n*4\r\n:1\r\n:2\r\n:60000\r\n:1700000060000\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].decision.remaining, 1);
}

TEST_F(ClusterStoreTest, RefusalsForTheMomentAreAskedAgainAtTheSlotsNode) {
  Open();
  Ticket ticket = 0;
  for (const char* text :
       {"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", "-CLUSTERDOWN The cluster is down\r\n",
        "-READONLY You can't write\r\n", "-LOADING Redis is loading\r\n"}) {
    outcomes_.clear();
    Forget();
    Check(low_, ++ticket, 2);
    Turn();
    Say(1, text);
    if (CountOf(sent(1), "SHARDS") > 0) Say(1, Halves(1, 2));
    if (CountOf(sent(2), "SHARDS") > 0) Say(2, Halves(1, 2));
    Forget();
    Advance(9);
    EXPECT_EQ(CountOf(sent(1), "EVAL"), 0U) << text;
    Advance(1);
    EXPECT_EQ(CountOf(sent(1), "EVAL"), 1U) << text;
    Say(1, "*4\r\n:0\r\n:3\r\n:60000\r\n:1700000060000\r\n");
    ASSERT_EQ(outcomes_.size(), 1U) << text;
    EXPECT_EQ(outcomes_[0].status, Status::kAnswered) << text;
  }
}

TEST_F(ClusterStoreTest, WhatIncrChargedIsNotChargedAgain) {
  Open();
  Check(low_, 1);
  Turn();
  // The slot moved between the second command and the third.
  Say(1, std::string(kTime) + ":-2\r\n:1\r\n" + Moved(low_, 2));
  EXPECT_EQ(CountOf(sent(2), "INCR"), 0U);
  EXPECT_EQ(CountOf(sent(2), "PEXPIRETIME"), 0U);
  EXPECT_EQ(CountOf(sent(2), "\r\nPEXPIRE\r\n"), 1U);
  EXPECT_TRUE(outcomes_.empty());
  Say(2, ":1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_EQ(outcomes_[0].decision.remaining, 2);
}

TEST_F(ClusterStoreTest, AnExpiryThatWasThereTravelsWithItsKey) {
  Open();
  Check(low_, 1);
  Turn();
  Say(1, std::string(kTime) + ":1700000030000\r\n:2\r\n" + Ask(low_, 2));
  EXPECT_EQ(sent(2), "");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].decision.remaining, 1);
  EXPECT_EQ(outcomes_[0].decision.reset_in_ms, 30001);
}

TEST_F(ClusterStoreTest, TakeBacksAndPersistFollowTheirSlot) {
  Open();
  Check(low_, 1);
  Turn();
  Forget();
  Say(1, std::string(kTime) + ":1700000030000\r\n:4\r\n:0\r\n");
  ASSERT_EQ(CountOf(sent(1), "\r\nEVAL\r\n"), 1U);
  Say(1, Moved(low_, 2));
  EXPECT_EQ(CountOf(sent(2), "\r\nEVAL\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000030000\r\n"), 1U) << "and stay bound to their window";
  Say(2, ":1\r\n");

  Forget();
  Check(high_, 2);
  Turn();
  Say(2, std::string(kTime) + ":-1\r\n-WRONGTYPE Operation against a key\r\n:1\r\n");
  EXPECT_EQ(CountOf(sent(2), "PERSIST"), 1U);
  Say(2, Ask(high_, 1));
  EXPECT_EQ(CountOf(sent(1), "*1\r\n$6\r\nASKING\r\n*2\r\n$7\r\nPERSIST\r\n"), 1U);
}

TEST_F(ClusterStoreTest, WhatWaitsForALostMasterGoesToTheOneThatHasItsSlots) {
  Open();
  clock_.now_ms += 1000;
  nodes_[1].stream->events->OnClosed("reset");
  Turn();
  Check(low_, 1);
  Turn();
  Turn();
  ASSERT_EQ(CountOf(sent(2), "SHARDS"), 1U);
  EXPECT_FALSE(Healthy());
  Say(2, Halves(3, 2));
  Connect(3);
  EXPECT_EQ(CountOf(sent(3), "INCR"), 1U);
  EXPECT_TRUE(store_->GetStats().connected);
  const int dials = nodes_[1].dials;
  Advance(5000);
  EXPECT_EQ(nodes_[1].dials, dials) << "nobody dials the lost one any more";
}

TEST_F(ClusterStoreTest, ANodeThatLeftIsLetGoOnceItHasAnswered) {
  Open();
  clock_.now_ms += 1000;
  Check(low_, 1);
  Turn();
  Check(high_, 2);
  Turn();
  Say(2, Thrice(Moved(high_, 3)));
  ASSERT_EQ(CountOf(sent(2), "SHARDS"), 1U);
  Connect(3);
  Say(2, Halves(3, 3));
  EXPECT_EQ(nodes_[2].stream, nullptr);
  ASSERT_NE(nodes_[1].stream, nullptr) << "it owes an answer";
  Say(1, std::string(kTime) + ":-2\r\n:1\r\n:1\r\n");
  EXPECT_EQ(nodes_[1].stream, nullptr);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_TRUE(store_->GetStats().connected);
}

TEST_F(ClusterStoreTest, AListingReadsOneMasterAfterTheOther) {
  Open();
  ListRequest request;
  request.prefix = "p:";
  request.match = "*";
  request.page_size = 10;
  store_->List(request);
  Turn();
  EXPECT_EQ(nodes_[1].dials, 2) << "a connection of its own";
  Connect(1);
  EXPECT_EQ(CountOf(sent(1), "SCAN"), 1U);
  Say(1, Array({Bulk("0"), Array({})}));
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].cursor, "h:2 0");
  request.cursor = pages_[0].cursor;
  store_->List(request);
  Advance(1);
  Connect(2);
  EXPECT_EQ(CountOf(sent(2), "SCAN"), 1U);
  Say(2, Array({Bulk("17"), Array({})}));
  ASSERT_EQ(pages_.size(), 2U);
  EXPECT_EQ(pages_[1].cursor, "h:2 17");
  request.cursor = "h:9 17";
  store_->List(request);
  Advance(1);
  ASSERT_EQ(pages_.size(), 3U);
  EXPECT_EQ(pages_[2].status, Status::kRefused) << "that server has left";
}

TEST_F(ClusterStoreTest, APageBehindOneThatEndsAtOnceKeepsTheProcess) {
  Open();
  // Nothing else keeps the loop alive.
  uv_unref(reinterpret_cast<uv_handle_t*>(&server_));
  ListRequest request;
  request.prefix = "p:";
  request.match = "*";
  request.page_size = 10;
  request.cursor = "gone:7 0";
  store_->List(request);
  store_->List(request);
  Turn();
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].status, Status::kRefused);
  EXPECT_TRUE(uv_loop_alive(&loop_)) << "the second page waits";
  clock_.now_ms += 1;
  uv_run(&loop_, UV_RUN_ONCE);
  EXPECT_EQ(pages_.size(), 2U);
}

}  // namespace
}  // namespace spillway
