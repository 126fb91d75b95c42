// The vectors that also run against Redis, here against the table in process, with a clock that the test moves.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "asking.h"
#include "fake_clock.h"
#include "memory/memory_store.h"

namespace spillway {
namespace {

using nlohmann::json;

Decision Play(MemoryStore* store, const json& step, const RuleSet& rules) {
  const std::string name = step["op"];
  const std::string key = step.value("key", std::string("subject"));
  const int64_t cost = step.value("cost", int64_t{1});
  const Op op = name == "check" ? Op::kCheck : name == "peek" ? Op::kPeek : Op::kReset;
  EXPECT_TRUE(op != Op::kReset || name == "reset") << "unknown op " << name;
  std::vector<Seen> seen;
  EXPECT_TRUE(Submit(store, op, rules, {key}, cost, 1, &seen));
  return seen.at(0).decision;
}

TEST(Vectors, FixedWindowInProcess) {
  std::ifstream file(std::string(SPILLWAY_VECTORS) + "/fixed-window.json");
  const json vectors = json::parse(file);
  ASSERT_FALSE(vectors.empty());
  for (const json& vector : vectors) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    FakeClock clock;
    Results results;
    MemoryStore store("p:", 100, &clock, &results);
    const int64_t start = clock.now_ms;
    int number = 0;
    for (const json& step : vector["steps"]) {
      SCOPED_TRACE("step " + std::to_string(++number));
      clock.now_ms = start + step["at"].get<int64_t>();
      const RuleSet rules{Rule{"p:", Algorithm::kFixedWindow, step.value("limit", int64_t{1}),
                               step.value("windowMs", int64_t{1000}), 250, ""}};
      const Decision decision = Play(&store, step, rules);
      if (!step.contains("expect")) continue;
      const json& expect = step["expect"];
      const auto compare = [&](const char* name, int64_t value) {
        if (!expect.contains(name) || !expect[name].is_number()) return;
        EXPECT_EQ(value, expect[name].get<int64_t>()) << name;
      };
      EXPECT_EQ(decision.allowed, expect.value("allowed", decision.allowed));
      compare("remaining", decision.remaining);
      compare("resetInMs", decision.reset_in_ms);
      compare("retryAfterMs", decision.retry_after_ms);
      compare("used", decision.used);
    }
  }
}

}  // namespace
}  // namespace spillway
