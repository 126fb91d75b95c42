#include "store/key_table.h"

#include <algorithm>
#include <cstring>

#include "hash.h"

namespace spillway {
namespace {

// A record: end (5 bytes), count (7), key length (2; 0 in a freed record), key.
constexpr size_t kCountAt = 5;
constexpr size_t kLengthAt = 12;
constexpr size_t kKeyAt = 14;
constexpr size_t kGrain = 8;
constexpr uint32_t kSlotBits = 13;
constexpr uint32_t kSlotsPerChunk = 1U << kSlotBits;
constexpr size_t kChunkBytes = size_t{64} * 1024;
// A shard of this size is rebuilt in well under a millisecond.
constexpr size_t kKeysPerShard = 4096;
constexpr size_t kFirstCapacity = 16;

uint64_t LoadBytes(const uint8_t* at, size_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

size_t RoundUpToPowerOfTwo(size_t n) {
  size_t power = 1;
  while (power < n) power *= 2;
  return power;
}

}  // namespace

KeyTable::KeyTable(size_t max_keys)
    : max_keys_(max_keys),
      seed_(RandomSeed()),
      draws_(seed_ | 1),
      shards_(RoundUpToPowerOfTwo((max_keys + kKeysPerShard - 1) / kKeysPerShard)) {}

uint8_t* KeyTable::At(Ref ref) const {
  const Chunk& chunk = chunks_[ref >> kSlotBits];
  return chunk.bytes.get() + size_t{ref & (kSlotsPerChunk - 1)} * chunk.record_bytes;
}

uint64_t KeyTable::HashOf(std::string_view key) const { return Hash(key, seed_); }

KeyTable::Shard& KeyTable::ShardOf(uint64_t hash) { return shards_[(hash >> 7) & (shards_.size() - 1)]; }

// The high bits, scaled to the capacity: it need not be a power of two.
size_t KeyTable::HomeOf(const Shard& shard, uint64_t hash) {
  return static_cast<size_t>(((hash >> 32) * shard.tags.size()) >> 32);
}

KeyTable::Ref KeyTable::Find(std::string_view key) const {
  const uint64_t hash = HashOf(key);
  const Shard& shard = shards_[(hash >> 7) & (shards_.size() - 1)];
  const size_t capacity = shard.tags.size();
  if (capacity == 0) return kNone;
  const auto tag = static_cast<uint8_t>(hash | 0x80);
  for (size_t at = HomeOf(shard, hash); shard.tags[at] != 0; at = at + 1 == capacity ? 0 : at + 1) {
    if (shard.tags[at] == tag && Key(shard.refs[at]) == key) return shard.refs[at];
  }
  return kNone;
}

KeyTable::Ref KeyTable::Insert(std::string_view key, int64_t now_ms) {
  const uint64_t hash = HashOf(key);
  Shard& shard = ShardOf(hash);
  if (size_ >= max_keys_) MakeRoom(&shard, now_ms);
  if ((size_t{shard.live} + 1) * 8 > shard.tags.size() * 7) {
    if (shard.earliest_end < now_ms) Purge(&shard, now_ms);
    const size_t needed = (size_t{shard.live} + 1) * 8 / 7 + 1;
    if (needed > shard.tags.size()) Resize(&shard, std::max(kFirstCapacity, needed + needed / 4));
  }
  const Ref ref = Allocate(key);
  size_t at = HomeOf(shard, hash);
  while (shard.tags[at] != 0) at = at + 1 == shard.tags.size() ? 0 : at + 1;
  shard.tags[at] = static_cast<uint8_t>(hash | 0x80);
  shard.refs[at] = ref;
  ++shard.live;
  ++size_;
  return ref;
}

void KeyTable::Erase(Ref ref) {
  const uint64_t hash = HashOf(Key(ref));
  Shard& shard = ShardOf(hash);
  Remove(&shard, PositionOf(shard, hash, ref));
}

int64_t KeyTable::Count(Ref ref) const { return static_cast<int64_t>(LoadBytes(At(ref) + kCountAt, 7)); }

int64_t KeyTable::End(Ref ref) const { return static_cast<int64_t>(LoadBytes(At(ref), 5)); }

std::string_view KeyTable::Key(Ref ref) const {
  const uint8_t* record = At(ref);
  return {reinterpret_cast<const char*>(record + kKeyAt), static_cast<size_t>(LoadBytes(record + kLengthAt, 2))};
}

void KeyTable::Set(Ref ref, int64_t count, int64_t end_ms) {
  uint8_t* record = At(ref);
  if (end_ms != End(ref)) {
    std::memcpy(record, &end_ms, 5);
    Shard& shard = ShardOf(HashOf(Key(ref)));
    shard.earliest_end = std::min(shard.earliest_end, end_ms);
  }
  std::memcpy(record + kCountAt, &count, 7);
}

KeyTable::Ref KeyTable::Next(Ref from) const {
  for (size_t chunk = from >> kSlotBits; chunk < chunks_.size(); ++chunk) {
    uint32_t slot = chunk == from >> kSlotBits ? from & (kSlotsPerChunk - 1) : 0;
    for (; slot < chunks_[chunk].slots; ++slot) {
      const Ref ref = static_cast<Ref>(chunk << kSlotBits) | slot;
      if (LoadBytes(At(ref) + kLengthAt, 2) != 0) return ref;
    }
  }
  return kNone;
}

KeyTable::Ref KeyTable::Allocate(std::string_view key) {
  const size_t grains = (kKeyAt + key.size() + kGrain - 1) / kGrain;
  if (grains >= free_.size()) {
    free_.resize(grains + 1, kNone);
    open_chunks_.resize(grains + 1, 0);
  }
  Ref ref = free_[grains];
  if (ref != kNone) {
    std::memcpy(&free_[grains], At(ref), sizeof(Ref));
  } else {
    const auto record_bytes = static_cast<uint32_t>(grains * kGrain);
    const auto capacity = static_cast<uint32_t>(
        std::min<size_t>(kSlotsPerChunk, std::max<size_t>(1, kChunkBytes / record_bytes)));
    if (open_chunks_[grains] == 0 || chunks_[open_chunks_[grains] - 1].slots == capacity) {
      Chunk chunk;
      chunk.bytes = std::make_unique<uint8_t[]>(size_t{capacity} * record_bytes);
      chunk.record_bytes = record_bytes;
      chunks_.push_back(std::move(chunk));
      open_chunks_[grains] = static_cast<uint32_t>(chunks_.size());
    }
    const uint32_t open = open_chunks_[grains] - 1;
    ref = (open << kSlotBits) | chunks_[open].slots++;
  }
  uint8_t* record = At(ref);
  std::memset(record, 0, kLengthAt);
  const auto length = static_cast<uint16_t>(key.size());
  std::memcpy(record + kLengthAt, &length, sizeof(length));
  std::memcpy(record + kKeyAt, key.data(), key.size());
  return ref;
}

void KeyTable::Free(Ref ref) {
  const size_t grains = chunks_[ref >> kSlotBits].record_bytes / kGrain;
  uint8_t* record = At(ref);
  std::memset(record + kLengthAt, 0, 2);
  std::memcpy(record, &free_[grains], sizeof(Ref));
  free_[grains] = ref;
}

size_t KeyTable::PositionOf(const Shard& shard, uint64_t hash, Ref ref) const {
  size_t at = HomeOf(shard, hash);
  while (shard.refs[at] != ref || shard.tags[at] == 0) at = at + 1 == shard.tags.size() ? 0 : at + 1;
  return at;
}

// Closes the gap by moving later members of the probe run back, so that no tombstones are needed.
void KeyTable::Remove(Shard* shard, size_t at) {
  Free(shard->refs[at]);
  const size_t capacity = shard->tags.size();
  size_t gap = at;
  for (size_t next = (at + 1) % capacity; shard->tags[next] != 0; next = next + 1 == capacity ? 0 : next + 1) {
    const size_t home = HomeOf(*shard, HashOf(Key(shard->refs[next])));
    const size_t from_home = (next + capacity - home) % capacity;
    const size_t from_gap = (next + capacity - gap) % capacity;
    if (from_home < from_gap) continue;
    shard->tags[gap] = shard->tags[next];
    shard->refs[gap] = shard->refs[next];
    gap = next;
  }
  shard->tags[gap] = 0;
  --shard->live;
  --size_;
}

void KeyTable::Purge(Shard* shard, int64_t now_ms) {
  int64_t earliest = INT64_MAX;
  for (size_t at = 0; at < shard->tags.size();) {
    if (shard->tags[at] == 0) {
      ++at;
      continue;
    }
    const int64_t end = End(shard->refs[at]);
    if (end < now_ms) {
      Remove(shard, at);  // another record may have moved here
    } else {
      earliest = std::min(earliest, end);
      ++at;
    }
  }
  shard->earliest_end = earliest;
  if (shard->live * 4 < shard->tags.size()) Resize(shard, std::max<size_t>(kFirstCapacity, size_t{shard->live} * 2));
}

void KeyTable::Resize(Shard* shard, size_t capacity) {
  std::vector<uint8_t> tags(capacity, 0);
  std::vector<Ref> refs(capacity);
  shard->tags.swap(tags);
  shard->refs.swap(refs);
  for (size_t i = 0; i < tags.size(); ++i) {
    if (tags[i] == 0) continue;
    size_t at = HomeOf(*shard, HashOf(Key(refs[i])));
    while (shard->tags[at] != 0) at = at + 1 == capacity ? 0 : at + 1;
    shard->tags[at] = tags[i];
    shard->refs[at] = refs[i];
  }
}

void KeyTable::MakeRoom(Shard* own, int64_t now_ms) {
  for (Shard& shard : shards_) {
    if (shard.earliest_end < now_ms) Purge(&shard, now_ms);
    if (size_ < max_keys_) return;
  }
  // Nothing has ended. The newcomer's own shard gives one up; where that is empty, the first that is not.
  Shard* shard = own;
  for (size_t i = 0; shard->live == 0; ++i) shard = &shards_[i];
  constexpr int kSample = 16;
  size_t victim = 0;
  int64_t soonest = INT64_MAX;
  for (int drawn = 0; drawn < kSample; ++drawn) {
    draws_ = draws_ * 6364136223846793005ULL + 1442695040888963407ULL;
    size_t at = static_cast<size_t>(((draws_ >> 32) * shard->tags.size()) >> 32);
    while (shard->tags[at] == 0) at = at + 1 == shard->tags.size() ? 0 : at + 1;
    const int64_t end = End(shard->refs[at]);
    if (end < soonest) {
      soonest = end;
      victim = at;
    }
  }
  Remove(shard, victim);
}

}  // namespace spillway
