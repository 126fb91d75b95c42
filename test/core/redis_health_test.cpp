// What RedisStore says of itself: why checks are not counted, and what happened to its connection.
#include "redis_fixture.h"

namespace spillway {
namespace {

using Kind = Event::Kind;

const char kOom[] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const char kNoPermission[] = "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
const char kCounted[] = ":-2\r\n:1\r\n:1\r\n";

class RedisHealthTest : public RedisStoreTest {
 protected:
  std::string Trouble() const { return store_->GetStats().trouble; }
  // Connected, and a check was counted.
  void Open() {
    Check(1);
    Turn();
    Connect();
    Say(Time() + kCounted);
    ASSERT_TRUE(Healthy());
    events_.clear();
    sent_.clear();
  }
  void Refuse(const std::string& error) {
    Check(2);
    Turn();
    Say(Time() + error + error + error);
  }
  // What was told, as `kind address reason`.
  std::vector<std::string> Told() {
    static const char* const kNames[] = {"dialing",  "ready",  "lost",      "refused",
                                         "counting", "evicts", "clustered", "breaker"};
    std::vector<std::string> told;
    for (const Event& event : events_) {
      const std::string text = std::string(kNames[static_cast<size_t>(event.kind)]) + " " + event.address;
      told.push_back(event.reason.empty() ? text : text + " " + event.reason);
    }
    events_.clear();
    return told;
  }
  size_t Probes() const { return CountOf(sent_, "INCR\r\n$15\r\n%health:p:probe"); }
  using List = std::vector<std::string>;
};

TEST_F(RedisHealthTest, EachStepOfAConnectionIsToldWithWhereItGoes) {
  EXPECT_EQ(Trouble(), "not connected yet");
  Check(1);
  Turn();
  EXPECT_EQ(Told(), List{"dialing h:1"});
  EXPECT_EQ(Trouble(), "h:1: not connected yet");
  stream_->events->OnClosed("connection refused");
  Turn();
  EXPECT_EQ(Told(), List{"lost h:1 connection refused"});
  EXPECT_EQ(Trouble(), "h:1: connection refused");
  Advance(60);
  EXPECT_EQ(Told(), List{"dialing h:1"});
  EXPECT_EQ(Trouble(), "h:1: connection refused");
  Connect();
  Say(Time() + kCounted);
  EXPECT_EQ(Told(), (List{"ready h:1", "counting h:1"}));
  EXPECT_EQ(Trouble(), "");
  stream_->events->OnClosed("reset by peer");
  Turn();
  EXPECT_EQ(Told(), List{"lost h:1 reset by peer"});
  EXPECT_FALSE(Healthy());
}

TEST_F(RedisHealthTest, AServerThatMayDropCountersIsToldOfAtEachConnection) {
  Check(1);
  Turn();
  stream_->events->OnOpen();
  Say(Info("7.0.15", "maxmemory:1000\r\nmaxmemory_policy:volatile-lru\r\n"));
  EXPECT_EQ(Told(), (List{"dialing h:1", "ready h:1", "evicts h:1 volatile-lru"}));
}

TEST_F(RedisHealthTest, ARefusalIsToldOnceAndMakesUnhealthyUntilAChargeIsCounted) {
  Open();
  for (int i = 0; i < 5; ++i) Refuse(kOom);
  EXPECT_EQ(Told(), List{"refused h:1 OOM command not allowed when used memory > 'maxmemory'."});
  EXPECT_EQ(Trouble(), "h:1: OOM command not allowed when used memory > 'maxmemory'.");
  Refuse(kNoPermission);
  EXPECT_NE(Trouble().find("NOPERM"), std::string::npos) << Trouble();
  Check(3);
  Turn();
  Say(Time() + kCounted);
  EXPECT_EQ(Told(), List{"counting h:1"});
  EXPECT_FALSE(Healthy()) << "one that needed less than the server refuses, such as a script that only looks";
  Turn();
  Say(Time() + kCounted);
  EXPECT_TRUE(Healthy()) << "health's own was counted";
}

TEST_F(RedisHealthTest, WhereNothingIsRefusedForASecondChecksThatAreCountedMakeHealthy) {
  Open();
  Refuse(kOom);
  for (int i = 0; i < 2; ++i) {
    clock_.now_ms += 500;  // Advance() would ask for health, which charges.
    EXPECT_NE(Trouble(), "");
    Check(3);
    Turn();
    Say(Time() + kCounted);
    Turn();
  }
  EXPECT_EQ(Trouble(), "");
}

TEST_F(RedisHealthTest, ARefusalOutlivesItsConnection) {
  Open();
  Refuse(kOom);
  stream_->events->OnClosed("reset by peer");
  Turn();
  Advance(60);
  Connect();
  EXPECT_NE(Trouble().find("OOM"), std::string::npos) << "a login shows nothing of memory";
}

TEST_F(RedisHealthTest, WhatIsOfAKeyAloneLeavesHealthAsItIs) {
  Open();
  Refuse("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
  Refuse("-ERR value is not an integer or out of range\r\n");
  EXPECT_TRUE(Healthy());
  EXPECT_EQ(Told(), List{});
}

TEST_F(RedisHealthTest, AskedAloneItBecomesReadyAgainByAChargeOfItsOwnKey) {
  Open();
  Refuse(kOom);
  sent_.clear();
  EXPECT_FALSE(Healthy());
  Turn();
  EXPECT_EQ(Probes(), 1U);
  // A denial, which a script reads under OOM, would show nothing: only a charge does.
  Say(Time() + ":-2\r\n" + kOom + ":0\r\n");
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(Healthy());
  Turn();
  EXPECT_EQ(Probes(), 1U) << "at most one in 500 ms";
  Advance(499);
  EXPECT_EQ(Probes(), 1U);
  Advance(1);
  EXPECT_EQ(Probes(), 2U);
  Say(Time() + kCounted);
  EXPECT_TRUE(Healthy());
  EXPECT_EQ(outcomes_.size(), 2U) << "nobody waits for a probe";
}

TEST_F(RedisHealthTest, WhatIsKnownIsAskedForAgainOnceItIsOld) {
  Open();
  Advance(499);
  EXPECT_EQ(Probes(), 0U);
  Advance(1);
  EXPECT_EQ(Probes(), 1U);
  EXPECT_TRUE(Healthy());
  Say(Time() + ":-2\r\n" + kOom + ":0\r\n");
  EXPECT_FALSE(Healthy()) << "what only asks learns of it as well";
}

TEST_F(RedisHealthTest, AUserWithoutTheKeyOfHealthIsJudgedByChecks) {
  Open();
  Advance(500);
  ASSERT_EQ(Probes(), 1U);
  Say(Time() + kNoPermission + kNoPermission + kNoPermission);
  EXPECT_TRUE(Healthy());
  Refuse(kNoPermission);
  EXPECT_FALSE(Healthy());
}

TEST_F(RedisHealthTest, AUserWithoutAnyOfOurKeysIsUnhealthyByAskingAlone) {
  Healthy();
  Turn();
  Connect();
  EXPECT_TRUE(Healthy());
  Advance(500);
  ASSERT_EQ(Probes(), 1U);
  Say(Time() + kNoPermission + kNoPermission + kNoPermission);
  EXPECT_FALSE(Healthy());
  EXPECT_EQ(Told().back(),
            "refused h:1 NOPERM this user has no permissions to access one of the keys used as arguments");
}

TEST_F(RedisHealthTest, AServerThatIsLateIsUnhealthyUntilItAnswersInTime) {
  Open();
  Check(2);
  Turn();
  Advance(249);
  EXPECT_TRUE(Healthy());
  Advance(1);
  EXPECT_EQ(Trouble(), "h:1: no answer within 250 ms");
  Say(Time() + kCounted);
  EXPECT_FALSE(Healthy()) << "an answer that comes too late is of no use";
  Check(3);
  Turn();
  Say(Time() + kCounted);
  EXPECT_TRUE(Healthy());
}

TEST_F(RedisHealthTest, AServerThatIsLoadingSaysSo) {
  Open();
  Check(2, 2);
  Turn();
  for (int i = 0; i < 25; ++i) {
    Say("-LOADING Redis is loading the dataset in memory\r\n");
    Advance(10);
  }
  EXPECT_EQ(outcomes_.back().status, Status::kTimedOut);
  EXPECT_EQ(Trouble(), "h:1: LOADING Redis is loading the dataset in memory");
}

TEST_F(RedisHealthTest, WhereSomeChecksAreCountedAndOthersRefusedNotEachIsTold) {
  Open();
  for (int i = 0; i < 100; ++i) {
    Refuse(kNoPermission);
    Check(3);
    Turn();
    Say(Time() + kCounted);
  }
  EXPECT_EQ(Told().size(), 2U);
}

}  // namespace
}  // namespace spillway
