#include "store/key_table.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "hash.h"

namespace spillway {
namespace {

// A record: end, payload, key. All records of a chunk are alike, so no length is stored.
// The end of a freed record; its payload begins with the next one of the chain.
constexpr uint64_t kFreed = (uint64_t{1} << 40) - 1;
// The first chunk of a record size is small, for sizes that hardly occur; the last ones come from the system one by one.
constexpr size_t kFirstChunkBytes = size_t{4} * 1024;
constexpr size_t kLastChunkBytes = size_t{256} * 1024;
// A shard of this size is rebuilt in well under a millisecond.
constexpr size_t kKeysPerShard = 4096;

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

uint64_t KeyTable::HashOf(std::string_view key) const { return Hash(key, seed_); }

// The high bits, scaled to the number of buckets: it need not be a power of two.
size_t KeyTable::HomeOf(const Shard& shard, uint64_t hash) {
  return static_cast<size_t>(((hash >> 32) * shard.buckets) >> 32);
}

KeyTable::Ref KeyTable::Find(std::string_view key) const {
  const uint64_t hash = HashOf(key);
  const Shard& shard = ShardOf(hash);
  if (shard.buckets == 0) return kNone;
  const auto tag = static_cast<uint8_t>(hash | 0x80);
  size_t at = HomeOf(shard, hash);
  // In a small shard every bucket may have been passed: once around is enough.
  for (size_t visited = 0; visited < shard.buckets; ++visited) {
    const Bucket& bucket = BucketAt(shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] == tag && Key(bucket.refs[slot]) == key) return bucket.refs[slot];
    }
    if (bucket.passed == 0) return kNone;
    at = at + 1 == shard.buckets ? 0 : at + 1;
  }
  return kNone;
}

KeyTable::Ref KeyTable::Insert(std::string_view key, size_t payload_bytes, int64_t now_ms) {
  const uint64_t hash = HashOf(key);
  Shard& shard = ShardOf(hash);
  if (size_ >= max_keys_) MakeRoom(&shard, now_ms);
  if ((size_t{shard.live} + 1) * 16 > shard.buckets * kBucketSlots * 15) {
    if (shard.earliest_end < now_ms) Purge(&shard, now_ms);
    const size_t needed = size_t{shard.live} + 1;
    if (needed * 16 > shard.buckets * kBucketSlots * 15) Resize(&shard, needed + needed / 6);
  }
  const Ref ref = Allocate(key, payload_bytes);
  Link(&shard, hash, ref);
  ++shard.live;
  ++size_;
  return ref;
}

void KeyTable::Link(Shard* shard, uint64_t hash, Ref ref) {
  for (size_t at = HomeOf(*shard, hash);; at = at + 1 == shard->buckets ? 0 : at + 1) {
    Bucket& bucket = BucketAt(*shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] != 0) continue;
      bucket.tags[slot] = static_cast<uint8_t>(hash | 0x80);
      bucket.refs[slot] = ref;
      return;
    }
    ++bucket.passed;
  }
}

// Where the index holds a record that it does hold.
KeyTable::Place KeyTable::PlaceOf(const Shard& shard, Ref ref) const {
  for (size_t at = HomeOf(shard, HashOf(Key(ref)));; at = at + 1 == shard.buckets ? 0 : at + 1) {
    const Bucket& bucket = BucketAt(shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] != 0 && bucket.refs[slot] == ref) return {at, slot};
    }
  }
}

void KeyTable::Erase(Ref ref) {
  Shard& shard = ShardOf(HashOf(Key(ref)));
  Remove(&shard, PlaceOf(shard, ref));
}

KeyTable::Ref KeyTable::Grow(Ref ref, size_t payload_bytes) {
  const size_t kept = kEndBytes + std::min(payload_bytes, PayloadBytes(ref));
  const Ref grown = Allocate(Key(ref), payload_bytes);
  std::memcpy(At(grown), At(ref), kept);
  const Shard& shard = ShardOf(HashOf(Key(ref)));
  const Place place = PlaceOf(shard, ref);
  BucketAt(shard, place.bucket).refs[place.slot] = grown;
  Free(ref);
  return grown;
}

std::string_view KeyTable::Key(Ref ref) const {
  const Chunk& chunk = chunks_[ref >> kSlotBits];
  const size_t key_at = kEndBytes + chunk.payload_bytes;
  return {reinterpret_cast<const char*>(At(ref) + key_at), chunk.record_bytes - key_at};
}

void KeyTable::SetEnd(Ref ref, int64_t end_ms) {
  const int64_t before_ms = End(ref);
  if (end_ms == before_ms) return;
  std::memcpy(At(ref), &end_ms, kEndBytes);
  // The shard's bound holds for a later end, too, and its shard need not be found. A new record has had none.
  if (before_ms > 0 && end_ms > before_ms) return;
  Shard& shard = ShardOf(HashOf(Key(ref)));
  shard.earliest_end = std::min(shard.earliest_end, end_ms);
}

KeyTable::Ref KeyTable::Next(Ref from) const {
  for (size_t chunk = from >> kSlotBits; chunk < chunks_.size(); ++chunk) {
    uint32_t slot = chunk == from >> kSlotBits ? from & ((1U << kSlotBits) - 1) : 0;
    for (; slot < chunks_[chunk].slots; ++slot) {
      const auto ref = static_cast<Ref>(chunk << kSlotBits) | slot;
      if (LoadBytes(At(ref), kEndBytes) != kFreed) return ref;
    }
  }
  return kNone;
}

// A handful of sizes occurs: one for each algorithm, and the steps in which a log grows.
KeyTable::SizeClass& KeyTable::ClassOf(size_t payload_bytes) {
  for (SizeClass& of_size : classes_) {
    if (of_size.payload_bytes == payload_bytes) return of_size;
  }
  classes_.push_back({payload_bytes, {}, {}});
  return classes_.back();
}

KeyTable::Ref KeyTable::Allocate(std::string_view key, size_t payload_bytes) {
  SizeClass& of_size = ClassOf(payload_bytes);
  const size_t length = key.size();
  if (length >= of_size.free.size()) {
    of_size.free.resize(length + 1, kNone);
    of_size.open_chunks.resize(length + 1, 0);
  }
  Ref ref = of_size.free[length];
  if (ref != kNone) {
    std::memcpy(&of_size.free[length], Payload(ref), sizeof(Ref));
  } else {
    const uint32_t last = of_size.open_chunks[length];
    if (last == 0 || chunks_[last - 1].slots == chunks_[last - 1].capacity) {
      Chunk chunk;
      chunk.payload_bytes = static_cast<uint32_t>(payload_bytes);
      chunk.record_bytes = static_cast<uint32_t>(kEndBytes + payload_bytes + length);
      const size_t before = last == 0 ? kFirstChunkBytes / 2 : size_t{chunks_[last - 1].capacity} * chunk.record_bytes;
      const size_t bytes = std::min(kLastChunkBytes, before * 2);
      chunk.capacity = static_cast<uint32_t>(
          std::min<size_t>(size_t{1} << kSlotBits, std::max<size_t>(1, bytes / chunk.record_bytes)));
      chunk.bytes = arena_.Take(size_t{chunk.capacity} * chunk.record_bytes);
      chunks_.push_back(chunk);
      of_size.open_chunks[length] = static_cast<uint32_t>(chunks_.size());
    }
    const uint32_t open = of_size.open_chunks[length] - 1;
    ref = (open << kSlotBits) | chunks_[open].slots++;
  }
  uint8_t* record = At(ref);
  std::memset(record, 0, kEndBytes + payload_bytes);
  std::memcpy(record + kEndBytes + payload_bytes, key.data(), length);
  return ref;
}

void KeyTable::Free(Ref ref) {
  Ref& head = ClassOf(PayloadBytes(ref)).free[Key(ref).size()];
  std::memcpy(At(ref), &kFreed, kEndBytes);
  std::memcpy(Payload(ref), &head, sizeof(Ref));
  head = ref;
}

void KeyTable::Remove(Shard* shard, Place place) {
  Bucket& bucket = BucketAt(*shard, place.bucket);
  const Ref ref = bucket.refs[place.slot];
  // The full buckets that it had passed: one record less to look for behind them.
  for (size_t at = HomeOf(*shard, HashOf(Key(ref))); at != place.bucket; at = at + 1 == shard->buckets ? 0 : at + 1) {
    --BucketAt(*shard, at).passed;
  }
  bucket.tags[place.slot] = 0;
  Free(ref);
  --shard->live;
  --size_;
}

void KeyTable::Purge(Shard* shard, int64_t now_ms) {
  int64_t earliest = INT64_MAX;
  for (size_t at = 0; at < shard->buckets; ++at) {
    const Bucket& bucket = BucketAt(*shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] == 0) continue;
      const int64_t end = End(bucket.refs[slot]);
      if (end < now_ms) {
        Remove(shard, {at, slot});
      } else {
        earliest = std::min(earliest, end);
      }
    }
  }
  shard->earliest_end = earliest;
  if (size_t{shard->live} * 4 < shard->buckets * kBucketSlots) Resize(shard, size_t{shard->live} * 2);
}

// Makes the shard large enough for so many records, and no larger.
void KeyTable::Resize(Shard* shard, size_t records) {
  std::vector<Ref> refs;
  refs.reserve(shard->live);
  for (size_t at = 0; at < shard->buckets; ++at) {
    const Bucket& bucket = BucketAt(*shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] != 0) refs.push_back(bucket.refs[slot]);
    }
  }
  shard->buckets = static_cast<uint32_t>(records * 16 / (kBucketSlots * 15) + 1);
  const size_t needed = (size_t{shard->buckets} + kExtentBuckets - 1) / kExtentBuckets;
  for (; shard->extents.size() > needed; shard->extents.pop_back()) spare_extents_.push_back(shard->extents.back());
  while (shard->extents.size() < needed) {
    if (spare_extents_.empty()) spare_extents_.push_back(new (arena_.Take(sizeof(Extent))) Extent);
    shard->extents.push_back(spare_extents_.back());
    spare_extents_.pop_back();
  }
  for (Extent* extent : shard->extents) *extent = Extent{};
  for (const Ref ref : refs) Link(shard, HashOf(Key(ref)), ref);
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
  Place victim{0, 0};
  int64_t soonest = INT64_MAX;
  for (int drawn = 0; drawn < kSample; ++drawn) {
    draws_ = draws_ * 6364136223846793005ULL + 1442695040888963407ULL;
    const size_t slots = shard->buckets * kBucketSlots;
    auto at = static_cast<size_t>(((draws_ >> 32) * slots) >> 32);
    while (BucketAt(*shard, at / kBucketSlots).tags[at % kBucketSlots] == 0) at = at + 1 == slots ? 0 : at + 1;
    const Place place{at / kBucketSlots, at % kBucketSlots};
    const int64_t end = End(BucketAt(*shard, place.bucket).refs[place.slot]);
    if (end < soonest) {
      soonest = end;
      victim = place;
    }
  }
  Remove(shard, victim);
}

}  // namespace spillway
