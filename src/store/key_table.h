#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "store/arena.h"

namespace spillway {

// A hash table from keys to a payload and its end, made to hold millions of them in little memory and without pauses.
//
// A record is 5 bytes, the payload and the key, in chunks of records of one size; only Grow moves a record, so a listing
// may go on while the table changes. The index is made of buckets of one cache line, split into shards that grow one by
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
  // Adds a key that Find did not find (1 to 65,535 bytes), with a payload of so many zeros (4 to 2^20) and the end 0.
  // Where the table is full, records that ended before `now_ms` leave first, then the one closest to its end among sixteen
  // drawn at random: other refs may be void afterwards.
  Ref Insert(std::string_view key, size_t payload_bytes, int64_t now_ms);
  void Erase(Ref ref);
  // Gives a record a payload of another size, larger or smaller; what fits is kept, what is added is zero. The record
  // moves: `ref` is void afterwards, all others stand.
  Ref Grow(Ref ref, size_t payload_bytes);

  // Unaligned; stays where it is until the record leaves or grows.
  uint8_t* Payload(Ref ref) const { return At(ref) + kEndBytes; }
  size_t PayloadBytes(Ref ref) const { return chunks_[ref >> kSlotBits].payload_bytes; }
  // A record lives while now <= end. Times are 0 to kMaxEndMs.
  int64_t End(Ref ref) const {
    int64_t end_ms = 0;
    std::memcpy(&end_ms, At(ref), kEndBytes);
    return end_ms;
  }
  void SetEnd(Ref ref, int64_t end_ms);
  std::string_view Key(Ref ref) const;

  static constexpr int64_t kMaxEndMs = (int64_t{1} << 40) - 2;

  size_t size() const { return size_; }

  // The first record at or behind a position, or kNone; positions only grow. Starts at 0.
  Ref Next(Ref from) const;

 private:
  static constexpr uint32_t kSlotBits = 13;
  static constexpr size_t kEndBytes = 5;
  struct Chunk {
    uint8_t* bytes = nullptr;
    uint32_t record_bytes = 0;
    uint32_t payload_bytes = 0;
    uint32_t capacity = 0;
    uint32_t slots = 0;  // used so far, live or free
  };
  // The chunks of one payload size, by key length.
  struct SizeClass {
    size_t payload_bytes = 0;
    std::vector<uint32_t> open_chunks;  // the chunk with fresh slots, plus 1; 0: none
    std::vector<Ref> free;              // head of the chain of freed records
  };
  static constexpr size_t kBucketSlots = 12;
  struct alignas(64) Bucket {
    uint8_t tags[kBucketSlots] = {};  // 0: free; else 7 bits of the hash | 0x80
    Ref refs[kBucketSlots] = {};
    uint32_t passed = 0;  // records that found this bucket full and live further on
  };
  // Buckets in pieces of one size: what one shard gives up serves another.
  static constexpr size_t kExtentBuckets = 16;
  using Extent = std::array<Bucket, kExtentBuckets>;
  struct Shard {
    std::vector<Extent*> extents;
    uint32_t buckets = 0;  // in use, of those extents
    uint32_t live = 0;
    int64_t earliest_end = INT64_MAX;  // a lower bound
  };
  struct Place {
    size_t bucket;
    size_t slot;
  };

  uint8_t* At(Ref ref) const {
    const Chunk& chunk = chunks_[ref >> kSlotBits];
    return chunk.bytes + size_t{ref & ((1U << kSlotBits) - 1)} * chunk.record_bytes;
  }
  uint64_t HashOf(std::string_view key) const;
  const Shard& ShardOf(uint64_t hash) const { return shards_[(hash >> 7) & (shards_.size() - 1)]; }
  Shard& ShardOf(uint64_t hash) { return shards_[(hash >> 7) & (shards_.size() - 1)]; }
  static Bucket& BucketAt(const Shard& shard, size_t bucket) {
    return (*shard.extents[bucket / kExtentBuckets])[bucket % kExtentBuckets];
  }
  static size_t HomeOf(const Shard& shard, uint64_t hash);
  SizeClass& ClassOf(size_t payload_bytes);
  Ref Allocate(std::string_view key, size_t payload_bytes);
  void Free(Ref ref);
  Place PlaceOf(const Shard& shard, Ref ref) const;
  static void Link(Shard* shard, uint64_t hash, Ref ref);
  void Remove(Shard* shard, Place place);
  void Purge(Shard* shard, int64_t now_ms);
  void Resize(Shard* shard, size_t records);
  void MakeRoom(Shard* own, int64_t now_ms);

  const size_t max_keys_;
  const uint64_t seed_;
  uint64_t draws_;
  size_t size_ = 0;
  Arena arena_;
  std::vector<Extent*> spare_extents_;
  std::vector<Shard> shards_;
  std::vector<Chunk> chunks_;
  std::vector<SizeClass> classes_;
};

}  // namespace spillway
