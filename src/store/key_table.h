#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace spillway {

// A hash table from keys to (count, end), made to hold millions of them in little memory and without pauses.
//
// A record is 12 bytes and the key, in chunks of records of one size; records never move, so a listing may go on while the
// table changes. The index is made of buckets of one cache line, split into shards that grow one by
// one. No timer belongs to a key: ended records leave when their shard would grow or the table is full.
class KeyTable {
 public:
  using Ref = uint32_t;
  static constexpr Ref kNone = UINT32_MAX;

  // Holds at most `max_keys` (>= 1) records.
  explicit KeyTable(size_t max_keys);
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  Ref Find(std::string_view key) const;
  // Adds a key that Find did not find (1 to 65,535 bytes). Where the table is full, records that ended before `now_ms`
  // leave first, then the one closest to its end among sixteen drawn at random.
  Ref Insert(std::string_view key, int64_t now_ms);
  void Erase(Ref ref);

  int64_t Count(Ref ref) const;
  // A record lives while now <= end. Times are 0 to 2^40 - 2.
  int64_t End(Ref ref) const;
  std::string_view Key(Ref ref) const;
  // A count is 0 to 2^56 - 1.
  void Set(Ref ref, int64_t count, int64_t end_ms);

  size_t size() const { return size_; }

  // The first record at or behind a position, or kNone; positions only grow. Starts at 0.
  Ref Next(Ref from) const;

 private:
  struct Chunk {
    std::unique_ptr<uint8_t[]> bytes;
    uint32_t record_bytes = 0;
    uint32_t capacity = 0;
    uint32_t slots = 0;  // used so far, live or free
  };
  static constexpr size_t kBucketSlots = 12;
  struct alignas(64) Bucket {
    uint8_t tags[kBucketSlots] = {};  // 0: free; else 7 bits of the hash | 0x80
    Ref refs[kBucketSlots] = {};
    uint32_t passed = 0;  // records that found this bucket full and live further on
  };
  // Buckets in pieces of one size: growing leaves no holes in the heap behind.
  static constexpr size_t kExtentBuckets = 16;
  using Extent = std::array<Bucket, kExtentBuckets>;
  struct Shard {
    std::vector<std::unique_ptr<Extent>> extents;
    uint32_t buckets = 0;  // in use, of those extents
    uint32_t live = 0;
    int64_t earliest_end = INT64_MAX;  // a lower bound
  };
  struct Place {
    size_t bucket;
    size_t slot;
  };

  uint8_t* At(Ref ref) const;
  uint64_t HashOf(std::string_view key) const;
  const Shard& ShardOf(uint64_t hash) const { return shards_[(hash >> 7) & (shards_.size() - 1)]; }
  Shard& ShardOf(uint64_t hash) { return shards_[(hash >> 7) & (shards_.size() - 1)]; }
  static Bucket& BucketAt(const Shard& shard, size_t bucket) {
    return (*shard.extents[bucket / kExtentBuckets])[bucket % kExtentBuckets];
  }
  static size_t HomeOf(const Shard& shard, uint64_t hash);
  Ref Allocate(std::string_view key);
  void Free(Ref ref);
  static void Link(Shard* shard, uint64_t hash, Ref ref);
  void Remove(Shard* shard, Place place);
  void Purge(Shard* shard, int64_t now_ms);
  void Resize(Shard* shard, size_t records);
  void MakeRoom(Shard* own, int64_t now_ms);

  const size_t max_keys_;
  const uint64_t seed_;
  uint64_t draws_;
  size_t size_ = 0;
  std::vector<Shard> shards_;
  std::vector<Chunk> chunks_;
  std::vector<uint32_t> open_chunks_;  // by key length: the chunk with fresh slots, plus 1; 0: none
  std::vector<Ref> free_;              // by key length: head of the chain of freed records
};

}  // namespace spillway
