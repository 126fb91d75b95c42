// RedisStore and Client without a network: a stream that the test scripts, a clock that it moves, a real loop.
#include "store/redis_store.h"

#include <gtest/gtest.h>

#include "fake_clock.h"
#include "fake_stream.h"

namespace spillway {
namespace {

class RedisStoreTest : public ::testing::Test {
 protected:
  RedisStoreTest() : scope_(&loop_) {
    uv_loop_init(&loop_);
    // Something else that keeps the loop alive, as a listening server would.
    uv_timer_init(&loop_, &server_);
    uv_timer_start(
        &server_, [](uv_timer_t*) {}, 3600000, 0);
    const auto dial = [this](StreamEvents* events) {
      ++dials_;
      return std::make_unique<FakeStream>(&sent_, events, &stream_);
    };
    store_ = std::make_unique<RedisStore>(config_, dial, &scope_, &clock_, &results_, [this] {
      for (const Outcome& outcome : results_.outcomes) outcomes_.push_back(outcome);
      results_.outcomes.clear();
    });
  }
  ~RedisStoreTest() override {
    store_.reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&server_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }

  void Turn() { uv_run(&loop_, UV_RUN_NOWAIT); }
  void Advance(int64_t ms) {
    clock_.now_ms += ms;
    // Any turn settles what is due; Healthy asks for one and sends nothing before a connection stands.
    store_->Healthy();
    Turn();
  }
  void Say(const std::string& bytes) {
    ASSERT_NE(stream_, nullptr);
    stream_->events->OnBytes(bytes.data(), bytes.size());
    Turn();
  }
  void Connect(const std::string& version = "7.0.15") {
    stream_->events->OnOpen();
    const std::string info = "redis_version:" + version + "\r\n";
    Say("$" + std::to_string(info.size()) + "\r\n" + info + "\r\n");
    Turn();
    sent_.clear();
  }
  void Check(Ticket ticket, int64_t cost = 1) {
    std::vector<Outcome> now;
    const std::string key = "p:k";
    ASSERT_FALSE(store_->Ask(Op::kCheck, rules_, &key, cost, ticket, &now));
  }
  std::string Time() const { return "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"; }

  uv_loop_t loop_;
  uv_timer_t server_;
  HandleScope scope_;
  FakeClock clock_;
  ClientConfig config_;
  Results results_;
  std::vector<Outcome> outcomes_;
  std::string sent_;
  FakeStream* stream_ = nullptr;
  int dials_ = 0;
  const RuleSet rules_{Rule{"p:", Algorithm::kFixedWindow, 3, 60000, 250, "", 0, false}};
  std::unique_ptr<RedisStore> store_;
};

TEST_F(RedisStoreTest, ConnectsNothingBeforeTheFirstCheck) {
  Turn();
  EXPECT_EQ(dials_, 0);
  Check(1);
  EXPECT_EQ(dials_, 1);
  Check(2);
  EXPECT_EQ(dials_, 1);
}

TEST_F(RedisStoreTest, ChecksOfOneTurnAndKeyLeaveAsOneCommandWithTheirSum) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  for (Ticket ticket = 2; ticket <= 5; ++ticket) Check(ticket);
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
  EXPECT_EQ(CountOf(sent_, "\r\n$1\r\n3\r\n"), 1U) << "four wait, three is the limit";
  // 1 + 3 = 4: two fit, one of the three units goes back.
  sent_.clear();
  Say(Time() + ":1700000030000\r\n:4\r\n:0\r\n");
  Turn();
  ASSERT_EQ(outcomes_.size(), 5U);
  EXPECT_EQ(outcomes_[0].decision.remaining, 2);
  EXPECT_TRUE(outcomes_[1].decision.allowed);
  EXPECT_EQ(outcomes_[2].decision.remaining, 0);
  EXPECT_FALSE(outcomes_[3].decision.allowed);
  EXPECT_FALSE(outcomes_[4].decision.allowed);
  EXPECT_EQ(outcomes_[4].decision.reset_in_ms, 30000);
  EXPECT_EQ(outcomes_[4].decision.retry_after_ms, 30001);
  EXPECT_EQ(CountOf(sent_, "$13\r\n1700000030000\r\n"), 1U) << "the take-back is bound to its window: " << sent_;
}

TEST_F(RedisStoreTest, AKeyThatWasDeniedAsksTheScriptUntilItAdmitsAgain) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":1700000030000\r\n:4\r\n:0\r\n");
  EXPECT_FALSE(outcomes_.at(0).decision.allowed);
  sent_.clear();
  Check(2);
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 0U);
  EXPECT_EQ(CountOf(sent_, "EVALSHA"), 1U);
  // The take-back's reply, then the script's.
  Say(":1\r\n*4\r\n:1\r\n:1\r\n:60000\r\n:1700000060000\r\n");
  EXPECT_TRUE(outcomes_.at(1).decision.allowed);
  sent_.clear();
  Check(3);
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
}

TEST_F(RedisStoreTest, ADenialInAWindowOfUnknownEndAsksTheScript) {
  Check(1);
  Turn();
  Connect();
  // No key before, no expiry set by us: somebody else began the window in between.
  Say(Time() + ":-2\r\n:4\r\n:0\r\n");
  EXPECT_TRUE(outcomes_.empty());
  Turn();
  EXPECT_EQ(CountOf(sent_, "\r\nEVAL\r\n"), 1U) << "the take-back";
  EXPECT_EQ(CountOf(sent_, "EVALSHA"), 1U) << "then the check";
  Say(":1\r\n*4\r\n:0\r\n:3\r\n:59990\r\n:1700000059990\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].decision.retry_after_ms, 59991);
}

TEST_F(RedisStoreTest, AnOldServerOrAnUnreadableVersionMeansTheScript) {
  Check(1);
  Turn();
  Connect("6.2.7");
  Say("-NOSCRIPT No matching script.\r\n");
  sent_.clear();
  Turn();
  // Its source this time; checked here because Connect has cleared the first form.
  Say("*4\r\n:1\r\n:1\r\n:60000\r\n:1700000060000\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
}

TEST_F(RedisStoreTest, WhatWasWrittenIsNeverSentAgain) {
  Check(1);
  Turn();
  Connect();
  stream_->events->OnClosed("reset by peer");
  Turn();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kDisconnected);
  sent_.clear();
  Advance(3000);
  ASSERT_EQ(dials_, 2);
  Connect();
  Turn();
  EXPECT_EQ(sent_, "");
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
  Say("$21\r\nredis_version:7.0.0\r\n\r\n");
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
}

TEST_F(RedisStoreTest, TheDeadlineEndsACheckThatWasNeverSent) {
  Check(1);
  Turn();
  Advance(249);
  EXPECT_TRUE(outcomes_.empty());
  Advance(1);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kTimedOut);
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
  EXPECT_EQ(outcomes_[0].ending, Ending::kAnswered);
}

TEST_F(RedisStoreTest, ARefusalForTheMomentIsAskedAgainAfterTenMilliseconds) {
  Check(1);
  Turn();
  Connect();
  const std::string loading = "-LOADING Redis is loading the dataset in memory\r\n";
  Say(Time() + loading + loading + loading);
  sent_.clear();
  Advance(9);
  EXPECT_EQ(sent_, "");
  Advance(1);
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
}

const char kReadOnly[] = "-READONLY You can't write against a read only replica.\r\n";

TEST_F(RedisStoreTest, AReplicaIsLeftAndTheCheckAskedOnANewConnection) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n" + kReadOnly + kReadOnly);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_FALSE(store_->Healthy());
  EXPECT_TRUE(outcomes_.empty());
  Advance(50);
  ASSERT_EQ(dials_, 2);
  stream_->events->OnOpen();
  sent_.clear();
  Say("$22\r\nredis_version:7.0.15\r\n\r\n");
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
  EXPECT_FALSE(store_->Healthy());
  Say(kReadOnly);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_TRUE(outcomes_.empty()) << "nobody is answered by the policy: nothing was executed";
  Advance(60);
  ASSERT_EQ(dials_, 2);
  stream_->events->OnOpen();
  Say("$22\r\nredis_version:7.0.15\r\n\r\n");
  Turn();
  EXPECT_EQ(CountOf(sent_, "INCR"), 2U);
  EXPECT_EQ(CountOf(sent_, "EVALSHA"), 1U);
}

TEST_F(RedisStoreTest, AForeignValueLosesTheExpiryThatWeGaveIt) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-1\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n:1\r\n");
  Turn();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].ending, Ending::kRefused);
  EXPECT_EQ(CountOf(sent_, "PERSIST"), 1U);
}

TEST_F(RedisStoreTest, ASilentServerIsGivenUpAndDialledAgain) {
  Check(1);
  Turn();
  Connect();
  Advance(2000);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_FALSE(store_->Healthy());
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
  EXPECT_EQ(outcomes_.at(1).ending, Ending::kTimedOut);
}

TEST_F(RedisStoreTest, TheQueueIsBounded) {
  std::vector<Outcome> now;
  Ticket ticket = 0;
  for (bool ready = false; !ready;) {
    const std::string key = "p:k" + std::to_string(ticket % 100);
    ready = store_->Ask(Op::kCheck, rules_, &key, 1, ticket, &now);
    if (!ready) ++ticket;
    ASSERT_LE(ticket, 100000U);
  }
  ASSERT_EQ(now.size(), 1U);
  EXPECT_EQ(now[0].ending, Ending::kQueueFull);
  EXPECT_EQ(now[0].ticket, ticket);
}

TEST_F(RedisStoreTest, CloseSettlesEveryTicketOnce) {
  for (Ticket ticket = 0; ticket < 10; ++ticket) Check(ticket);
  Turn();
  store_->Close();
  EXPECT_EQ(results_.outcomes.size(), 10U);
  for (const Outcome& outcome : results_.outcomes) EXPECT_EQ(outcome.ending, Ending::kClosed);
}

TEST_F(RedisStoreTest, ABlockOfSeveralKeysThatIsRefusedEndsOnce) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  const RuleSet two{rules_[0], rules_[0]};
  const std::string keys[] = {"p:a", "p:b"};
  std::vector<Outcome> now;
  store_->Block(two, keys, 1000, 2, &now);
  Turn();
  Say("-OOM command not allowed\r\n");
  EXPECT_EQ(outcomes_.size(), 1U) << "half of the replies";
  Say("-OOM command not allowed\r\n");
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[1].ending, Ending::kRefused);
  // Each of these needs a request of its own.
  Check(3);
  store_->Reset(rules_, keys, 4, &now);
  Turn();
  Say(Time() + ":1700000030000\r\n:2\r\n:0\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 4U);
  EXPECT_EQ(outcomes_[2].ticket, 3U);
  EXPECT_EQ(outcomes_[3].ticket, 4U);
}

TEST_F(RedisStoreTest, TooLargeACostNeverFitsAndIsStillAskedOfTheServer) {
  Check(1, 4);
  Turn();
  Connect();
  Say("*4\r\n:0\r\n:2\r\n:5000\r\n:1700000005000\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_FALSE(outcomes_[0].decision.allowed);
  EXPECT_EQ(outcomes_[0].decision.retry_after_ms, kNeverFits);
  EXPECT_EQ(outcomes_[0].decision.remaining, 1);
}

}  // namespace
}  // namespace spillway
