// RedisStore on a cluster without a network: streams that the test scripts, one for each node.
#include <gtest/gtest.h>

#include <map>

#include "fake_clock.h"
#include "fake_stream.h"
#include "replies.h"
#include "store/redis_store.h"

namespace spillway {
namespace {

constexpr const char* kTime = "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n";

// Nodes at ports 1, 2, ... of one host. Keys of low slots belong to port 1, of high slots to port 2.
class ClusterStoreTest : public ::testing::Test {
 protected:
  struct Node {
    std::string sent;
    FakeStream* stream = nullptr;
    int dials = 0;
  };

  ClusterStoreTest() : scope_(&loop_) {
    uv_loop_init(&loop_);
    // Something else that keeps the loop alive, as a listening server would.
    uv_timer_init(&loop_, &server_);
    uv_timer_start(
        &server_, [](uv_timer_t*) {}, 3600000, 0);
    const auto dial = [this](const Endpoint& to, StreamEvents* events) {
      Node& node = nodes_[to.port];
      ++node.dials;
      return std::make_unique<FakeStream>(&node.sent, events, &node.stream);
    };
    const ClusterNodes nodes{{{"h", 1, ""}, {"h", 2, ""}}, false, dial};
    store_ = std::make_unique<RedisStore>(ClientConfig{}, nodes, &scope_, &clock_, &results_, [this] {
      for (const Outcome& outcome : results_.outcomes) outcomes_.push_back(outcome);
      results_.outcomes.clear();
      for (Page& page : results_.pages) pages_.push_back(std::move(page));
      results_.pages.clear();
    });
  }
  ~ClusterStoreTest() override {
    store_.reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&server_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }

  void Turn() { uv_run(&loop_, UV_RUN_NOWAIT); }
  void Advance(int64_t ms) {
    clock_.now_ms += ms;
    store_->GetStats();
    store_->Healthy();
    Turn();
    Turn();
  }
  void Say(int port, const std::string& bytes) {
    ASSERT_NE(nodes_[port].stream, nullptr);
    nodes_[port].stream->events->OnBytes(bytes.data(), bytes.size());
    Turn();
    Turn();
  }
  void Connect(int port) {
    ASSERT_NE(nodes_[port].stream, nullptr) << port;
    nodes_[port].stream->events->OnOpen();
    Say(port, Bulk("redis_version:7.0.15\r\n"));
  }
  static std::string Halves(int low, int high) {
    return Array({Shard({Integer(0), Integer(8191)}, {ShardNode(Bulk("h"), low, "master")}),
                  Shard({Integer(8192), Integer(16383)}, {ShardNode(Bulk("h"), high, "master")})});
  }
  // Both nodes are connected and known, and nothing is under way.
  void Open() {
    store_->Healthy();
    Turn();
    Connect(1);
    Say(1, Halves(1, 2));
    Connect(2);
    ASSERT_TRUE(store_->GetStats().connected);
    Forget();
  }
  void Forget() {
    for (auto& [port, node] : nodes_) node.sent.clear();
  }
  const std::string& sent(int port) { return nodes_[port].sent; }

  static std::string KeyOf(bool low, const std::string& name) {
    for (int i = 0;; ++i) {
      const std::string key = "p:" + name + std::to_string(i);
      if ((SlotOf(key) < 8192) == low) return key;
    }
  }
  void Check(const std::string& key, Ticket ticket, int64_t cost = 1) {
    std::vector<Outcome> now;
    ASSERT_FALSE(store_->Ask(Op::kCheck, rules_, &key, cost, ticket, &now));
  }
  void CheckBoth(Ticket ticket, Op op = Op::kCheck) {
    std::vector<Outcome> now;
    const std::string keys[] = {low_, high_};
    ASSERT_FALSE(store_->Ask(op, both_, keys, 1, ticket, &now));
  }
  // What layered.lua says of one rule: {admitted, room, reset, wait, mark, blocked, fits}.
  static std::string Layered(int64_t admitted, int64_t room, int64_t mark, int64_t fits) {
    return Array(
        {Integer(admitted), Integer(room), Integer(60000), Integer(60001), Integer(mark), Integer(0), Integer(fits)});
  }
  static std::string Moved(const std::string& key, int port) {
    return "-MOVED " + std::to_string(SlotOf(key)) + " h:" + std::to_string(port) + "\r\n";
  }
  static std::string Ask(const std::string& key, int port) {
    return "-ASK " + std::to_string(SlotOf(key)) + " h:" + std::to_string(port) + "\r\n";
  }
  static std::string Thrice(const std::string& reply) { return kTime + reply + reply + reply; }

  uv_loop_t loop_;
  uv_timer_t server_;
  HandleScope scope_;
  FakeClock clock_;
  Results results_;
  std::vector<Outcome> outcomes_;
  std::vector<Page> pages_;
  std::map<int, Node> nodes_;
  const std::string low_ = KeyOf(true, "low");
  const std::string high_ = KeyOf(false, "high");
  const RuleSet rules_{Rule{"p:", Algorithm::kFixedWindow, 3, 60000, 250, "", 0, false}};
  const RuleSet both_{Rule{"p:", Algorithm::kSlidingWindow, 3, 60000, 250, "a", 0, false},
                      Rule{"p:", Algorithm::kSlidingWindow, 5, 60000, 250, "b", 0, false}};
  std::unique_ptr<RedisStore> store_;
};

TEST_F(ClusterStoreTest, ConnectsToOneSeedThenToEveryMaster) {
  Turn();
  EXPECT_TRUE(nodes_.empty());
  Check(low_, 1);
  Turn();
  EXPECT_EQ(nodes_[1].dials, 1);
  EXPECT_EQ(nodes_[2].dials, 0);
  Connect(1);
  EXPECT_EQ(CountOf(sent(1), "SHARDS"), 1U);
  EXPECT_EQ(CountOf(sent(1), "INCRBY"), 0U);
  Say(1, Halves(1, 2));
  EXPECT_EQ(CountOf(sent(1), "INCRBY"), 1U) << "what has waited for the map leaves with it";
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
  EXPECT_EQ(CountOf(sent(1), "INCRBY"), 1U);
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
  EXPECT_EQ(CountOf(sent(1), "INCRBY"), 1U);
  EXPECT_EQ(CountOf(sent(2), "INCRBY"), 1U);
  EXPECT_EQ(CountOf(sent(1), "\r\nTIME\r\n"), 1U) << "each server's own clock";
  EXPECT_EQ(CountOf(sent(2), "\r\nTIME\r\n"), 1U);
}

TEST_F(ClusterStoreTest, MovedIsFollowedAndRemembered) {
  Open();
  Check(low_, 1);
  Turn();
  Say(1, Thrice(Moved(low_, 2)));
  EXPECT_EQ(CountOf(sent(2), "INCRBY"), 1U);
  EXPECT_EQ(CountOf(sent(2), "ASKING"), 0U);
  Say(2, std::string(kTime) + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  Forget();
  Check(low_, 2);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "INCRBY"), 0U);
  EXPECT_EQ(CountOf(sent(2), "INCRBY"), 1U);
}

TEST_F(ClusterStoreTest, MovedInACircleEndsAfterFiveHops) {
  Open();
  Check(low_, 1);
  Turn();
  int hops = 0;
  for (int at = 1; outcomes_.empty() && hops < 20; ++hops, at = 3 - at) {
    ASSERT_EQ(CountOf(sent(at), "INCRBY"), 1U) << hops;
    Forget();
    Say(at, Thrice(Moved(low_, 3 - at)));
  }
  EXPECT_EQ(hops, 6);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kRefused);
}

TEST_F(ClusterStoreTest, MovedToANodeThatWasNotKnownConnectsToIt) {
  Open();
  Check(low_, 1);
  Turn();
  Say(1, Thrice("-MOVED 7 :3\r\n"));
  EXPECT_EQ(nodes_[3].dials, 1) << "no host: the one that answered";
  Connect(3);
  EXPECT_EQ(CountOf(sent(3), "INCRBY"), 1U);
}

TEST_F(ClusterStoreTest, AskGoesOnceWithAskingInFrontOfEveryCommand) {
  Open();
  Check(low_, 1);
  Turn();
  Say(1, Thrice(Ask(low_, 2)));
  for (const char* command : {"PEXPIRETIME", "INCRBY", "PEXPIRE"}) {
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
  EXPECT_EQ(CountOf(sent(1), "INCRBY"), 1U) << "the slot is still where it was";
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
    EXPECT_EQ(outcomes_[0].ending, Ending::kAnswered) << text;
  }
}

TEST_F(ClusterStoreTest, WhatIncrbyChargedIsNotChargedAgain) {
  Open();
  Check(low_, 1);
  Turn();
  // The slot moved between the second command and the third.
  Say(1, std::string(kTime) + ":-2\r\n:1\r\n" + Moved(low_, 2));
  EXPECT_EQ(CountOf(sent(2), "INCRBY"), 0U);
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
  EXPECT_EQ(outcomes_[0].decision.reset_in_ms, 30000);
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
  EXPECT_FALSE(store_->Healthy());
  Say(2, Halves(3, 2));
  Connect(3);
  EXPECT_EQ(CountOf(sent(3), "INCRBY"), 1U);
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

TEST_F(ClusterStoreTest, SeveralSlotsAreAskedAtOnce) {
  Open();
  CheckBoth(1);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "EVALSHA"), 1U);
  EXPECT_EQ(CountOf(sent(2), "EVALSHA"), 1U);
  Say(1, Layered(1, 2, 1700000060000, 1));
  EXPECT_TRUE(outcomes_.empty());
  Forget();
  Say(2, Layered(1, 4, 1700000060000, 1));
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_EQ(outcomes_[0].decision.remaining, 2);
  EXPECT_EQ(outcomes_[0].behind, 1);
  EXPECT_EQ(outcomes_[1].decision.remaining, 4);
  EXPECT_EQ(sent(1) + sent(2), "") << "nothing to give back";
}

TEST_F(ClusterStoreTest, WhatOneSlotDeniesTheOthersGetBack) {
  Open();
  for (Ticket ticket = 1; ticket <= 4; ++ticket) CheckBoth(ticket);
  Turn();
  Forget();
  // Of four, the first rule admits one and the second all: three go back, from the window that was charged.
  Say(1, Layered(1, 0, 1700000060000, 1));
  Say(2, Layered(4, 1, 1700000070000, 4));
  ASSERT_EQ(outcomes_.size(), 8U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_FALSE(outcomes_[2].decision.allowed);
  EXPECT_TRUE(outcomes_[3].decision.allowed) << "by itself, the second rule would have admitted it";
  EXPECT_EQ(outcomes_[3].decision.remaining, 4) << "as it is once they are back";
  EXPECT_EQ(outcomes_[3].decision.retry_after_ms, 0);
  EXPECT_EQ(sent(1), "");
  EXPECT_EQ(CountOf(sent(2), "\r\nEVAL\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "\r\n$1\r\n3\r\n$1\r\nw\r\n"), 1U) << sent(2);
}

TEST_F(ClusterStoreTest, FixedWindowsInSeveralSlotsAreGivenBackToo) {
  Open();
  const RuleSet windows{Rule{"p:", Algorithm::kFixedWindow, 3, 60000, 250, "a", 0, false},
                        Rule{"p:", Algorithm::kFixedWindow, 5, 60000, 250, "b", 0, false}};
  const std::string keys[] = {low_, high_};
  std::vector<Outcome> now;
  for (Ticket ticket = 1; ticket <= 2; ++ticket) store_->Ask(Op::kCheck, windows, keys, 2, ticket, &now);
  Turn();
  Forget();
  // {units charged, now, units used before, end of the window}: one fits under the first rule, both under the second.
  Say(1, Array({Integer(2), Integer(1700000000000), Integer(0), Integer(1700000060000)}));
  Say(2, Array({Integer(4), Integer(1700000000000), Integer(1), Integer(1700000070000)}));
  ASSERT_EQ(outcomes_.size(), 4U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_EQ(outcomes_[1].decision.remaining, 2);
  EXPECT_FALSE(outcomes_[2].decision.allowed);
  EXPECT_EQ(outcomes_[3].decision.remaining, 2);
  EXPECT_EQ(sent(1), "");
  EXPECT_EQ(CountOf(sent(2), "\r\n$1\r\n2\r\n$1\r\nf\r\n"), 1U) << sent(2);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
}

TEST_F(ClusterStoreTest, AShadowRuleGivesBackOnlyWhatItCounted) {
  Open();
  const RuleSet shadowed{both_[0], Rule{"p:", Algorithm::kFixedWindow, 2, 60000, 250, "s", 0, true}};
  const std::string keys[] = {low_, high_};
  std::vector<Outcome> now;
  for (Ticket ticket = 1; ticket <= 4; ++ticket) store_->Ask(Op::kCheck, shadowed, keys, 1, ticket, &now);
  Turn();
  Forget();
  // The shadow counts two of the four that it sees; one of them is admitted in the end.
  Say(2, Layered(4, 0, 1700000070000, 2));
  Say(1, Layered(1, 0, 1700000060000, 1));
  ASSERT_EQ(outcomes_.size(), 8U);
  EXPECT_EQ(outcomes_[1].decision.remaining, 1);
  EXPECT_EQ(CountOf(sent(2), "\r\n$1\r\n1\r\n$1\r\nf\r\n"), 1U) << sent(2);
}

TEST_F(ClusterStoreTest, APartThatFailsEndsTheCallAndTheOthersGetTheirUnitsBack) {
  Open();
  CheckBoth(1);
  Turn();
  Forget();
  Say(2, Layered(1, 4, 1700000070000, 1));
  nodes_[1].stream->events->OnClosed("reset");
  Turn();
  Turn();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kDisconnected);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
}

TEST_F(ClusterStoreTest, APartThatComesTooLateGivesItsUnitsBack) {
  Open();
  CheckBoth(1);
  Turn();
  Say(2, Layered(1, 4, 1700000070000, 1));
  Forget();
  Advance(250);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kTimedOut);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
  Say(1, Layered(1, 2, 1700000060000, 1));
  EXPECT_EQ(CountOf(sent(1), "$13\r\n1700000060000\r\n"), 1U);
  EXPECT_EQ(outcomes_.size(), 1U);
}

TEST_F(ClusterStoreTest, APartThatIsRefusedEndsTheCallOnce) {
  Open();
  CheckBoth(1);
  Turn();
  Say(1, "-OOM command not allowed\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kRefused);
  Forget();
  Say(2, "-OOM command not allowed\r\n");
  EXPECT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(store_->GetStats().pending, 0);
}

TEST_F(ClusterStoreTest, ALookChargesNothingAndGivesNothingBack) {
  Open();
  CheckBoth(1, Op::kPeek);
  Turn();
  Forget();
  Say(1, Layered(0, 0, 1700000060000, 0));
  Say(2, Layered(0, 5, 1700000060000, 0));
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_FALSE(outcomes_[0].decision.allowed);
  EXPECT_TRUE(outcomes_[1].decision.allowed);
  EXPECT_EQ(sent(1) + sent(2), "");
}

TEST_F(ClusterStoreTest, APenaltyIsKeptWhereItWasCharged) {
  Open();
  CheckBoth(1, Op::kPenalize);
  Turn();
  Forget();
  Say(2, Layered(1, 4, 1700000060000, 1));
  Say(1, "-OOM command not allowed\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kRefused);
  EXPECT_EQ(sent(2), "");
}

TEST_F(ClusterStoreTest, RefundBlockAndResetReachEverySlotAndAddUp) {
  Open();
  const std::string keys[] = {low_, high_};
  const int64_t marks[] = {1700000060000, 1700000070000};
  std::vector<Outcome> now;
  store_->Refund(both_, keys, 2, marks, 1, &now);
  store_->Block(both_, keys, 5000, 2, &now);
  store_->Reset(both_, keys, 3, &now);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "$13\r\n1700000060000\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
  Say(1, ":1\r\n+OK\r\n:1\r\n");
  EXPECT_TRUE(outcomes_.empty());
  Say(2, ":1\r\n+OK\r\n:0\r\n");
  ASSERT_EQ(outcomes_.size(), 3U);
  EXPECT_EQ(outcomes_[0].decision.used, 2);
  EXPECT_EQ(outcomes_[1].ending, Ending::kAnswered);
  EXPECT_EQ(outcomes_[2].decision.used, 1);
}

TEST_F(ClusterStoreTest, KeysThatAreOnTheirWayAreAskedOneByOne) {
  Open();
  const RuleSet& same = both_;
  const std::string keys[] = {low_, "{" + low_ + "}:b"};
  std::vector<Outcome> now;
  store_->Ask(Op::kCheck, same, keys, 1, 1, &now);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "EVALSHA"), 1U) << "one slot, one script";
  Forget();
  Say(1, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
  EXPECT_EQ(CountOf(sent(1), "EVALSHA"), 2U);
  // One of them has gone ahead.
  Say(1, Ask(low_, 2) + Layered(1, 4, 1700000060000, 1));
  EXPECT_EQ(CountOf(sent(2), "ASKING"), 1U);
  Say(2, "+OK\r\n" + Layered(1, 2, 1700000060000, 1));
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[0].decision.remaining, 2);
  EXPECT_EQ(outcomes_[1].decision.remaining, 4);
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
  EXPECT_EQ(pages_[2].ending, Ending::kRefused) << "that server has left";
}

}  // namespace
}  // namespace spillway
