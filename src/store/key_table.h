#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace spillway {

// A hash table from keys to (count, end), made to hold millions of them in little memory and without pauses.
//
// A record is 14 bytes and the key, rounded up to 8, in chunks of records of one size; records never move, so a listing
// may go on while the table changes. The index is split into shards that grow one by one. No timer belongs to a key:
// ended records leave when their shard would grow or the table is full.
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
  // A record lives while now <= end. Times are 0 to 2^40 - 1.
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
    uint32_t slots = 0;  // used so far, live or free
  };
  struct Shard {
    std::vector<uint8_t> tags;  // 0: free; else 7 bits of the hash | 0x80
    std::vector<Ref> refs;
    uint32_t live = 0;
    int64_t earliest_end = INT64_MAX;  // a lower bound
  };

  uint8_t* At(Ref ref) const;
  uint64_t HashOf(std::string_view key) const;
  Shard& ShardOf(uint64_t hash);
  static size_t HomeOf(const Shard& shard, uint64_t hash);
  Ref Allocate(std::string_view key);
  void Free(Ref ref);
  void Remove(Shard* shard, size_t at);
  void Purge(Shard* shard, int64_t now_ms);
  void Resize(Shard* shard, size_t capacity);
  void MakeRoom(Shard* shard, int64_t now_ms);
  size_t PositionOf(const Shard& shard, uint64_t hash, Ref ref) const;

  const size_t max_keys_;
  const uint64_t seed_;
  uint64_t draws_;
  size_t size_ = 0;
  std::vector<Shard> shards_;
  std::vector<Chunk> chunks_;
  std::vector<uint32_t> open_chunks_;  // by record size / 8: the chunk with fresh slots, plus 1; 0: none
  std::vector<Ref> free_;                           // by record size / 8: head of the chain of freed records
};

}  // namespace spillway
