// Commands that are no checks, on a cluster: to which node they go, and go again.
#include "asides_asking.h"
#include "cluster_fixture.h"

namespace spillway {
namespace {

class ClusterAsidesTest : public ClusterStoreTest {
 protected:
  void AskFor(const AsideRequest& request) {
    store_->Ask(request);
    Turn();
    Turn();
  }
  void ExpectAnswer() {
    ASSERT_EQ(pages_.size(), 1U);
    EXPECT_EQ(pages_[0].status, Status::kAnswered);
    EXPECT_EQ(TextsOf(pages_[0]), std::vector<std::string>({"text"}));
  }
};

TEST_F(ClusterAsidesTest, OneGoesToTheNodeOfItsKeyOnceThatIsKnown) {
  AskFor(Get(high_));
  Connect(1);
  EXPECT_EQ(CountOf(sent(1), kGet), 0U);
  Say(1, Halves(1, 2));
  Connect(2);
  EXPECT_EQ(CountOf(sent(1), kGet), 0U);
  EXPECT_EQ(CountOf(sent(2), kGet), 1U);
  Say(2, Bulk("text"));
  ExpectAnswer();
}

TEST_F(ClusterAsidesTest, MovedIsFollowedAndRemembered) {
  Open();
  AskFor(Get(low_));
  Say(1, Moved(low_, 2));
  EXPECT_EQ(CountOf(sent(2), kGet), 1U);
  EXPECT_EQ(CountOf(sent(2), "ASKING"), 0U);
  Say(2, Bulk("text"));
  ExpectAnswer();
  Forget();
  AskFor(Get(low_));
  EXPECT_EQ(CountOf(sent(1), kGet), 0U);
  EXPECT_EQ(CountOf(sent(2), kGet), 1U);
}

TEST_F(ClusterAsidesTest, MovedInACircleEndsAfterFiveHops) {
  Open();
  AskFor(Get(low_));
  int hops = 0;
  for (int at = 1; pages_.empty() && hops < 20; ++hops, at = 3 - at) {
    ASSERT_EQ(CountOf(sent(at), kGet), 1U) << hops;
    Forget();
    Say(at, Moved(low_, 3 - at));
  }
  EXPECT_EQ(hops, 6);
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].status, Status::kRefused);
}

TEST_F(ClusterAsidesTest, AskGoesOnceWithAskingInFront) {
  Open();
  AskFor(Get(low_));
  Say(1, Ask(low_, 2));
  EXPECT_EQ(CountOf(sent(2), "ASKING\r\n*2\r\n$3\r\nGET\r\n"), 1U);
  Say(2, "+OK\r\n");
  EXPECT_TRUE(pages_.empty()) << "that answers ASKING";
  Say(2, Bulk("text"));
  ExpectAnswer();
  Forget();
  AskFor(Get(low_));
  EXPECT_EQ(CountOf(sent(1), kGet), 1U) << "the slot is still where it was";
}

TEST_F(ClusterAsidesTest, AScriptFollowsAskWithItsSource) {
  Open();
  AskFor(Call(low_));
  Say(1, Ask(low_, 2));
  EXPECT_EQ(CountOf(sent(2), "ASKING"), 1U);
  EXPECT_EQ(CountOf(sent(2), "\r\nEVAL\r\n$8\r\nreturn 1\r\n"), 1U);
}

TEST_F(ClusterAsidesTest, RedirectionsToANodeThatWasNotKnownConnectToIt) {
  for (const bool asks : {false, true}) {
    SCOPED_TRACE(asks);
    pages_.clear();
    store_.reset();
    nodes_.clear();
    Make({{"h", 1, ""}, {"h", 2, ""}}, false);
    Open();
    AskFor(Get(low_));
    Say(1, asks ? Ask(low_, 3) : Moved(low_, 3));
    EXPECT_EQ(nodes_[3].dials, 1);
    Connect(3);
    EXPECT_EQ(CountOf(sent(3), kGet), 1U);
    EXPECT_EQ(CountOf(sent(3), "ASKING"), asks ? 1U : 0U);
    Say(3, asks ? "+OK\r\n" + Bulk("text") : Bulk("text"));
    ExpectAnswer();
  }
}

TEST_F(ClusterAsidesTest, ALossBetweenAskingAndTheReplyMayHaveDoneIt) {
  Open();
  clock_.now_ms += 100;
  AskFor(Call(low_));
  Say(1, Ask(low_, 2));
  Say(2, "+OK\r\n");
  nodes_[2].stream->events->OnClosed("reset");
  Turn();
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].status, Status::kDisconnected);
}

TEST_F(ClusterAsidesTest, WhatWaitsForALostMasterGoesToTheOneThatHasItsSlots) {
  Open();
  clock_.now_ms += 1000;
  nodes_[1].stream->events->OnClosed("reset");
  Turn();
  AskFor(Get(low_));
  ASSERT_EQ(CountOf(sent(2), "SHARDS"), 1U);
  EXPECT_TRUE(pages_.empty());
  // All slots are the other's now; the lost one is still one of the cluster, with none.
  Say(2, Halves(2, 2));
  EXPECT_EQ(CountOf(sent(2), kGet), 1U);
  Say(2, Bulk("text"));
  ExpectAnswer();
}

TEST_F(ClusterAsidesTest, AClusterIsRecognizedByItsRedirection) {
  Make({{"h", 1, ""}}, true);
  Healthy();
  Turn();
  Connect(1);
  Forget();
  AskFor(Get(high_));
  EXPECT_EQ(CountOf(sent(1), kGet), 1U);
  Say(1, Moved(high_, 2));
  Connect(2);
  EXPECT_EQ(CountOf(sent(2), kGet), 1U);
  EXPECT_LT(sent(2).find("SHARDS"), sent(2).find(kGet)) << sent(2);
  Say(2, Halves(1, 2) + Bulk("text"));
  ExpectAnswer();
}

}  // namespace
}  // namespace spillway
