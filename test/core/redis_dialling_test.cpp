// How RedisStore dials a server that is silent, slow or full, and when it gives a connection up.
#include <algorithm>

#include "redis_fixture.h"

namespace spillway {
namespace {

// The streams that were dialled, each by itself: two of them may be open at once.
class RedisDiallingTest : public StoreTest {
 protected:
  RedisDiallingTest() {
    const auto dial = [this](StreamEvents* events) {
      dialled_ms_.push_back(clock_.now_ms);
      streams_.push_back(std::make_unique<FakeStream*>(nullptr));
      return std::make_unique<FakeStream>(&sent_, events, streams_.back().get());
    };
    store_ = std::make_unique<RedisStore>(ClientConfig{}, dial, &scope_, &clock_, &results_, [this] { Keep(); });
    Healthy();
    Turn();
  }
  FakeStream* stream(size_t number) { return *streams_[number]; }
  size_t Open() const {
    const auto is_open = [](const std::unique_ptr<FakeStream*>& at) { return *at != nullptr; };
    return static_cast<size_t>(std::count_if(streams_.begin(), streams_.end(), is_open));
  }
  // As the loop does that has nothing else to do.
  void Wait(int64_t ms) {
    for (int64_t i = 0; i < ms; i += 10) {
      clock_.now_ms += 10;
      Healthy();
      Turn();
    }
  }
  void Login(size_t number) {
    stream(number)->events->OnOpen();
    Say(number, Info("7.0.15"));
  }
  void Say(size_t number, const std::string& bytes) {
    ASSERT_NE(stream(number), nullptr);
    stream(number)->events->OnBytes(bytes.data(), bytes.size());
    Turn();
  }
  void Check(Ticket ticket) {
    const std::string key = "p:k";
    ASSERT_FALSE(AskAbout(Op::kCheck, rules_, {key}, 1, ticket));
    Turn();
  }

  std::string sent_;
  std::vector<std::unique_ptr<FakeStream*>> streams_;
  std::vector<int64_t> dialled_ms_;
};

TEST_F(RedisDiallingTest, BesideADialThatIsSilentGoesAFreshOneEachSecond) {
  stream(0)->events->OnOpen();
  Wait(4990);
  ASSERT_GE(dialled_ms_.size(), 4U);
  for (size_t i = 1; i < dialled_ms_.size(); ++i) {
    EXPECT_GE(dialled_ms_[i] - dialled_ms_[i - 1], 1000);
    EXPECT_LE(dialled_ms_[i] - dialled_ms_[i - 1], 1300);
  }
  EXPECT_NE(stream(0), nullptr) << "it has its whole time";
  EXPECT_EQ(Open(), 2U);
  Login(streams_.size() - 1);
  EXPECT_TRUE(Healthy());
  EXPECT_EQ(Open(), 1U) << "one connection stays";
  Check(1);
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
}

TEST_F(RedisDiallingTest, AServerThatIsSlowAtTheLoginHasTheWholeTimeForIt) {
  Wait(4500);
  ASSERT_NE(stream(0), nullptr);
  Login(0);
  EXPECT_TRUE(Healthy());
  EXPECT_EQ(Open(), 1U);
}

TEST_F(RedisDiallingTest, ADialHasNoMoreThanItsTime) {
  Wait(5300);
  EXPECT_EQ(stream(0), nullptr);
  Wait(20000);
  EXPECT_LE(Open(), 2U);
  for (size_t i = 1; i < dialled_ms_.size(); ++i) EXPECT_LE(dialled_ms_[i] - dialled_ms_[i - 1], 2000);
}

TEST_F(RedisDiallingTest, AFreshDialThatFailsLeavesTheOtherAlone) {
  Wait(1300);
  ASSERT_EQ(streams_.size(), 2U);
  stream(1)->events->OnClosed("connection refused");
  Turn();
  EXPECT_EQ(events_.back().reason, "connection refused");
  Wait(300);
  ASSERT_NE(stream(0), nullptr);
  Login(0);
  EXPECT_TRUE(Healthy());
}

TEST_F(RedisDiallingTest, ALoopThatWasBlockedDoesNotCountAgainstADial) {
  clock_.now_ms += 6000;
  Healthy();
  stream(0)->events->OnOpen();
  Turn();
  ASSERT_NE(stream(0), nullptr) << "what arrived in the meantime was read just now";
  clock_.now_ms += 6000;
  Healthy();
  Turn();
  Say(0, Info("7.0.15"));
  EXPECT_EQ(streams_.size(), 1U);
  EXPECT_TRUE(Healthy());
}

TEST_F(RedisDiallingTest, AFullServerIsDialledOnceASecondAtMostAndEveryTwoSecondsAtLeast) {
  for (size_t i = 0; i < 10; ++i) {
    ASSERT_EQ(streams_.size(), i + 1);
    stream(i)->events->OnOpen();
    const std::string full = "-ERR max number of clients reached\r\n";
    stream(i)->events->OnBytes(full.data(), full.size());
    if (stream(i) != nullptr) stream(i)->events->OnClosed("the server closed the connection");
    for (int64_t waited = 0; streams_.size() == i + 1 && waited < 3000; waited += 10) Wait(10);
    EXPECT_GE(dialled_ms_[i + 1] - dialled_ms_[i], 1000);
    EXPECT_LE(dialled_ms_[i + 1] - dialled_ms_[i], 2010);
  }
  EXPECT_EQ(store_->GetStats().last_error, "ERR max number of clients reached");
}

TEST_F(RedisDiallingTest, ATrickleOfBytesIsNoAnswer) {
  Login(0);
  Check(1);
  const std::string reply = kTime;
  for (size_t i = 0; i < 4 && stream(0) != nullptr; ++i) {
    Say(0, reply.substr(i, 1));
    Wait(500);
  }
  EXPECT_EQ(stream(0), nullptr);
  EXPECT_EQ(events_.front().kind, Event::Kind::kDialing);
}

TEST_F(RedisDiallingTest, AServerThatIsSlowAndAnswersIsNotGivenUp) {
  Login(0);
  for (Ticket ticket = 0; ticket < 1000; ++ticket) {
    const std::string key = "p:" + std::to_string(ticket);
    ASSERT_FALSE(AskAbout(Op::kCheck, rules_, {key}, 1, ticket));
  }
  Turn();
  Say(0, kTime);
  for (Ticket ticket = 0; ticket < 1000; ++ticket) {
    Wait(20);
    Say(0, ":-2\r\n:1\r\n:1\r\n");
  }
  EXPECT_NE(stream(0), nullptr) << "20 s for all of them, and never 2 s without a reply";
}

}  // namespace
}  // namespace spillway
