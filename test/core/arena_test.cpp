#include "memory/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

namespace spillway {
namespace {

constexpr size_t kNoteBytes = 24;

bool IsZero(const Arena& arena, Arena::Block block) {
  const auto* note = static_cast<const uint8_t*>(arena.Note(block));
  for (size_t i = 0; i < kNoteBytes; ++i) {
    if (note[i] != 0) return false;
  }
  return true;
}

TEST(Arena, BlocksOfAnyOrderAreAlignedApartAndHaveNotesOfTheirOwn) {
  Arena arena(kNoteBytes);
  std::minstd_rand random(1);
  std::map<uint8_t*, std::pair<Arena::Block, unsigned>> out;
  for (unsigned i = 0; i < 5000; ++i) {
    if (!out.empty() && random() % 5 < 2) {
      auto some = std::next(out.begin(), static_cast<long>(random() % out.size()));
      const auto [block, order] = some->second;
      for (size_t at = 0; at < Arena::kBlockBytes << order; at += Arena::kBlockBytes / 4) {
        ASSERT_EQ(some->first[at], static_cast<uint8_t>(block));
      }
      arena.Give(block, order);
      out.erase(some);
      continue;
    }
    const auto order = static_cast<unsigned>(random() % 10 == 0 ? random() % (Arena::kMaxOrder + 1) : random() % 3);
    const Arena::Block block = arena.Take(order);
    uint8_t* at = arena.At(block);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(at) % Arena::kBlockBytes, 0U);
    for (Arena::Block each = block; each < block + (1U << order); ++each) ASSERT_TRUE(IsZero(arena, each));
    std::memset(at, static_cast<uint8_t>(block), Arena::kBlockBytes << order);
    std::memset(arena.Note(block), 0xff, kNoteBytes);
    ASSERT_TRUE(out.emplace(at, std::pair(block, order)).second);
  }
  const uint8_t* free_from = nullptr;
  for (const auto& [at, taken] : out) {
    ASSERT_GE(at, free_from);
    free_from = at + (Arena::kBlockBytes << taken.second);
  }
}

TEST(Arena, WhatComesBackServesAnySizeAgain) {
  Arena arena(kNoteBytes);
  std::vector<Arena::Block> blocks(4000);
  for (Arena::Block& block : blocks) block = arena.Take(0);
  const size_t bytes = arena.bytes();
  for (const Arena::Block block : blocks) arena.Give(block, 0);
  // 16 MB in regions of up to 2 MB, of each of which the better half is one block again.
  for (int i = 0; i < 7; ++i) arena.Take(Arena::kMaxOrder);
  EXPECT_EQ(arena.bytes(), bytes);
}

TEST(Arena, KnowsItsBlocksByNumber) {
  Arena arena(kNoteBytes);
  EXPECT_EQ(arena.From(0), Arena::kNone);
  while (arena.bytes() < size_t{8} << 20) arena.Take(0);
  size_t blocks = 0;
  for (Arena::Block block = arena.From(0); block != Arena::kNone; block = arena.From(block + 1)) ++blocks;
  EXPECT_EQ(blocks * Arena::kBlockBytes, arena.bytes());
}

}  // namespace
}  // namespace spillway
