#include <gtest/gtest.h>

#include "memory_fixture.h"

namespace spillway {
namespace {

std::vector<std::string> Listed(Memory* memory) {
  memory->store.List({"p:", "", "*", 1000, 1, ""});
  std::vector<std::string> keys;
  for (const auto& entry : memory->results.pages.back().entries) keys.push_back(entry.key);
  return keys;
}

TEST(MemoryStore, ListsAKeyUntilItsWindowEnds) {
  Memory memory;
  const Rule rule = MakeRule(Algorithm::kFixedWindow, 5, 1000);
  memory.Check(rule, 1, "first");
  memory.clock.now_ms += 500;
  memory.Check(rule, 1, "second");
  const int64_t left = memory.Peek(rule, 1, "first").reset_in_ms;
  memory.clock.now_ms += left - 1;
  EXPECT_EQ(Listed(&memory), (std::vector<std::string>{"p:first", "p:second"}));
  memory.clock.now_ms += 2;
  EXPECT_EQ(Listed(&memory), (std::vector<std::string>{"p:second"}));
  memory.Check(rule, 1, "first");
  EXPECT_EQ(Listed(&memory), (std::vector<std::string>{"p:first", "p:second"}));
  memory.clock.now_ms += 10000;
  EXPECT_TRUE(Listed(&memory).empty());
}

}  // namespace
}  // namespace spillway
