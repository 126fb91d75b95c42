#include "store/key_table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>

#include "store/records.h"

namespace spillway {
namespace {

constexpr int64_t kFar = 1000000;

void Set(KeyTable* table, KeyTable::Ref ref, int64_t count, int64_t end) {
  std::memcpy(table->Payload(ref), &count, 7);
  table->SetEnd(ref, end);
}

int64_t Count(const KeyTable& table, KeyTable::Ref ref) {
  int64_t count = 0;
  std::memcpy(&count, table.Payload(ref), 7);
  return count;
}

KeyTable::Ref Put(KeyTable* table, const std::string& key, int64_t count, int64_t end, int64_t now) {
  const KeyTable::Ref ref = table->Insert(key, 7, now);
  Set(table, ref, count, end);
  return ref;
}

TEST(KeyTable, AgreesWithAMapOverRandomOperations) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  KeyTable table(100000);
  std::map<std::string, std::pair<int64_t, int64_t>> model;
  for (int i = 0; i < 200000; ++i) {
    const auto number = random() % 5000;
    const std::string key = std::string(number % 40, 'k') + std::to_string(number);
    const KeyTable::Ref ref = table.Find(key);
    ASSERT_EQ(ref != KeyTable::kNone, model.count(key) == 1);
    if (ref == KeyTable::kNone) {
      const int64_t count = static_cast<int64_t>(random());
      Put(&table, key, count, kFar + i, 0);
      model[key] = {count, kFar + i};
    } else if (random() % 3 == 0) {
      table.Erase(ref);
      model.erase(key);
    } else {
      ASSERT_EQ(table.Key(ref), key);
      ASSERT_EQ(Count(table, ref), model[key].first);
      ASSERT_EQ(table.End(ref), model[key].second);
      const int64_t count = (int64_t{1} << 53) - static_cast<int64_t>(random() % 9);
      Set(&table, ref, count, kFar - i);
      model[key] = {count, kFar - i};
    }
    ASSERT_EQ(table.size(), model.size());
  }
}

TEST(KeyTable, HoldsAtMostItsBound) {
  KeyTable table(1000);
  for (int i = 0; i < 5000; ++i) {
    Put(&table, "key" + std::to_string(i), 1, kFar, 0);
    ASSERT_LE(table.size(), 1000U);
  }
  EXPECT_EQ(table.size(), 1000U);
}

TEST(KeyTable, EndedRecordsLeaveFirst) {
  KeyTable table(20000);
  // Spread over all shards: every second one has ended.
  for (int i = 0; i < 20000; ++i) Put(&table, "key" + std::to_string(i), 1, i % 2 == 0 ? 10 : kFar, 0);
  for (int i = 0; i < 10000; ++i) Put(&table, "new" + std::to_string(i), 1, kFar, 11);
  for (int i = 1; i < 20000; i += 2) ASSERT_NE(table.Find("key" + std::to_string(i)), KeyTable::kNone) << i;
  for (int i = 0; i < 10000; ++i) ASSERT_NE(table.Find("new" + std::to_string(i)), KeyTable::kNone) << i;
}

TEST(KeyTable, WhereNothingHasEndedALaterEndIsKept) {
  KeyTable table(16);
  for (int i = 0; i < 15; ++i) Put(&table, "late" + std::to_string(i), 1, kFar, 0);
  Put(&table, "soon", 1, 100, 0);
  // A sample of 16 draws from 16 records with replacement misses one in a third of the rounds, but not in 64 in a row.
  int round = 0;
  while (round < 64 && table.Find("soon") != KeyTable::kNone) Put(&table, "new" + std::to_string(round++), 1, kFar, 0);
  EXPECT_LT(round, 64);
}

TEST(KeyTable, DoesNotGrowForRecordsThatHaveEnded) {
  KeyTable table(1000000);
  // A million short-lived keys, a thousand alive at a time.
  for (int i = 0; i < 1000000; ++i) Put(&table, "key" + std::to_string(i), 1, i + 1000, i);
  EXPECT_LT(table.size(), 40000U);
}

TEST(KeyTable, AListingSeesEveryRecordOnceWhileOthersComeAndGo) {
  KeyTable table(100000);
  for (int i = 0; i < 3000; ++i) Put(&table, "stay" + std::to_string(i), 1, kFar, 0);
  std::set<std::string> seen;
  int added = 0;
  for (KeyTable::Ref at = table.Next(0); at != KeyTable::kNone; at = table.Next(at + 1)) {
    const std::string key(table.Key(at));
    ASSERT_TRUE(seen.insert(key).second) << key;
    if (added < 2000) Put(&table, "more" + std::to_string(added++), 1, kFar, 0);
  }
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(seen.count("stay" + std::to_string(i)), 1U);
}

TEST(KeyTable, KeysOfAnyBytesAndLengthsAreDistinct) {
  KeyTable table(10000);
  std::string key;
  for (int i = 0; i < 3100; ++i) {
    key.push_back(static_cast<char>(i));
    Put(&table, key, i, kFar, 0);
  }
  key.clear();
  for (int i = 0; i < 3100; ++i) {
    key.push_back(static_cast<char>(i));
    const KeyTable::Ref ref = table.Find(key);
    ASSERT_NE(ref, KeyTable::kNone);
    ASSERT_EQ(Count(table, ref), i);
  }
}

// Payloads of many sizes that grow and shrink, against a map of what they should hold.
TEST(KeyTable, KeepsPayloadsOfAnySizeWhileTheyGrow) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  KeyTable table(100000);
  std::map<std::string, std::string> model;
  constexpr size_t kSizes[] = {7, 18, 55, 88, 35, 63, 119, 4000, 70007};
  for (int i = 0; i < 100000; ++i) {
    const auto number = random() % 300;
    const std::string key = std::string(number % 40, 'k') + std::to_string(number);
    const size_t size = kSizes[random() % 100 < 95 ? random() % 7 : 7 + random() % 2];
    KeyTable::Ref ref = table.Find(key);
    ASSERT_EQ(ref != KeyTable::kNone, model.count(key) == 1);
    if (ref == KeyTable::kNone) {
      ref = table.Insert(key, size, 0);
      model[key] = std::string(size, '\0');
    } else if (random() % 8 == 0) {
      table.Erase(ref);
      model.erase(key);
      continue;
    } else if (random() % 2 == 0) {
      ref = table.Grow(ref, size);
      model[key].resize(size, '\0');
      ASSERT_EQ(table.Find(key), ref);
    }
    std::string& payload = model[key];
    ASSERT_EQ(table.Key(ref), key);
    ASSERT_EQ(table.PayloadBytes(ref), payload.size());
    ASSERT_EQ(std::memcmp(table.Payload(ref), payload.data(), payload.size()), 0);
    const size_t at = random() % payload.size();
    payload[at] = static_cast<char>(random());
    std::memcpy(table.Payload(ref) + at, &payload[at], 1);
    table.SetEnd(ref, kFar + i);
    ASSERT_EQ(table.End(ref), kFar + i);
    ASSERT_EQ(table.size(), model.size());
  }
}

TEST(KeyTable, AFixedWindowOf16BytesOfKeyTakes25Bytes) {
  KeyTable table(100000);
  std::set<const uint8_t*> at;
  for (int i = 0; i < 1000; ++i) {
    std::string key = std::to_string(i);
    key.insert(0, 16 - key.size(), 'k');
    at.insert(table.Payload(table.Insert(key, CountBytes(1'000'000), 0)));
  }
  int neighbours = 0;
  for (auto next = at.begin(), before = next++; next != at.end(); before = next++) neighbours += *next - *before == 25;
  EXPECT_GT(neighbours, 980);
}

TEST(Arena, PiecesOfAnySizeAreAlignedAndApart) {
  Arena arena;
  std::mt19937_64 random(1);
  std::map<const uint8_t*, size_t> pieces;
  for (int i = 0; i < 2000; ++i) {
    const size_t bytes = 1 + random() % (i % 50 == 0 ? 3 << 20 : 20000);
    uint8_t* piece = arena.Take(bytes);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(piece) % 64, 0U);
    // A sanitizer sees what lies outside of the regions.
    piece[0] = piece[bytes - 1] = 1;
    ASSERT_TRUE(pieces.emplace(piece, bytes).second);
  }
  const uint8_t* free_from = nullptr;
  for (const auto& [piece, bytes] : pieces) {
    ASSERT_GE(piece, free_from);
    free_from = piece + bytes;
  }
}

}  // namespace
}  // namespace spillway
