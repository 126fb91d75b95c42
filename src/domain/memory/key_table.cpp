#include "memory/key_table.h"

#include <algorithm>
#include <new>

namespace spillway {
namespace {

// A shard of this size is rebuilt in well under a millisecond.
constexpr size_t kKeysPerShard = 4096;
constexpr int kExtentsToSearch = 16;
constexpr int kSample = 16;

size_t RoundUpToPowerOfTwo(size_t n) {
  size_t power = 1;
  while (power < n) power *= 2;
  return power;
}

}  // namespace

KeyTable::KeyTable(size_t max_keys, uint64_t seed)
    : max_keys_(max_keys),
      seed_(seed),
      draws_(seed_ | 1),
      shards_(RoundUpToPowerOfTwo((max_keys + kKeysPerShard - 1) / kKeysPerShard)),
      earliest_(shards_.size()) {}

// The high bits, scaled to the number of buckets: it need not be a power of two.
size_t KeyTable::HomeOf(const Shard& shard, uint64_t hash) {
  return static_cast<size_t>(((hash >> 32) * shard.buckets) >> 32);
}

KeyTable::Ref KeyTable::Find(std::string_view key) const {
  const uint64_t hash = HashOf(key);
  const Shard& shard = shards_[ShardIndex(hash)];
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
  const size_t own = ShardIndex(hash);
  if (size_ >= max_keys_) MakeRoom(own, now_ms);
  Shard& shard = shards_[own];
  if ((size_t{shard.live} + 1) * 16 > shard.buckets * kBucketSlots * 15) {
    SearchShard(own, now_ms);
    const size_t needed = size_t{shard.live} + 1;
    if (needed * 16 > shard.buckets * kBucketSlots * 15) Resize(own, needed + needed / 6);
  }
  const Ref ref = pool_.Allocate(key, payload_bytes);
  newest_ = {ref, own, Link(&shard, hash, ref).bucket / kExtentBuckets};
  ++shard.live;
  ++size_;
  return ref;
}

KeyTable::Place KeyTable::Link(Shard* shard, uint64_t hash, Ref ref) {
  for (size_t at = HomeOf(*shard, hash);; at = at + 1 == shard->buckets ? 0 : at + 1) {
    Bucket& bucket = BucketAt(*shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] != 0) continue;
      bucket.tags[slot] = static_cast<uint8_t>(hash | 0x80);
      bucket.refs[slot] = ref;
      return {at, slot};
    }
    ++bucket.passed;
  }
}

// Where the index holds a record that it does hold.
KeyTable::Place KeyTable::PlaceOf(const Shard& shard, uint64_t hash, Ref ref) {
  for (size_t at = HomeOf(shard, hash);; at = at + 1 == shard.buckets ? 0 : at + 1) {
    const Bucket& bucket = BucketAt(shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] != 0 && bucket.refs[slot] == ref) return {at, slot};
    }
  }
}

void KeyTable::Erase(Ref ref) {
  const uint64_t hash = HashOf(Key(ref));
  Shard& shard = shards_[ShardIndex(hash)];
  Remove(&shard, PlaceOf(shard, hash, ref));
}

KeyTable::Ref KeyTable::Grow(Ref ref, size_t payload_bytes) {
  const uint64_t hash = HashOf(Key(ref));
  const Shard& shard = shards_[ShardIndex(hash)];
  const Place place = PlaceOf(shard, hash, ref);
  return BucketAt(shard, place.bucket).refs[place.slot] = pool_.Reallocate(ref, payload_bytes);
}

void KeyTable::SetEnd(Ref ref, int64_t end_ms) {
  const int64_t before_ms = End(ref);
  if (end_ms == before_ms) return;
  pool_.SetEnd(ref, end_ms);
  if (before_ms == 0 && ref == newest_.ref) {
    NoteEnd(newest_.shard, newest_.extent, end_ms);
  } else if (before_ms == 0 || end_ms < before_ms) {
    const uint64_t hash = HashOf(Key(ref));
    const size_t shard = ShardIndex(hash);
    NoteEnd(shard, PlaceOf(shards_[shard], hash, ref).bucket / kExtentBuckets, end_ms);
  }
  // The bounds hold for a later end, too.
}

void KeyTable::NoteEnd(size_t shard, size_t extent, int64_t end_ms) {
  int64_t& earliest = shards_[shard].earliest_ends[extent];
  if (end_ms < earliest) earliest = end_ms;
  if (end_ms < earliest_[shard]) earliest_.Set(shard, end_ms);
}

void KeyTable::Remove(Shard* shard, Place place) {
  Bucket& bucket = BucketAt(*shard, place.bucket);
  const Ref ref = bucket.refs[place.slot];
  // The full buckets that it had passed: one record less to look for behind them.
  for (size_t at = HomeOf(*shard, HashOf(Key(ref))); at != place.bucket; at = at + 1 == shard->buckets ? 0 : at + 1) {
    --BucketAt(*shard, at).passed;
  }
  bucket.tags[place.slot] = 0;
  pool_.Free(ref);
  --shard->live;
  --size_;
}

// Removes what has ended of an extent, and makes its bound exact.
void KeyTable::SearchExtent(size_t index, size_t extent, int64_t now_ms) {
  Shard& shard = shards_[index];
  int64_t earliest = INT64_MAX;
  const size_t behind = std::min<size_t>((extent + 1) * kExtentBuckets, shard.buckets);
  for (size_t at = extent * kExtentBuckets; at < behind; ++at) {
    const Bucket& bucket = BucketAt(shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] == 0) continue;
      ++looked_at_;
      const int64_t end = End(bucket.refs[slot]);
      if (end < now_ms) {
        Remove(&shard, {at, slot});
      } else {
        earliest = std::min(earliest, end);
      }
    }
  }
  shard.earliest_ends[extent] = earliest;
  earliest_.Set(index, *std::min_element(shard.earliest_ends.begin(), shard.earliest_ends.end()));
}

void KeyTable::SearchShard(size_t index, int64_t now_ms) {
  Shard& shard = shards_[index];
  for (size_t extent = 0; extent < shard.extents.size(); ++extent) {
    if (shard.earliest_ends[extent] < now_ms) SearchExtent(index, extent, now_ms);
  }
  ShrinkIfSparse(index);
}

void KeyTable::ShrinkIfSparse(size_t index) {
  const Shard& shard = shards_[index];
  if (size_t{shard.live} * 4 < shard.buckets * kBucketSlots) Resize(index, size_t{shard.live} * 2);
}

// Makes the shard large enough for so many records, and no larger.
void KeyTable::Resize(size_t index, size_t records) {
  Shard& shard = shards_[index];
  std::vector<Ref> refs;
  refs.reserve(shard.live);
  for (size_t at = 0; at < shard.buckets; ++at) {
    const Bucket& bucket = BucketAt(shard, at);
    for (size_t slot = 0; slot < kBucketSlots; ++slot) {
      if (bucket.tags[slot] != 0) refs.push_back(bucket.refs[slot]);
    }
  }
  shard.buckets = static_cast<uint32_t>(records * 16 / (kBucketSlots * 15) + 1);
  const size_t needed = (size_t{shard.buckets} + kExtentBuckets - 1) / kExtentBuckets;
  for (; shard.extents.size() > needed; shard.extents.pop_back()) spare_extents_.push_back(shard.extents.back());
  while (shard.extents.size() < needed) shard.extents.push_back(TakeExtent());
  for (Extent* extent : shard.extents) *extent = Extent{};
  shard.earliest_ends.assign(needed, INT64_MAX);
  int64_t earliest = INT64_MAX;
  for (const Ref ref : refs) {
    const Place place = Link(&shard, HashOf(Key(ref)), ref);
    int64_t& of_extent = shard.earliest_ends[place.bucket / kExtentBuckets];
    of_extent = std::min(of_extent, End(ref));
    earliest = std::min(earliest, of_extent);
  }
  earliest_.Set(index, earliest);
  looked_at_ += refs.size();
}

KeyTable::Extent* KeyTable::TakeExtent() {
  if (spare_extents_.empty()) {
    uint8_t* block = pool_.arena().At(pool_.arena().Take(0));
    for (size_t at = 0; at < Arena::kBlockBytes; at += sizeof(Extent))
      spare_extents_.push_back(new (block + at) Extent);
  }
  Extent* extent = spare_extents_.back();
  spare_extents_.pop_back();
  return extent;
}

void KeyTable::MakeRoom(size_t own, int64_t now_ms) {
  for (int searched = 0; searched < kExtentsToSearch && earliest_.Least() < now_ms; ++searched) {
    const size_t index = earliest_.IndexOfLeast();
    const std::vector<int64_t>& ends = shards_[index].earliest_ends;
    const auto extent = std::min_element(ends.begin(), ends.end()) - ends.begin();
    SearchExtent(index, static_cast<size_t>(extent), now_ms);
    if (size_ >= max_keys_) continue;
    ShrinkIfSparse(index);
    return;
  }
  // The newcomer's own shard gives one up; where that is empty, the first that is not.
  Shard* shard = &shards_[own];
  for (size_t i = 0; shard->live == 0; ++i) shard = &shards_[i];
  Remove(shard, SoonestOfSample(*shard));
}

KeyTable::Place KeyTable::SoonestOfSample(const Shard& shard) {
  Place soonest{0, 0};
  int64_t soonest_end = INT64_MAX;
  const size_t slots = shard.buckets * kBucketSlots;
  for (int drawn = 0; drawn < kSample; ++drawn) {
    draws_ = draws_ * 6364136223846793005ULL + 1442695040888963407ULL;
    auto at = static_cast<size_t>(((draws_ >> 32) * slots) >> 32);
    while (BucketAt(shard, at / kBucketSlots).tags[at % kBucketSlots] == 0) at = at + 1 == slots ? 0 : at + 1;
    const Place place{at / kBucketSlots, at % kBucketSlots};
    const int64_t end = End(BucketAt(shard, place.bucket).refs[place.slot]);
    if (end < soonest_end) {
      soonest_end = end;
      soonest = place;
    }
  }
  looked_at_ += kSample;
  return soonest;
}

size_t KeyTable::MemoryBytes() const {
  size_t bytes = pool_.MemoryBytes() + earliest_.bytes() + shards_.capacity() * sizeof(Shard) +
                 spare_extents_.capacity() * sizeof(Extent*);
  for (const Shard& shard : shards_) {
    bytes += shard.extents.capacity() * sizeof(Extent*) + shard.earliest_ends.capacity() * sizeof(int64_t);
  }
  return bytes;
}

}  // namespace spillway
