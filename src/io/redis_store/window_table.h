#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace spillway {

// What this process knows of the windows that run in a store, by the hash of their keys: until when a key is denied. The next
// check of such a key takes a form that charges nothing when it denies. A collision or an entry that is lost costs a dearer
// form, never a wrong answer.
class WindowTable {
 public:
  // The key was denied; its window ends at `until_ms`, by the clock of `now_ms`.
  void Deny(uint64_t hash, int64_t until_ms, int64_t now_ms) {
    if (entries_.empty()) entries_.resize(kFirst);
    Entry* place = Place(hash, now_ms);
    if (place == nullptr && entries_.size() < kMost) {
      Grow(now_ms);
      place = Place(hash, now_ms);
    }
    // All of them are denied: the one that ends first makes room.
    *(place == nullptr ? Soonest(hash) : place) = {hash, until_ms};
  }
  // It may be admitted again: an admission, a refund, a block or a reset was seen.
  void Forget(uint64_t hash) {
    Entry* entry = Find(hash);
    if (entry != nullptr) *entry = {};
  }
  bool Denied(uint64_t hash, int64_t now_ms) {
    const Entry* entry = Find(hash);
    return entry != nullptr && entry->until_ms >= now_ms;
  }

  // 16 bytes each.
  static constexpr size_t kMost = size_t{1} << 16;

 private:
  static constexpr size_t kWays = 4;
  static constexpr size_t kFirst = 256;
  struct Entry {
    uint64_t hash = 0;
    int64_t until_ms = -1;
  };
  Entry* Bucket(uint64_t hash) { return entries_.data() + ((hash >> 20) & (entries_.size() / kWays - 1)) * kWays; }
  Entry* Find(uint64_t hash) {
    if (entries_.empty()) return nullptr;
    Entry* const bucket = Bucket(hash);
    for (size_t i = 0; i < kWays; ++i) {
      if (bucket[i].hash == hash) return bucket + i;
    }
    return nullptr;
  }
  // Its own place, or one whose window has ended.
  Entry* Place(uint64_t hash, int64_t now_ms) {
    Entry* const own = Find(hash);
    if (own != nullptr) return own;
    Entry* const bucket = Bucket(hash);
    for (size_t i = 0; i < kWays; ++i) {
      if (bucket[i].until_ms < now_ms) return bucket + i;
    }
    return nullptr;
  }
  Entry* Soonest(uint64_t hash) {
    Entry* const bucket = Bucket(hash);
    Entry* soonest = bucket;
    for (size_t i = 1; i < kWays; ++i) {
      if (bucket[i].until_ms < soonest->until_ms) soonest = bucket + i;
    }
    return soonest;
  }
  void Grow(int64_t now_ms) {
    std::vector<Entry> old(entries_.size() * 2);
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.until_ms < now_ms) continue;
      Entry* const place = Place(entry.hash, now_ms);
      if (place != nullptr) *place = entry;
    }
  }

  std::vector<Entry> entries_;  // a power of two; none before the first denial
};

}  // namespace spillway
