#pragma once

#include <gtest/gtest.h>

#include "asking.h"
#include "fake_clock.h"
#include "fake_stream.h"
#include "redis_store/redis_store.h"
#include "replies.h"

namespace spillway {

// Both answers to INFO at a login.
inline std::string Info(const std::string& version, const std::string& memory = "maxmemory:0\r\n") {
  return Bulk("redis_version:" + version + "\r\n") + Bulk(memory);
}

// What TIME answers: every exchange of plain commands begins with it.
inline constexpr const char* kTime = "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n";

// RedisStore and Client without a network: streams that the test scripts, a clock that it moves, a real loop.
// A fixture of one server or of a cluster makes the store and says where its streams write.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() : scope_(&loop_) {
    uv_loop_init(&loop_);
    // Something else that keeps the loop alive, as a listening server would.
    uv_timer_init(&loop_, &server_);
    uv_timer_start(
        &server_, [](uv_timer_t*) {}, 3600000, 0);
  }
  // Here, not in the destructor: streams write into members of the fixtures below until the store is gone.
  void TearDown() override {
    store_.reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&server_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }

  // As isRedisHealthy() asks.
  bool Healthy() { return store_->Healthy(probe_, "probe"); }
  // Asks about keys of the prefix `p:`, one for each rule.
  bool AskAbout(Op op, const RuleSet& rules, const std::vector<std::string>& keys, int64_t units, Ticket ticket,
                const int64_t* marks = nullptr) {
    std::vector<std::string> subjects;
    subjects.reserve(keys.size());
    for (const std::string& key : keys) subjects.push_back(key.substr(2));
    return Submit(store_.get(), op, rules, subjects, units, ticket, &immediate_, marks);
  }
  void Turn() { uv_run(&loop_, UV_RUN_NOWAIT); }
  // The store's `deliver`: keeps what a turn has settled.
  void Keep() {
    Look(results_.completions, &outcomes_);
    results_.completions.Clear();
    for (Page& page : results_.pages) pages_.push_back(std::move(page));
    results_.pages.clear();
    for (Event& event : results_.events) events_.push_back(std::move(event));
    results_.events.clear();
  }

  uv_loop_t loop_;
  uv_timer_t server_;
  HandleScope scope_;
  FakeClock clock_;
  Results results_;
  std::vector<Seen> outcomes_;
  std::vector<Seen> immediate_;  // what was answered at once
  std::vector<Page> pages_;
  std::vector<Event> events_;
  const RuleSet rules_{Rule{"p:", Algorithm::kFixedWindow, 3, 60000, 250, "", 0, false}};
  const RuleSet probe_{Rule{"%health:p:", Algorithm::kFixedWindow, 1000000, 1000, 250, "", 0, false, true}};
  std::unique_ptr<RedisStore> store_;
};

}  // namespace spillway
