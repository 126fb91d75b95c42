// The breakers of a store: whom nobody waits for, how soon it is asked again, and what of a cluster goes on meanwhile.
#include "cluster_fixture.h"
#include "redis/slot.h"
#include "redis_fixture.h"

namespace spillway {
namespace {

using State = Breaker::State;

const char kCounted[] = ":-2\r\n:1\r\n:1\r\n";

// A connection that is silent is kept, so that the breaker alone has to do with it.
ClientConfig Patient() {
  ClientConfig config;
  config.silence_ms = 3'600'000;
  return config;
}

class RedisBreakerTest : public RedisStoreTest {
 protected:
  RedisBreakerTest() {
    const auto dial = [this](StreamEvents* events) {
      ++dials_;
      return std::make_unique<FakeStream>(&sent_, events, &stream_);
    };
    store_ = std::make_unique<RedisStore>(Patient(), dial, &scope_, &clock_, &results_, [this] { Keep(); });
  }
  void Open() {
    Check(1);
    Turn();
    Connect();
    Say(kTime + std::string(kCounted));
    outcomes_.clear();
  }
  // Of a check that was answered at once; kAnswered: it is on its way.
  Status Ask(Ticket ticket) {
    immediate_.clear();
    return AskAbout(Op::kCheck, many_, {"p:k"}, 1, ticket) ? immediate_.front().status : Status::kAnswered;
  }
  // One check that is not answered in its time.
  void TimeOut(Ticket ticket) {
    ASSERT_EQ(Ask(ticket), Status::kAnswered);
    Turn();
    Wait(250);
    ASSERT_EQ(outcomes_.back().ticket, ticket);
    ASSERT_EQ(outcomes_.back().status, Status::kTimedOut);
  }
  // Time that passes, while nobody asks how it is.
  void Wait(int64_t ms) {
    clock_.now_ms += ms;
    if (stream_ == nullptr) {
      Healthy();
    } else {
      stream_->events->OnBytes("", 0);
    }
    Turn();
  }
  // Connections that end, and others that stand, while nobody asks.
  void ComeAndGo() {
    for (int i = 0; i < 20; ++i) {
      stream_->events->OnClosed("closed by the server");
      Turn();
      const int dials = dials_;
      while (dials_ == dials) Wait(50);
      Connect();
    }
  }
  void OpenBreaker() {
    for (Ticket ticket = 2; ticket < 7; ++ticket) TimeOut(ticket);
    ASSERT_EQ(Breaker().state, State::kOpen);
  }
  BreakerStats Breaker() const { return store_->GetStats().breaker; }
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const Event& event : events_) {
      if (event.kind == Event::Kind::kBreaker) told.push_back(event.reason);
    }
    events_.clear();
    return told;
  }
  using List = std::vector<std::string>;

  const RuleSet many_{Rule{"p:", Algorithm::kFixedWindow, 1'000'000, 60'000, 250, "", 0, false}};
};

TEST_F(RedisBreakerTest, AfterFiveInARowNobodyWaits) {
  Open();
  for (Ticket ticket = 2; ticket < 6; ++ticket) TimeOut(ticket);
  EXPECT_EQ(Breaker().state, State::kClosed);
  EXPECT_EQ(Breaker().failures, 4);
  TimeOut(6);
  EXPECT_EQ(Breaker().state, State::kOpen);
  EXPECT_EQ(Breaker().next_attempt_in_ms, 1'000);
  EXPECT_EQ(Breaker().address, "h:1");
  EXPECT_EQ(Told(), List{"open"});
  sent_.clear();
  EXPECT_EQ(Ask(7), Status::kBreakerOpen);
  Turn();
  EXPECT_EQ(sent_, "");
}

TEST_F(RedisBreakerTest, OneStallIsOneFailureAndOneAnswerEndsThem) {
  Open();
  // 50 at once, each millisecond others, all of them for the same stall.
  for (int i = 0; i < 10; ++i) {
    for (Ticket ticket = 0; ticket < 5; ++ticket) ASSERT_EQ(Ask(ticket), Status::kAnswered);
    Turn();
    Wait(1);
  }
  Wait(250);
  EXPECT_EQ(Breaker().failures, 1);
  ASSERT_EQ(Ask(100), Status::kAnswered);
  Turn();
  // What is late says nothing of those that wait now.
  for (int i = 0; i < 10; ++i) Say(kTime + std::string(":-2\r\n:5\r\n:1\r\n"));
  EXPECT_EQ(Breaker().failures, 1);
  Say(kTime + std::string(kCounted));
  EXPECT_EQ(outcomes_.back().ticket, 100U);
  EXPECT_EQ(outcomes_.back().status, Status::kAnswered);
  EXPECT_EQ(Breaker().failures, 0);
}

TEST_F(RedisBreakerTest, OneProbeAtATime) {
  Open();
  OpenBreaker();
  Told();
  Wait(999);
  EXPECT_EQ(Ask(10), Status::kBreakerOpen);
  Wait(1);
  ASSERT_EQ(Ask(11), Status::kAnswered);
  EXPECT_EQ(Breaker().state, State::kHalfOpen);
  EXPECT_EQ(Ask(12), Status::kBreakerOpen);
  Turn();
  EXPECT_EQ(Told(), List{"half-open"});
}

TEST_F(RedisBreakerTest, WhatIsHeardLateLetsTheProbeBeMadeAtOnceAndADenialClosesIt) {
  Open();
  OpenBreaker();
  EXPECT_EQ(Ask(10), Status::kBreakerOpen);
  Say(kTime + std::string(kCounted));
  ASSERT_EQ(Ask(11), Status::kAnswered);
  EXPECT_EQ(Ask(12), Status::kBreakerOpen);
  Turn();
  // The other four that were late, and then the probe, which is denied.
  for (int i = 0; i < 4; ++i) Say(kTime + std::string(kCounted));
  EXPECT_EQ(Breaker().state, State::kHalfOpen);
  Say(kTime + std::string(":1700000060000\r\n:1000002\r\n:0\r\n"));
  EXPECT_FALSE(outcomes_.back().decision.allowed);
  EXPECT_EQ(Breaker().state, State::kClosed);
  EXPECT_EQ(Ask(13), Status::kAnswered);
}

TEST_F(RedisBreakerTest, WithoutAConnectionNobodyIsTheProbeAndALoginClosesIt) {
  Check(1);
  Turn();
  int lost = 0;
  for (; lost < 20; ++lost) {
    stream_->events->OnClosed("connection refused");
    Turn();
    if (Breaker().state == State::kOpen) break;
    const int dials = dials_;
    while (dials_ == dials) Wait(50);
  }
  EXPECT_EQ(lost, 4);
  EXPECT_LE(Breaker().next_attempt_in_ms, 2'000);
  Wait(100'000);
  EXPECT_EQ(Ask(10), Status::kBreakerOpen);
  Connect();
  EXPECT_EQ(Breaker().state, State::kClosed);
  EXPECT_EQ(Breaker().next_attempt_in_ms, 0);
  EXPECT_EQ(Ask(11), Status::kAnswered);
  EXPECT_EQ(Told(), (List{"open", "closed"}));
}

TEST_F(RedisBreakerTest, AServerThatLogsInAndIsSilentAgainIsTriedByOne) {
  Open();
  OpenBreaker();
  stream_->events->OnClosed("no answer for 2 s");
  Turn();
  const int dials = dials_;
  while (dials_ == dials) Wait(50);
  Connect();
  EXPECT_EQ(Ask(10), Status::kAnswered);
  EXPECT_EQ(Ask(11), Status::kBreakerOpen);
  Turn();
  Say(kTime + std::string(kCounted));
  EXPECT_EQ(Breaker().state, State::kClosed);
  // That is forgotten.
  ComeAndGo();
  EXPECT_EQ(Breaker().state, State::kClosed);
}

TEST_F(RedisBreakerTest, ConnectionsThatEndWhileNobodyAsksOpenNothing) {
  Open();
  ComeAndGo();
  EXPECT_EQ(Breaker().state, State::kClosed);
  EXPECT_EQ(Ask(10), Status::kAnswered);
}

TEST_F(RedisBreakerTest, AnErrorIsAnAnswer) {
  Open();
  std::string refused = kTime;
  for (int i = 0; i < 3; ++i) refused += "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
  for (Ticket ticket = 2; ticket < 22; ++ticket) {
    ASSERT_EQ(Ask(ticket), Status::kAnswered);
    Turn();
    Say(refused);
    ASSERT_EQ(outcomes_.back().status, Status::kRefused);
  }
  EXPECT_EQ(Breaker().failures, 0);
  for (Ticket ticket = 30; ticket < 34; ++ticket) TimeOut(ticket);
  EXPECT_EQ(Breaker().failures, 4);
  ASSERT_EQ(Ask(40), Status::kAnswered);
  Turn();
  for (int i = 0; i < 4; ++i) Say(kTime + std::string(kCounted));
  EXPECT_EQ(Breaker().failures, 4);
  Say(refused);
  EXPECT_EQ(Breaker().failures, 0);
}

TEST_F(RedisBreakerTest, HealthAsksAlsoWhileNobodyElseDoes) {
  Open();
  OpenBreaker();
  sent_.clear();
  EXPECT_FALSE(Healthy());
  Turn();
  EXPECT_EQ(CountOf(sent_, "%health:p:probe"), 3U);
  // As `health()` does, which waits for the answer.
  EXPECT_FALSE(AskAbout(Op::kCheck, probe_, {"p:probe"}, 1, 50));
  Say(kTime + std::string(kCounted) + kTime + kCounted + kTime + kCounted + kTime + kCounted + kTime + kCounted);
  EXPECT_EQ(Breaker().state, State::kOpen);
  Say(kTime + std::string(kCounted));
  EXPECT_EQ(Breaker().state, State::kClosed);
  EXPECT_TRUE(Healthy());
}

class ClusterBreakerTest : public ClusterStoreTest {
 protected:
  // Makes the store anew.
  void Make() {
    const auto dial = [this](const Endpoint& to, StreamEvents* events) {
      auto stream = std::make_unique<FakeStream>(&nodes_[to.port].sent, events, &nodes_[to.port].stream);
      stream->address_text = AddressOf(to);
      return stream;
    };
    const ClusterNodes nodes{{{"h", 1, ""}, {"h", 2, ""}}, false, dial, false};
    store_ = std::make_unique<RedisStore>(Patient(), nodes, &scope_, &clock_, &results_, [this] { Keep(); });
  }
  Status Ask(const RuleSet& rules, const std::vector<std::string>& keys, Ticket ticket) {
    immediate_.clear();
    return AskAbout(Op::kCheck, rules, keys, 1, ticket) ? immediate_.front().status : Status::kAnswered;
  }
  void Wait(int64_t ms) {
    clock_.now_ms += ms;
    Turn();
    Turn();
  }
};

TEST_F(ClusterBreakerTest, OnlyTheSlotsOfTheBrokenNodeAreAnsweredWithoutIt) {
  Make();
  Open();
  for (Ticket ticket = 1; ticket < 6; ++ticket) {
    ASSERT_EQ(Ask(rules_, {high_}, ticket), Status::kAnswered);
    Turn();
    ASSERT_EQ(Ask(rules_, {low_}, 100 + ticket), Status::kAnswered);
    Turn();
    Say(1, kTime + std::string(kCounted));
    Wait(250);
    nodes_[1].stream->events->OnBytes("", 0);
    Turn();
  }
  EXPECT_EQ(store_->GetStats().breaker.state, State::kOpen);
  EXPECT_EQ(store_->GetStats().breaker.address, "h:2");
  EXPECT_EQ(Ask(rules_, {high_}, 10), Status::kBreakerOpen);
  EXPECT_EQ(Ask(rules_, {low_}, 11), Status::kAnswered);
  Turn();
  // A check of both is of no use without the one, and nothing of it is sent to the other.
  Forget();
  EXPECT_EQ(Ask(both_, {low_, high_}, 12), Status::kBreakerOpen);
  Turn();
  EXPECT_EQ(sent(1), "");
}

TEST_F(ClusterBreakerTest, WhereNobodyKnowsTheNodesNobodyWaitsForLong) {
  for (Ticket ticket = 1; ticket < 6; ++ticket) {
    ASSERT_EQ(Ask(rules_, {low_}, ticket), Status::kAnswered);
    Turn();
    Wait(250);
    Healthy();
    Turn();
  }
  EXPECT_EQ(Ask(rules_, {low_}, 10), Status::kBreakerOpen);
  Connect(1);
  EXPECT_EQ(store_->GetStats().breaker.state, State::kOpen);
  Say(1, Halves(1, 2));
  EXPECT_EQ(store_->GetStats().breaker.state, State::kClosed);
  EXPECT_EQ(Ask(rules_, {low_}, 11), Status::kAnswered);
}

}  // namespace
}  // namespace spillway
