#include "redis_store/window_table.h"

#include <gtest/gtest.h>

#include "hash.h"

namespace spillway {
namespace {

uint64_t HashOf(int key) { return Hash("p:" + std::to_string(key), 7); }

TEST(WindowTable, KnowsADeniedKeyUntilItsWindowEnds) {
  WindowTable windows;
  EXPECT_FALSE(windows.Denied(HashOf(1), 0));
  windows.Deny(HashOf(1), 1000, 0);
  EXPECT_TRUE(windows.Denied(HashOf(1), 1000));
  EXPECT_FALSE(windows.Denied(HashOf(1), 1001));
  EXPECT_FALSE(windows.Denied(HashOf(2), 500));
  windows.Deny(HashOf(1), 2000, 1500);
  EXPECT_TRUE(windows.Denied(HashOf(1), 2000));
}

TEST(WindowTable, ForgetsAKeyAlone) {
  WindowTable windows;
  windows.Deny(HashOf(1), 1000, 0);
  windows.Deny(HashOf(2), 1000, 0);
  windows.Forget(HashOf(1));
  windows.Forget(HashOf(3));
  EXPECT_FALSE(windows.Denied(HashOf(1), 500));
  EXPECT_TRUE(windows.Denied(HashOf(2), 500));
}

TEST(WindowTable, RemembersNearlyAllOfThousandsOfKeys) {
  for (const int keys : {300, 1000, 10000}) {
    WindowTable windows;
    for (int key = 0; key < keys; ++key) windows.Deny(HashOf(key), 1000, 0);
    int known = 0;
    for (int key = 0; key < keys; ++key) known += windows.Denied(HashOf(key), 1000) ? 1 : 0;
    EXPECT_GE(known, keys * 99 / 100) << keys;
  }
}

TEST(WindowTable, IsBoundedAndKeepsTheNewest) {
  WindowTable windows;
  const int keys = static_cast<int>(4 * WindowTable::kMost);
  for (int key = 0; key < keys; ++key) windows.Deny(HashOf(key), 1000 + key, 0);
  int known = 0;
  for (int key = 0; key < keys; ++key) known += windows.Denied(HashOf(key), 1000) ? 1 : 0;
  EXPECT_LE(known, static_cast<int>(WindowTable::kMost));
  EXPECT_TRUE(windows.Denied(HashOf(keys - 1), 1000));
  // Those whose windows have ended make room.
  windows.Deny(HashOf(-1), 9000000, 8000000);
  EXPECT_TRUE(windows.Denied(HashOf(-1), 9000000));
}

}  // namespace
}  // namespace spillway
