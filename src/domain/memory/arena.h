#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace spillway {

// Memory for a table, in blocks of 4 KB times a power of two, out of large regions. A block that comes back joins its free
// neighbour and serves any size again, so the regions hold no more than the blocks that were out at one time, and what lies
// between them. What the regions took is kept until the arena goes. They double up to the size of a huge page and are then
// backed by one where the system has them: a table of a million keys has no hot part, and on small pages nearly every
// look-up would first miss the translation of its address.
class Arena {
 public:
  // A number of a 4 KB block; of a larger one its first.
  using Block = uint32_t;
  static constexpr Block kNone = UINT32_MAX;
  static constexpr size_t kBlockBytes = 4096;
  static constexpr unsigned kMaxOrder = 8;

  // Each 4 KB block has a note of so many bytes (up to 32) for its user, which lies outside of it.
  explicit Arena(size_t note_bytes) : note_bytes_(note_bytes) { free_.fill(kNone); }

  // 2^order (0 to kMaxOrder) times 4 KB, aligned to 4 KB, with nothing in particular in them; their notes are zero.
  // Numbers reach to 64 GB. There the process ends, as where the system has no more.
  Block Take(unsigned order);
  // Takes the block back, of the order that it was taken with.
  void Give(Block block, unsigned order);

  uint8_t* At(Block block) const { return Base(block) + size_t{block & kInRegion} * kBlockBytes; }
  void* Note(Block block) const { return Base(block) + size_t{block & kInRegion} * note_bytes_; }
  // The first 4 KB block at or behind a number, out or not; kNone where there is none.
  Block From(Block block) const;

  // What the system gave.
  size_t bytes() const { return bytes_; }

 private:
  static constexpr unsigned kRegionBits = 9;  // 512 blocks, 2 MB
  static constexpr Block kInRegion = (1U << kRegionBits) - 1;
  static constexpr size_t kMostRegions = (size_t{1} << 15) - 1;
  struct Released {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
  };
  struct Region {
    std::unique_ptr<uint8_t, Released> bytes;
    size_t blocks = 0;  // a power of two; the first ones hold the notes
  };
  // In the first bytes of a free block.
  struct Links {
    Block next;
    Block previous;
  };

  uint8_t* Base(Block block) const { return regions_[block >> kRegionBits].bytes.get(); }
  Links* LinksOf(Block block) const { return reinterpret_cast<Links*>(At(block)); }
  void Open(unsigned order);
  void Push(Block block, unsigned order);
  void Pull(Block block, unsigned order);

  const size_t note_bytes_;
  size_t bytes_ = 0;
  std::vector<Region> regions_;
  std::vector<uint8_t> free_order_;        // by block: 1 + the order of the free block that begins there, else 0
  std::array<Block, kMaxOrder + 1> free_;  // heads of the chains of free blocks
};

}  // namespace spillway
