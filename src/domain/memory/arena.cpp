#include "memory/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace spillway {
namespace {

constexpr size_t kFirstRegionBlocks = 16;
constexpr size_t kHugePage = size_t{2} * 1024 * 1024;

}  // namespace

Arena::Block Arena::Take(unsigned order) {
  unsigned found = order;
  while (found <= kMaxOrder && free_[found] == kNone) ++found;
  if (found > kMaxOrder) {
    Open(order);
    return Take(order);
  }
  const Block block = free_[found];
  Pull(block, found);
  while (found > order) {
    --found;
    Push(block + (1U << found), found);
  }
  return block;
}

void Arena::Give(Block block, unsigned order) {
  std::memset(Note(block), 0, note_bytes_ << order);
  // The blocks that hold the notes are never free, so a region's own size is never reached.
  for (; order < kMaxOrder; ++order) {
    const Block neighbour = block ^ (1U << order);
    if (free_order_[neighbour] != order + 1) break;
    Pull(neighbour, order);
    block = std::min(block, neighbour);
  }
  Push(block, order);
}

Arena::Block Arena::From(Block block) const {
  size_t region = block >> kRegionBits;
  if (region < regions_.size() && (block & kInRegion) < regions_[region].blocks) return block;
  if (region < regions_.size() && (block & kInRegion) != 0) ++region;
  return region < regions_.size() ? static_cast<Block>(region << kRegionBits) : kNone;
}

void Arena::Open(unsigned order) {
  constexpr size_t kLargest = size_t{1} << kRegionBits;
  const size_t doubled = regions_.empty() ? kFirstRegionBlocks : regions_.back().blocks * 2;
  const size_t blocks = std::max(std::min(doubled, kLargest), size_t{2} << order);
  const size_t size = blocks * kBlockBytes;
  auto* bytes = static_cast<uint8_t*>(std::aligned_alloc(size == kHugePage ? kHugePage : kBlockBytes, size));
  if (bytes == nullptr || regions_.size() == kMostRegions) std::abort();
#ifdef MADV_HUGEPAGE
  // A wish: where it is not granted, the pages are small.
  if (size == kHugePage) madvise(bytes, size, MADV_HUGEPAGE);
#endif
  std::memset(bytes, 0, blocks * note_bytes_);
  const auto first = static_cast<Block>(regions_.size() << kRegionBits);
  regions_.push_back({std::unique_ptr<uint8_t, Released>(bytes), blocks});
  bytes_ += size;
  free_order_.resize(first + blocks, 0);
  size_t at = (blocks * note_bytes_ + kBlockBytes - 1) / kBlockBytes;
  while (at < blocks) {
    unsigned fits = 0;
    while ((at & (size_t{1} << fits)) == 0) ++fits;
    Push(first + static_cast<Block>(at), fits);
    at += size_t{1} << fits;
  }
}

void Arena::Push(Block block, unsigned order) {
  *LinksOf(block) = {free_[order], kNone};
  if (free_[order] != kNone) LinksOf(free_[order])->previous = block;
  free_[order] = block;
  free_order_[block] = static_cast<uint8_t>(order + 1);
}

void Arena::Pull(Block block, unsigned order) {
  const Links links = *LinksOf(block);
  if (links.previous == kNone) {
    free_[order] = links.next;
  } else {
    LinksOf(links.previous)->next = links.next;
  }
  if (links.next != kNone) LinksOf(links.next)->previous = links.previous;
  free_order_[block] = 0;
}

}  // namespace spillway
