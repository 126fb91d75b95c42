#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "memory/arena.h"

namespace spillway {

// The records of a KeyTable: 5 bytes for the end, a payload and a key, in slabs of records that are alike, so no length is
// stored. A record never moves. A slab is a block of the arena, 4 KB or what one record needs, and goes back as soon as it
// is empty; so there are never more slabs than there were records at one time, and never more of one kind than that many
// records of it fill.
class RecordPool {
 public:
  using Ref = uint32_t;
  static constexpr Ref kNone = UINT32_MAX;
  static constexpr int64_t kMaxEndMs = (int64_t{1} << 40) - 2;

  RecordPool() : arena_(sizeof(Slab)) {}

  // A record of this key (1 to 65,535 bytes) with so many zeros (4 to 2^19) and the end 0.
  Ref Allocate(std::string_view key, size_t payload_bytes);
  // Another record with the end and the key of `ref`, and of its payload what fits; `ref` is freed.
  Ref Reallocate(Ref ref, size_t payload_bytes);
  void Free(Ref ref);

  uint8_t* Payload(Ref ref) const { return At(ref) + kEndBytes; }
  size_t PayloadBytes(Ref ref) const { return ShapeOf(ref).payload_bytes; }
  std::string_view Key(Ref ref) const {
    const Shape& shape = ShapeOf(ref);
    const size_t key_at = kEndBytes + shape.payload_bytes;
    return {reinterpret_cast<const char*>(At(ref) + key_at), shape.record_bytes - key_at};
  }
  int64_t End(Ref ref) const {
    int64_t end_ms = 0;
    std::memcpy(&end_ms, At(ref), kEndBytes);
    return end_ms;
  }
  void SetEnd(Ref ref, int64_t end_ms) { std::memcpy(At(ref), &end_ms, kEndBytes); }

  // The first record at or behind a position, or kNone; positions only grow. Starts at 0.
  Ref Next(Ref from) const;

  // What is taken from the arena and from the system.
  Arena& arena() { return arena_; }
  size_t MemoryBytes() const;

 private:
  static constexpr unsigned kSlotBits = 8;
  static constexpr Ref kInSlab = (1U << kSlotBits) - 1;
  static constexpr size_t kEndBytes = 5;
  // What records that are alike have in common.
  struct Shape {
    uint32_t record_bytes;
    uint32_t payload_bytes;
  };
  struct Kind {
    Shape shape;
    Arena::Block roomy;  // head of the chain of its slabs that have room
  };
  // The note of a block: of one that is no slab it is zero.
  struct Slab {
    uint16_t capacity;
    uint16_t used;  // so far: live or freed
    uint16_t live;
    uint16_t free;  // 1 + the head of the chain of freed records
    uint32_t kind;
    Arena::Block next;
    Arena::Block previous;
  };
  // 1 + the kinds of one payload size, by key length; 0: there is none.
  struct KindsOfPayload {
    size_t payload_bytes;
    std::vector<uint32_t> by_key_bytes;
  };

  Slab& SlabAt(Arena::Block block) const { return *static_cast<Slab*>(arena_.Note(block)); }
  const Shape& ShapeOf(Ref ref) const { return shapes_[ref >> kSlotBits]; }
  uint8_t* At(Ref ref) const { return arena_.At(ref >> kSlotBits) + size_t{ref & kInSlab} * ShapeOf(ref).record_bytes; }
  uint32_t KindFor(size_t payload_bytes, size_t key_bytes);
  void Open(uint32_t number);
  void Push(Kind* kind, Arena::Block block);
  void Pull(Kind* kind, Arena::Block block);

  Arena arena_;
  std::vector<Kind> kinds_;
  std::vector<KindsOfPayload> kinds_of_payload_;
  // By block. Apart from the notes, because each look-up needs it: 8 bytes for 4 KB mostly lie in a near cache.
  std::vector<Shape> shapes_;
};

}  // namespace spillway
