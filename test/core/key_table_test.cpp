#include "store/key_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace spillway {
namespace {

constexpr int64_t kFar = 1000000;

KeyTable::Ref Put(KeyTable* table, const std::string& key, int64_t count, int64_t end, int64_t now) {
  const KeyTable::Ref ref = table->Insert(key, now);
  table->Set(ref, count, end);
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
      ASSERT_EQ(table.Count(ref), model[key].first);
      ASSERT_EQ(table.End(ref), model[key].second);
      const int64_t count = (int64_t{1} << 53) - static_cast<int64_t>(random() % 9);
      table.Set(ref, count, kFar - i);
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
  // A sample of 16 draws from 16 records with replacement may miss one; over many rounds it is the first to go.
  int kept = 0;
  for (int i = 0; i < 8; ++i) {
    Put(&table, "new" + std::to_string(i), 1, kFar, 0);
    if (table.Find("soon") != KeyTable::kNone) ++kept;
  }
  EXPECT_LT(kept, 8);
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
    ASSERT_EQ(table.Count(ref), i);
  }
}

}  // namespace
}  // namespace spillway
