#include "store/arena.h"

#include <sys/mman.h>

#include <algorithm>

namespace spillway {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kFirstRegion = size_t{64} * 1024;
constexpr size_t kHugePage = size_t{2} * 1024 * 1024;

constexpr size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

uint8_t* Arena::Rest::Take(size_t taken) {
  uint8_t* piece = at;
  at += taken;
  bytes -= taken;
  return piece;
}

uint8_t* Arena::Take(size_t bytes) {
  bytes = RoundUp(bytes, kLine);
  if (bytes <= left_over_.bytes) return left_over_.Take(bytes);
  if (bytes > current_.bytes) Open(bytes);
  return current_.Take(bytes);
}

void Arena::Open(size_t bytes) {
  if (current_.bytes > left_over_.bytes) left_over_ = current_;
  region_bytes_ = std::min(kHugePage, std::max(kFirstRegion, region_bytes_ * 2));
  const size_t size = RoundUp(std::max(bytes, region_bytes_), region_bytes_ == kHugePage ? kHugePage : kLine);
  const size_t alignment = size % kHugePage == 0 ? kHugePage : kLine;
  regions_.emplace_back(static_cast<uint8_t*>(std::aligned_alloc(alignment, size)));
  current_ = {regions_.back().get(), size};
#ifdef MADV_HUGEPAGE
  // A wish: where it is not granted, the pages are small.
  if (alignment == kHugePage) madvise(current_.at, size, MADV_HUGEPAGE);
#endif
}

}  // namespace spillway
