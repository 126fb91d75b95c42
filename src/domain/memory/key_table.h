#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hash.h"
#include "memory/min_tree.h"
#include "memory/record_pool.h"

namespace spillway {

// A hash table from keys to a payload and its end, made to hold millions of them in little memory and without pauses.
//
// Records lie in a RecordPool; only Grow moves one, so a listing may go on while the table changes. The index is made of
// buckets of one cache line, split into shards that grow one by one. No timer belongs to a key: ended records leave when
// their shard would grow or the table is full. Which part of the index may hold ended ones is known by a lower bound for
// each extent of it: a record that got a later end leaves that bound as it was, until it has passed and the extent is
// looked through. So what is looked through in vain is paid for by as many later ends.
class KeyTable {
 public:
  using Ref = RecordPool::Ref;
  static constexpr Ref kNone = RecordPool::kNone;
  static constexpr int64_t kMaxEndMs = RecordPool::kMaxEndMs;

  // Holds at most `max_keys` (>= 1) records.
  explicit KeyTable(size_t max_keys, uint64_t seed = RandomSeed());
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  Ref Find(std::string_view key) const;
  // Adds a key that Find did not find (1 to 65,535 bytes), with a payload of so many zeros (4 to 2^19) and the end 0.
  // Where the table is full, records that ended before `now_ms` leave first. Where there are none, or not in the 16 extents
  // (3,072 slots) that should have had one first, the one closest to its end among sixteen drawn at random leaves. Other
  // refs may be void afterwards.
  Ref Insert(std::string_view key, size_t payload_bytes, int64_t now_ms);
  void Erase(Ref ref);
  // Gives a record a payload of another size, larger or smaller; what fits is kept, what is added is zero. The record
  // moves: `ref` is void afterwards, all others stand.
  Ref Grow(Ref ref, size_t payload_bytes);

  // Unaligned; stays where it is until the record leaves or grows.
  uint8_t* Payload(Ref ref) const { return pool_.Payload(ref); }
  size_t PayloadBytes(Ref ref) const { return pool_.PayloadBytes(ref); }
  // A record lives while now <= end. Times are 0 to kMaxEndMs.
  int64_t End(Ref ref) const { return pool_.End(ref); }
  void SetEnd(Ref ref, int64_t end_ms);
  std::string_view Key(Ref ref) const { return pool_.Key(ref); }

  size_t size() const { return size_; }
  // The first record at or behind a position, or kNone; positions only grow. Starts at 0.
  Ref Next(Ref from) const { return pool_.Next(from); }

  // What the table holds of the system's memory.
  size_t MemoryBytes() const;
  // How many records Insert has looked at so far beside the new ones: to make room, and to make a shard larger.
  uint64_t looked_at() const { return looked_at_; }

 private:
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
    std::vector<int64_t> earliest_ends;  // for each extent a lower bound; that of the shard is in earliest_
    uint32_t buckets = 0;                // in use, of those extents
    uint32_t live = 0;
  };
  struct Place {
    size_t bucket;
    size_t slot;
  };
  // The record that Insert gave last: it gets its first end at once, and is not looked for again.
  struct Newest {
    Ref ref = kNone;
    size_t shard = 0;
    size_t extent = 0;
  };

  size_t ShardIndex(uint64_t hash) const { return (hash >> 7) & (shards_.size() - 1); }
  uint64_t HashOf(std::string_view key) const { return Hash(key, seed_); }
  static Bucket& BucketAt(const Shard& shard, size_t bucket) {
    return (*shard.extents[bucket / kExtentBuckets])[bucket % kExtentBuckets];
  }
  static size_t HomeOf(const Shard& shard, uint64_t hash);
  static Place PlaceOf(const Shard& shard, uint64_t hash, Ref ref);
  static Place Link(Shard* shard, uint64_t hash, Ref ref);
  void Remove(Shard* shard, Place place);
  void NoteEnd(size_t shard, size_t extent, int64_t end_ms);
  // `index` is a shard's, as in what follows.
  void SearchExtent(size_t index, size_t extent, int64_t now_ms);
  void SearchShard(size_t index, int64_t now_ms);
  void ShrinkIfSparse(size_t index);
  void Resize(size_t index, size_t records);
  void MakeRoom(size_t own, int64_t now_ms);
  Place SoonestOfSample(const Shard& shard);
  Extent* TakeExtent();

  const size_t max_keys_;
  const uint64_t seed_;
  uint64_t draws_;
  uint64_t looked_at_ = 0;
  size_t size_ = 0;
  Newest newest_;
  RecordPool pool_;
  std::vector<Extent*> spare_extents_;
  std::vector<Shard> shards_;
  MinTree earliest_;  // by shard
};

}  // namespace spillway
