#include "memory/key_table.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "memory/records.h"

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

// Those that come and go are of other lengths, so their memory passes from one kind of record to another.
TEST(KeyTable, AListingSeesWhatStaysOnceWhileOthersComeAndGo) {
  KeyTable table(100000);
  std::mt19937 random(1);
  std::vector<std::string> others;
  const auto come = [&] {
    others.push_back(std::string(random() % 300, 'k') + "more" + std::to_string(others.size()));
    Put(&table, others.back(), 1, kFar, 0);
  };
  for (int i = 0; i < 3000; ++i) {
    Put(&table, "stay" + std::to_string(i), 1, kFar, 0);
    come();
  }
  std::map<std::string, int> seen;
  for (KeyTable::Ref at = table.Next(0); at != KeyTable::kNone; at = table.Next(at + 1)) {
    ++seen[std::string(table.Key(at))];
    const KeyTable::Ref gone = table.Find(others[random() % others.size()]);
    if (gone != KeyTable::kNone) table.Erase(gone);
    if (others.size() < 6000) come();
  }
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(seen["stay" + std::to_string(i)], 1) << i;
}

TEST(KeyTable, AListingPassesFromRegionToRegion) {
  KeyTable table(100000);
  for (int i = 0; i < 60000; ++i) table.Insert(std::to_string(i), 4, 0);
  int seen = 0;
  for (KeyTable::Ref at = table.Next(0); at != KeyTable::kNone; at = table.Next(at + 1)) ++seen;
  EXPECT_EQ(seen, 60000);
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

}  // namespace
}  // namespace spillway
