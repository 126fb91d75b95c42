// RedisStore on a cluster that was given as a single server, without a network: the home, at port 9, is a node that says it is
// at port 1, where nobody can reach it.
#include "cluster_fixture.h"

namespace spillway {
namespace {

const std::string kClusterInfo = Info("7.0.15\r\nredis_mode:cluster");
const std::string kBlind = "-NOPERM this user has no permissions\r\n-NOPERM this user has no permissions\r\n";
const std::string kDenied = "-NOPERM User spillway has no permissions to run the 'cluster|shards' command\r\n";
const std::string kNoCluster = "-ERR This instance has cluster support disabled\r\n";

class RecognizedClusterTest : public ClusterStoreTest {
 protected:
  RecognizedClusterTest() { Make({{"url", 9, ""}}, true); }

  // What the home answers to CLUSTER MYID and CLUSTER SHARDS: low slots at port `low`, high slots at port `high`.
  static std::string Mine(const std::string& id, int low = 1, int high = 2) {
    const auto shard = [](int first, int last, int port) {
      return Shard({Integer(first), Integer(last)},
                   {ShardNode(Bulk("h"), port, "master", "online", "id" + std::to_string(port))});
    };
    return Bulk(id) + Array({shard(0, 8191, low), shard(8192, 16383, high)});
  }
  // The home has the low slots, another node the high ones; both are connected.
  void Recognize() {
    Healthy();
    Turn();
    Connect(9, kClusterInfo);
    Say(9, Mine("id1"));
    Connect(2);
    Forget();
  }
  std::vector<std::string> Recognized() const {
    std::vector<std::string> addresses;
    for (const Event& event : events_) {
      if (event.kind == Event::Kind::kClustered) addresses.push_back(event.address + ", " + event.reason);
    }
    return addresses;
  }
  void Lose(int port) {
    nodes_[port].stream->events->OnClosed("reset");
    Turn();
    Turn();
  }
  void List(const std::string& cursor) {
    ListRequest request;
    request.prefix = "p:";
    request.match = "*";
    request.page_size = 10;
    request.cursor = cursor;
    store_->List(request);
    clock_.now_ms += 1;
    Turn();
    Turn();
  }
  const std::string& last_error() { return last_error_ = store_->GetStats().last_error; }
  std::string last_error_;
};

TEST_F(RecognizedClusterTest, TheHomeKeepsItsSlotsWhateverItAnnounces) {
  Check(low_, 1);
  Check(high_, 2);
  Turn();
  Connect(9, kClusterInfo);
  EXPECT_EQ(CountOf(sent(9), "SHARDS"), 1U);
  EXPECT_LT(sent(9).find("MYID"), sent(9).find("INCR")) << "the map is there before the first redirection";
  EXPECT_EQ(CountOf(sent(9), "INCR"), 2U) << "until others are known, every slot is its";
  Say(9, Mine("id1") + kTime + ":-2\r\n:1\r\n:1\r\n" + Moved(high_, 2) + Moved(high_, 2) + Moved(high_, 2));
  EXPECT_EQ(nodes_[1].dials, 0) << "the announced address";
  EXPECT_EQ(nodes_[2].dials, 1);
  Connect(2);
  EXPECT_EQ(CountOf(sent(2), "INCR"), 1U);
  Say(2, std::string(kTime) + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 2U);
  for (const Seen& outcome : outcomes_) EXPECT_EQ(outcome.decision.remaining, 2);
  EXPECT_TRUE(Healthy());
  EXPECT_EQ(Recognized(), std::vector<std::string>{"url:9, recognized by INFO"});
  Forget();
  Check(low_, 3);
  Turn();
  EXPECT_EQ(CountOf(sent(9), "INCR"), 1U);
}

TEST_F(RecognizedClusterTest, ARedirectionToTheAnnouncedAddressGoesHome) {
  Recognize();
  Check(high_, 1);
  Turn();
  Say(2, Thrice(Moved(high_, 1)));
  EXPECT_EQ(nodes_[1].dials, 0);
  EXPECT_EQ(CountOf(sent(9), "INCR"), 1U);
}

TEST_F(RecognizedClusterTest, AServerThatIsNoNodeIsAskedNothingMore) {
  Check(low_, 1);
  CheckBoth(2);
  Turn();
  Connect(9, Info("7.0.15\r\nredis_mode:standalone"));
  EXPECT_EQ(CountOf(sent(9), "CLUSTER"), 0U);
  EXPECT_EQ(CountOf(sent(9), "EVALSHA"), 1U) << "one script for both keys";
  EXPECT_TRUE(Recognized().empty());
}

TEST_F(RecognizedClusterTest, CallsOfSeveralSlotsThatWaitedAreTakenApart) {
  CheckBoth(1);
  Turn();
  Connect(9, kClusterInfo);
  EXPECT_EQ(CountOf(sent(9), "EVALSHA"), 2U);
  Say(9, Mine("id1", 1, 1) + Layered(1, 2, 1700000060000, 1) + Layered(1, 4, 1700000060000, 1));
  ASSERT_EQ(outcomes_.size(), 2U) << "an outcome for each rule";
  EXPECT_TRUE(outcomes_[0].decision.allowed);
}

TEST_F(RecognizedClusterTest, WhereInfoMayNotBeReadACrossSlotRecognizes) {
  CheckBoth(1);
  const std::vector<std::string> keys = {low_, high_};
  AskAbout(Op::kReset, both_, keys, 1, 2);
  Turn();
  Connect(9, kBlind);
  ASSERT_EQ(CountOf(sent(9), "EVALSHA"), 1U);
  Forget();
  const std::string cross = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
  Say(9, cross + cross);
  EXPECT_EQ(Recognized(), std::vector<std::string>{"url:9, recognized by CROSSSLOT"});
  EXPECT_EQ(CountOf(sent(9), "EVALSHA"), 2U);
  EXPECT_EQ(CountOf(sent(9), "\r\nDEL\r\n"), 2U);
  // A proxy that needs one slot for each command knows no cluster: it is asked once.
  ASSERT_EQ(CountOf(sent(9), "MYID"), 1U);
  const size_t reset = sent(9).find("\r\nDEL\r\n");
  const size_t map = sent(9).find("MYID");
  EXPECT_LT(map, reset);
  Say(9, kNoCluster + kNoCluster + Layered(1, 2, 1700000060000, 1) + Layered(1, 4, 1700000060000, 1) + ":1\r\n:1\r\n");
  Say(9, kNoCluster + kNoCluster);
  ASSERT_EQ(outcomes_.size(), 3U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_EQ(outcomes_[2].decision.used, 2);
  Forget();
  Advance(5000);
  EXPECT_EQ(CountOf(sent(9), "CLUSTER"), 0U);
  EXPECT_EQ(last_error(), "");
}

TEST_F(RecognizedClusterTest, WhereInfoMayNotBeReadAMovedRecognizes) {
  Check(high_, 1, 2);
  Turn();
  Connect(9, kBlind);
  Say(9, Moved(high_, 2));
  EXPECT_EQ(nodes_[2].dials, 1);
  EXPECT_EQ(CountOf(sent(9), "SHARDS"), 1U);
  Connect(2);
  EXPECT_EQ(CountOf(sent(2), "EVALSHA"), 1U);
  EXPECT_EQ(Recognized().size(), 1U);
}

TEST_F(RecognizedClusterTest, ABlockOfSeveralSlotsUnderWayReachesBoth) {
  const std::vector<std::string> keys = {low_, high_};
  AskAbout(Op::kBlock, both_, keys, 1000, 1);
  Turn();
  Connect(9, kBlind);
  ASSERT_EQ(CountOf(sent(9), "\r\nSET\r\n"), 2U);
  Forget();
  Say(9, "+OK\r\n" + Moved(high_, 2));
  Say(9, Mine("id1") + "+OK\r\n" + Moved(high_, 2));
  Connect(2);
  EXPECT_EQ(CountOf(sent(9), "\r\nSET\r\n"), 2U) << "again: it does no harm";
  EXPECT_EQ(CountOf(sent(2), "\r\nSET\r\n"), 1U);
}

TEST_F(RecognizedClusterTest, WhatWasAbandonedIsNotTakenApart) {
  CheckBoth(1);
  Turn();
  Connect(9, kBlind);
  Advance(300);
  ASSERT_EQ(outcomes_.size(), 1U);
  Forget();
  Say(9, "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
  EXPECT_EQ(CountOf(sent(9), "EVAL"), 0U);
  EXPECT_EQ(store_->GetStats().pending, 0);
}

TEST_F(RecognizedClusterTest, ARefusedMapLeavesRedirectionsAndASentence) {
  Check(high_, 1);
  Turn();
  Connect(9, kClusterInfo);
  Say(9, kDenied + kDenied);
  Say(9, Thrice(Moved(high_, 2)));
  Say(9, kDenied + kDenied);
  Connect(2);
  EXPECT_EQ(CountOf(sent(2), "INCR"), 1U);
  EXPECT_NE(last_error().find("+cluster|shards"), std::string::npos) << last_error();
  EXPECT_EQ(last_error().find("User spillway"), std::string::npos) << "the server's own words name the user";
  List("");
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].status, Status::kRefused) << "it could not be complete";
}

TEST_F(RecognizedClusterTest, AMapWithoutAnIdOfOnesOwnIsNotUsed) {
  Healthy();
  Turn();
  Connect(9, kClusterInfo);
  Say(9, kDenied + Array({Shard({Integer(0), Integer(16383)}, {ShardNode(Bulk("h"), 1, "master")})}));
  EXPECT_EQ(nodes_[1].dials, 0);
  EXPECT_NE(last_error().find("+cluster|myid"), std::string::npos) << last_error();
  EXPECT_TRUE(Healthy());
}

TEST_F(RecognizedClusterTest, AfterAReconnectTheHomeMayBeAnotherNode) {
  Recognize();
  Lose(9);
  Check(low_, 1);
  Advance(200);
  ASSERT_NE(nodes_[9].stream, nullptr);
  Connect(9, kClusterInfo);
  // The address leads to the node of the high slots by now.
  Say(9, Mine("id2") + Thrice(Moved(low_, 1)));
  EXPECT_EQ(nodes_[1].dials, 1) << "the one that was the home is where it says";
  Connect(1);
  EXPECT_EQ(CountOf(sent(1), "INCR"), 1U);
  Forget();
  Check(high_, 2);
  Turn();
  EXPECT_EQ(CountOf(sent(9), "INCR"), 1U);
  EXPECT_EQ(Recognized().size(), 1U) << "told once";
}

TEST_F(RecognizedClusterTest, AHomeThatDiedIsReplaced) {
  Recognize();
  clock_.now_ms += 1000;
  Lose(9);
  Check(low_, 1);
  Turn();
  ASSERT_EQ(CountOf(sent(2), "SHARDS"), 1U);
  EXPECT_FALSE(Healthy());
  // As the survivor sees it: its successor has the slots.
  Say(2, Mine("id2", 3, 2).substr(Bulk("id2").size()));
  Connect(3);
  EXPECT_EQ(CountOf(sent(3), "INCR"), 1U);
  EXPECT_TRUE(Healthy());
}

TEST_F(RecognizedClusterTest, AServerWithoutAClusterMayTakeTheHomesPlace) {
  Recognize();
  Lose(9);
  Advance(200);
  Connect(9, Info("7.0.15\r\nredis_mode:standalone"));
  Say(9, kNoCluster + kNoCluster);
  Say(9, kNoCluster + kNoCluster);
  Forget();
  Check(high_, 1);
  Turn();
  EXPECT_EQ(CountOf(sent(9), "INCR"), 1U);
  EXPECT_EQ(nodes_[2].stream, nullptr);
}

TEST_F(RecognizedClusterTest, ANodeThatCannotBeReachedIsNamed) {
  Healthy();
  Turn();
  Connect(9, kClusterInfo);
  Say(9, Mine("id1"));
  nodes_[2].stream->events->OnClosed("connection refused");
  Turn();
  EXPECT_FALSE(Healthy());
  EXPECT_EQ(last_error(), "h:2: connection refused");
}

TEST_F(RecognizedClusterTest, SlotsThatNobodyHasAreTheOnlyOnesWithoutAnAnswer) {
  Recognize();
  clock_.now_ms += 1000;
  Lose(2);
  Say(9,
      Bulk("id1") + Array({Shard({Integer(0), Integer(8191)}, {ShardNode(Bulk("h"), 1, "master", "online", "id1")})}));
  EXPECT_EQ(last_error(), "some slots of the cluster have no node");
  Forget();
  Check(low_, 1);
  Check(high_, 2);
  Turn();
  Say(9, std::string(kTime) + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ticket, 1U);
  Advance(300);
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[1].status, Status::kTimedOut);
}

TEST_F(RecognizedClusterTest, AListingRecognizesTooAndReadsEveryNode) {
  List("");
  ASSERT_EQ(nodes_[9].dials, 1);
  const FakeStream* listing = nodes_[9].stream;
  Connect(9, kClusterInfo);
  EXPECT_EQ(CountOf(sent(9), "SCAN"), 0U) << "first the nodes have to be known";
  EXPECT_EQ(nodes_[9].dials, 2) << "the connection for checks, which asks";
  Connect(9, kClusterInfo);
  Say(9, Mine("id1"));
  EXPECT_EQ(CountOf(sent(9), "SCAN"), 1U);
  const std::string page = Bulk("id1") + Array({Bulk("0"), Array({})});
  listing->events->OnBytes(page.data(), page.size());
  Turn();
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].cursor, "h:2 0");
}

TEST_F(RecognizedClusterTest, AListingThatLosesItsConnectionEndsOnePageThoughTwoRepliesAreDue) {
  Recognize();
  List("h:1 0");
  List("h:1 17");
  Connect(9, kClusterInfo);
  ASSERT_EQ(CountOf(sent(9), "MYID") + CountOf(sent(9), "SCAN"), 2U);
  Lose(9);
  ASSERT_EQ(pages_.size(), 1U) << "the next one was not asked for yet";
  EXPECT_EQ(pages_[0].status, Status::kDisconnected);
}

TEST_F(RecognizedClusterTest, AListingThatMeetsAnotherNodeGoesToWhereTheHomeSaysThatItIs) {
  Recognize();
  List("h:1 0");
  EXPECT_EQ(nodes_[9].dials, 2);
  Connect(9, kClusterInfo);
  EXPECT_EQ(CountOf(sent(9), "MYID"), 1U);
  Say(9, Bulk("id2") + Array({Bulk("0"), Array({Bulk("p:wrong")})}));
  Advance(2);
  EXPECT_TRUE(pages_.empty());
  EXPECT_EQ(nodes_[1].dials, 1);
  Connect(1, kClusterInfo);
  Say(1, Array({Bulk("17"), Array({})}));
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].cursor, "h:1 17");
}

}  // namespace
}  // namespace spillway
