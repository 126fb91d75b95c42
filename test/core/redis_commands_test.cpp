// RedisStore on one server: which command asks, what its replies mean, and what is taken back.
#include "redis_fixture.h"

namespace spillway {
namespace {

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
  EXPECT_EQ(outcomes_[4].decision.reset_in_ms, 30001) << "the key lives through the millisecond of its expiry";
  EXPECT_EQ(outcomes_[4].decision.retry_after_ms, 30001);
  EXPECT_EQ(CountOf(sent_, "$13\r\n1700000030000\r\n"), 1U) << "the take-back is bound to its window: " << sent_;
}

TEST_F(RedisStoreTest, RulesAreHeldUntilTheLastReplyUnderThemIsIn) {
  EXPECT_FALSE(rules_.held());
  Check(1);
  EXPECT_TRUE(rules_.held());
  Turn();
  Connect();
  Advance(300);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kTimedOut);
  EXPECT_TRUE(rules_.held()) << "nobody waits, but the reply is still to be read";
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  EXPECT_FALSE(rules_.held());
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

TEST_F(RedisStoreTest, AThousandKeysThatAreDeniedAskTheScriptEachAndTakeNothingBack) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  const auto ask_all = [this] {
    for (int key = 0; key < 1000; ++key) AskAbout(Op::kCheck, rules_, {"p:" + std::to_string(key)}, 1, 2);
    Turn();
  };
  ask_all();
  std::string denials = Time();
  for (int key = 0; key < 1000; ++key) denials += ":1700000030000\r\n:4\r\n:0\r\n";
  Say(denials);
  EXPECT_EQ(CountOf(sent_, "INCR"), 1000U);
  std::string taken_back;
  for (int key = 0; key < 1000; ++key) taken_back += ":1\r\n";
  Say(taken_back);
  sent_.clear();
  ask_all();
  EXPECT_LE(CountOf(sent_, "INCR"), 10U) << "a place in the table may be shared";
  EXPECT_EQ(CountOf(sent_, "INCR") + CountOf(sent_, "EVALSHA"), 1000U);
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
  EXPECT_EQ(outcomes_[0].decision.retry_after_ms, 59990);
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

TEST_F(RedisStoreTest, AForeignValueLosesTheExpiryThatWeGaveIt) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-1\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n:1\r\n");
  Turn();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kForeign);
  EXPECT_EQ(CountOf(sent_, "PERSIST"), 1U);
}

TEST_F(RedisStoreTest, ABlockOfSeveralKeysThatIsRefusedEndsOnce) {
  Check(1);
  Turn();
  Connect();
  Say(Time() + ":-2\r\n:1\r\n:1\r\n");
  const RuleSet two{rules_[0], rules_[0]};
  const std::vector<std::string> keys = {"p:a", "p:b"};
  AskAbout(Op::kBlock, two, keys, 1000, 2);
  Turn();
  Say("-OOM command not allowed\r\n");
  EXPECT_EQ(outcomes_.size(), 1U) << "half of the replies";
  Say("-OOM command not allowed\r\n");
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[1].status, Status::kRefused);
  // Each of these needs a request of its own.
  Check(3);
  AskAbout(Op::kReset, rules_, keys, 1, 4);
  Turn();
  Say(Time() + ":1700000030000\r\n:2\r\n:0\r\n:1\r\n");
  ASSERT_EQ(outcomes_.size(), 4U);
  EXPECT_EQ(outcomes_[2].ticket, 3U);
  EXPECT_EQ(outcomes_[3].ticket, 4U);
}

}  // namespace
}  // namespace spillway
