#include "memory/record_pool.h"

#include <algorithm>

namespace spillway {
namespace {

// The end of a freed record; its payload begins with the next one of the chain.
constexpr int64_t kFreed = RecordPool::kMaxEndMs + 1;

unsigned OrderFor(size_t record_bytes) {
  unsigned order = 0;
  while (Arena::kBlockBytes << order < record_bytes) ++order;
  return order;
}

}  // namespace

RecordPool::Ref RecordPool::Allocate(std::string_view key, size_t payload_bytes) {
  const uint32_t number = KindFor(payload_bytes, key.size());
  Kind& kind = kinds_[number];
  if (kind.roomy == Arena::kNone) Open(number);
  const Arena::Block block = kind.roomy;
  Slab& slab = SlabAt(block);
  uint32_t slot = slab.used;
  if (slab.free == 0) {
    ++slab.used;
  } else {
    slot = slab.free - 1U;
    std::memcpy(&slab.free, Payload((block << kSlotBits) | slot), sizeof(slab.free));
  }
  if (++slab.live == slab.capacity) Pull(&kind, block);
  const Ref ref = (block << kSlotBits) | slot;
  uint8_t* record = At(ref);
  std::memset(record, 0, kEndBytes + payload_bytes);
  std::memcpy(record + kEndBytes + payload_bytes, key.data(), key.size());
  return ref;
}

RecordPool::Ref RecordPool::Reallocate(Ref ref, size_t payload_bytes) {
  const Ref other = Allocate(Key(ref), payload_bytes);
  std::memcpy(At(other), At(ref), kEndBytes + std::min(payload_bytes, PayloadBytes(ref)));
  Free(ref);
  return other;
}

void RecordPool::Free(Ref ref) {
  const Arena::Block block = ref >> kSlotBits;
  Slab& slab = SlabAt(block);
  Kind& kind = kinds_[slab.kind];
  if (slab.live == slab.capacity) Push(&kind, block);
  if (--slab.live == 0) {
    Pull(&kind, block);
    arena_.Give(block, OrderFor(kind.shape.record_bytes));
    return;
  }
  SetEnd(ref, kFreed);
  std::memcpy(Payload(ref), &slab.free, sizeof(slab.free));
  slab.free = static_cast<uint16_t>((ref & kInSlab) + 1);
}

RecordPool::Ref RecordPool::Next(Ref from) const {
  Arena::Block block = arena_.From(from >> kSlotBits);
  uint32_t slot = block == from >> kSlotBits ? from & kInSlab : 0;
  for (; block != Arena::kNone; block = arena_.From(block + 1), slot = 0) {
    for (; slot < SlabAt(block).used; ++slot) {
      const Ref ref = (block << kSlotBits) | slot;
      if (End(ref) != kFreed) return ref;
    }
  }
  return kNone;
}

size_t RecordPool::MemoryBytes() const {
  size_t bytes = arena_.bytes() + kinds_.capacity() * sizeof(Kind) + shapes_.capacity() * sizeof(Shape);
  for (const KindsOfPayload& kinds : kinds_of_payload_) bytes += kinds.by_key_bytes.capacity() * sizeof(uint32_t);
  return bytes;
}

// A handful of payload sizes occurs: one for each algorithm, and the steps in which a log grows.
uint32_t RecordPool::KindFor(size_t payload_bytes, size_t key_bytes) {
  auto kinds = kinds_of_payload_.begin();
  while (kinds != kinds_of_payload_.end() && kinds->payload_bytes != payload_bytes) ++kinds;
  if (kinds == kinds_of_payload_.end()) kinds = kinds_of_payload_.insert(kinds, {payload_bytes, {}});
  if (key_bytes >= kinds->by_key_bytes.size()) kinds->by_key_bytes.resize(key_bytes + 1, 0);
  uint32_t& kind = kinds->by_key_bytes[key_bytes];
  if (kind == 0) {
    const size_t record_bytes = kEndBytes + payload_bytes + key_bytes;
    kinds_.push_back({{static_cast<uint32_t>(record_bytes), static_cast<uint32_t>(payload_bytes)}, Arena::kNone});
    kind = static_cast<uint32_t>(kinds_.size());
  }
  return kind - 1;
}

void RecordPool::Open(uint32_t number) {
  Kind& kind = kinds_[number];
  const unsigned order = OrderFor(kind.shape.record_bytes);
  const Arena::Block block = arena_.Take(order);
  const size_t fits = (Arena::kBlockBytes << order) / kind.shape.record_bytes;
  SlabAt(block).capacity = static_cast<uint16_t>(std::min(fits, size_t{kInSlab} + 1));
  SlabAt(block).kind = number;
  if (block >= shapes_.size()) shapes_.resize(block + 1);
  shapes_[block] = kind.shape;
  Push(&kind, block);
}

void RecordPool::Push(Kind* kind, Arena::Block block) {
  Slab& slab = SlabAt(block);
  slab.next = kind->roomy;
  slab.previous = Arena::kNone;
  if (slab.next != Arena::kNone) SlabAt(slab.next).previous = block;
  kind->roomy = block;
}

void RecordPool::Pull(Kind* kind, Arena::Block block) {
  const Slab slab = SlabAt(block);
  if (slab.previous == Arena::kNone) {
    kind->roomy = slab.next;
  } else {
    SlabAt(slab.previous).next = slab.next;
  }
  if (slab.next != Arena::kNone) SlabAt(slab.next).previous = slab.previous;
}

}  // namespace spillway
