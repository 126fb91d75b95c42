#pragma once

#include "store_fixture.h"

namespace spillway {

// One server, behind the last stream that was dialled.
class RedisStoreTest : public StoreTest {
 protected:
  RedisStoreTest() {
    const auto dial = [this](StreamEvents* events) {
      ++dials_;
      return std::make_unique<FakeStream>(&sent_, events, &stream_);
    };
    store_ = std::make_unique<RedisStore>(ClientConfig{}, dial, &scope_, &clock_, &results_, [this] { Keep(); });
  }

  void Advance(int64_t ms) {
    clock_.now_ms += ms;
    // Any turn settles what is due; Healthy asks for one and sends nothing before a connection stands.
    Healthy();
    Turn();
  }
  void Say(const std::string& bytes) {
    ASSERT_NE(stream_, nullptr);
    stream_->events->OnBytes(bytes.data(), bytes.size());
    Turn();
  }
  void Connect(const std::string& version = "7.0.15") {
    stream_->events->OnOpen();
    Say(Info(version));
    Turn();
    sent_.clear();
  }
  void Check(Ticket ticket, int64_t cost = 1) {
    const std::string key = "p:k";
    ASSERT_FALSE(AskAbout(Op::kCheck, rules_, {key}, cost, ticket));
  }
  static std::string Time() { return kTime; }

  std::string sent_;
  FakeStream* stream_ = nullptr;
  int dials_ = 0;
};

}  // namespace spillway
