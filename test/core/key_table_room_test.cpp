// A table that is full: who leaves, after how much looking, and what it all takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "memory/key_table.h"
#include "memory/records.h"

namespace spillway {
namespace {

constexpr int64_t kFar = 1000000000;

std::string KeyOf(size_t number, size_t length) {
  std::string key = std::to_string(number);
  key.insert(0, length > key.size() ? length - key.size() : 0, 'k');
  return key;
}

void Put(KeyTable* table, const std::string& key, int64_t end, int64_t now) {
  table->SetEnd(table->Insert(key, kNarrowCount, now), end);
}

bool Has(const KeyTable& table, const std::string& key) { return table.Find(key) != KeyTable::kNone; }

TEST(KeyTableRoom, HoldsAtMostItsBound) {
  KeyTable table(1000);
  for (int i = 0; i < 5000; ++i) {
    Put(&table, "key" + std::to_string(i), kFar, 0);
    ASSERT_LE(table.size(), 1000U);
  }
  EXPECT_EQ(table.size(), 1000U);
}

TEST(KeyTableRoom, EndedRecordsLeaveFirst) {
  KeyTable table(20000);
  // Spread over all shards: every second one has ended.
  for (int i = 0; i < 20000; ++i) Put(&table, "key" + std::to_string(i), i % 2 == 0 ? 10 : kFar, 0);
  for (int i = 0; i < 10000; ++i) Put(&table, "new" + std::to_string(i), kFar, 11);
  for (int i = 1; i < 20000; i += 2) ASSERT_TRUE(Has(table, "key" + std::to_string(i))) << i;
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(Has(table, "new" + std::to_string(i))) << i;
}

TEST(KeyTableRoom, DoesNotGrowForRecordsThatHaveEnded) {
  KeyTable table(1000000);
  // A million short-lived keys, a thousand alive at a time.
  for (int i = 0; i < 1000000; ++i) Put(&table, "key" + std::to_string(i), i + 1000, i);
  EXPECT_LT(table.size(), 40000U);
}

// Of sixteen drawn at random, the one that ends soonest is one of the later half once in 65,536 times; of one drawn at
// random, every second time.
TEST(KeyTableRoom, WhereNothingHasEndedOneThatEndsSoonLeaves) {
  for (const size_t max_keys : {size_t{1000}, size_t{20000}}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(std::to_string(max_keys) + " keys, seed " + std::to_string(seed));
      KeyTable table(max_keys, seed);
      std::vector<size_t> ends(max_keys);
      std::iota(ends.begin(), ends.end(), 1);
      std::shuffle(ends.begin(), ends.end(), std::mt19937_64(seed));
      for (size_t i = 0; i < max_keys; ++i) Put(&table, "key" + std::to_string(i), static_cast<int64_t>(ends[i]), 0);
      const size_t newcomers = max_keys / 5;
      for (size_t i = 0; i < newcomers; ++i) Put(&table, "new" + std::to_string(i), kFar, 0);
      size_t gone_soon = 0;
      size_t gone_late = 0;
      for (size_t i = 0; i < max_keys; ++i) {
        if (!Has(table, "key" + std::to_string(i))) ++(ends[i] <= max_keys / 2 ? gone_soon : gone_late);
      }
      EXPECT_EQ(gone_soon + gone_late, newcomers);
      EXPECT_LT(gone_late, newcomers / 50);
    }
  }
}

// The index is looked through in 16 extents of 192 slots, then sixteen are drawn.
constexpr uint64_t kMostLookedAt = 16 * 192 + 16;

class Renewed : public testing::Test {
 protected:
  static constexpr size_t kKeys = 100000;

  void SetUp() override {
    for (size_t i = 0; i < kKeys; ++i) Put(&table, KeyOf(i, 8), static_cast<int64_t>(i) + 1, 0);
  }
  // Unless it had to leave.
  void Renew(size_t i) {
    const KeyTable::Ref ref = table.Find(KeyOf(i, 8));
    if (ref != KeyTable::kNone) table.SetEnd(ref, kFar);
  }
  // How many records were looked at for a newcomer.
  uint64_t Come(int64_t now) {
    const uint64_t before = table.looked_at();
    Put(&table, "new" + std::to_string(newcomers++), kFar, now);
    return table.looked_at() - before;
  }

  KeyTable table{kKeys, 1};
  size_t newcomers = 0;
};

TEST_F(Renewed, ANewcomerLooksAtABoundedNumber) {
  for (size_t i = 0; i < kKeys; ++i) Renew(i);
  const uint64_t before = table.looked_at();
  for (int i = 0; i < 2000; ++i) ASSERT_LE(Come(kKeys + 1), kMostLookedAt);
  // All of them once, for the ends that they got; not again for each newcomer.
  EXPECT_LE(table.looked_at() - before, kKeys + uint64_t{2000} * 16);
}

TEST_F(Renewed, ALaterEndCostsOneLookAtItsExtent) {
  const uint64_t before = table.looked_at();
  for (size_t i = 0; i < 20000; ++i) {
    Renew(i);
    Come(static_cast<int64_t>(i) + 2);
  }
  EXPECT_LE(table.looked_at() - before, 20000 * (192 + 16));
}

TEST_F(Renewed, AnEndCostsOneLookAtItsExtentAndNobodyElseLeaves) {
  const uint64_t before = table.looked_at();
  for (size_t i = 0; i < 20000; ++i) Come(static_cast<int64_t>(i) + 2);
  EXPECT_LE(table.looked_at() - before, 20000 * 300);
  for (size_t i = 0; i < kKeys; ++i) ASSERT_EQ(Has(table, KeyOf(i, 8)), i >= 20000) << i;
}

TEST_F(Renewed, OneThatEndedIsFoundAmongThoseThatGotLaterEnds) {
  for (size_t i = 0; i < kKeys; ++i) {
    if (i != kKeys / 2) Renew(i);
  }
  // Each newcomer looks at least at 16 extents, which are never empty by half.
  for (size_t i = 0; i < kKeys / (size_t{16} * 96); ++i) Come(kKeys + 1);
  EXPECT_FALSE(Has(table, KeyOf(kKeys / 2, 8)));
}

// What docs/semantics.md promises: for each key a block and 8 bytes of index, rounded up, and 4 MB.
size_t MostBytes(size_t max_keys, size_t block_bytes) {
  return max_keys * (block_bytes + block_bytes / 64 + 40) + (size_t{4} << 20);
}

struct Sequence {
  friend std::ostream& operator<<(std::ostream& out, const Sequence& sequence) { return out << sequence.name; }
  const char* name;
  size_t max_keys;
  size_t newcomers;
  // The length of a newcomer's key, given how far the sequence is (0 to 1), and its number.
  std::function<size_t(double, size_t)> length;
};

size_t Random(size_t number) { return std::minstd_rand(static_cast<unsigned>(number + 1))() >> 8; }

class KeyTableMemory : public testing::TestWithParam<Sequence> {};

// Of the records that would fill a block, one has a later end, and keeps the block when the others have left. What a table
// took it keeps, so it is looked at in the end.
TEST_P(KeyTableMemory, IsBoundedByTheKeys) {
  const Sequence& sequence = GetParam();
  KeyTable table(sequence.max_keys, 1);
  for (size_t i = 0; i < sequence.newcomers; ++i) {
    const double far = static_cast<double>(i) / static_cast<double>(sequence.newcomers);
    const size_t length = sequence.length(far, i);
    const bool keeps = i % (Arena::kBlockBytes / (length + 9)) == 0;
    Put(&table, KeyOf(i, length), keeps ? 2 * kFar : kFar, 0);
  }
  EXPECT_LE(table.MemoryBytes(), MostBytes(sequence.max_keys, Arena::kBlockBytes));
}

size_t Falling(double far, size_t) { return 1024 - static_cast<size_t>(far * 1013); }
size_t Rising(double far, size_t) { return 12 + static_cast<size_t>(far * 1013); }
size_t AtRandom(double, size_t number) { return 12 + Random(number) % 1013; }
size_t Alternating(double far, size_t) { return static_cast<size_t>(far * 40) % 2 == 0 ? 12 : 1024; }
size_t FallingBySteps(double far, size_t) { return 2000 - static_cast<size_t>(far * 40) * 49; }
size_t ShortAtRandom(double, size_t number) { return 12 + Random(number) % 50; }

INSTANTIATE_TEST_SUITE_P(Sequences, KeyTableMemory,
                         testing::Values(Sequence{"Falling", 1000, 250000, Falling},
                                         Sequence{"Rising", 1000, 250000, Rising},
                                         Sequence{"AtRandom", 1000, 250000, AtRandom},
                                         Sequence{"Alternating", 1000, 250000, Alternating},
                                         Sequence{"FallingOf100000", 100000, 400000, FallingBySteps},
                                         Sequence{"ShortAtRandomOf100000", 100000, 400000, ShortAtRandom}),
                         [](const auto& sequence) { return sequence.param.name; });

TEST(KeyTableLogs, TakeBoundedMemoryWhileTheyGrow) {
  constexpr size_t kMostEntries = 1024;
  std::mt19937_64 random(1);
  KeyTable table(1000, 1);
  for (size_t i = 0; i < 60000; ++i) {
    KeyTable::Ref ref = table.Insert(KeyOf(i, 100 - i / 700), LogBytes(kFirstLogEntries), 0);
    table.SetEnd(ref, kFar);
    for (size_t entries = kFirstLogEntries * 2; entries <= kMostEntries && random() % 4 != 0; entries *= 2) {
      ref = table.Grow(ref, LogBytes(entries));
    }
  }
  EXPECT_LE(table.MemoryBytes(), MostBytes(1000, 2 * Arena::kBlockBytes));
}

}  // namespace
}  // namespace spillway
