#include "hash.h"

#include <cstring>
#include <random>

namespace spillway {
namespace {

// Odd constants with about as many ones as zeros in every byte.
constexpr uint64_t kA = 0x8b72e6d5a3c9174bULL;
constexpr uint64_t kB = 0xd1a96c3b5e47f285ULL;

inline uint64_t Fold(uint64_t x, uint64_t y) {
  __extension__ using uint128 = unsigned __int128;
  const uint128 product = static_cast<uint128>(x) * y;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t Load(const char* at, size_t bytes) {
  uint64_t word = 0;
  std::memcpy(&word, at, bytes);
  return word;
}

}  // namespace

uint64_t Hash(std::string_view bytes, uint64_t seed) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t h = seed ^ (static_cast<uint64_t>(left) * kA);
  while (left > 16) {
    h = Fold(Load(at, 8) ^ kA, Load(at + 8, 8) ^ h);
    at += 16;
    left -= 16;
  }
  uint64_t low = 0;
  uint64_t high = 0;
  if (left > 8) {
    low = Load(at, 8);
    high = Load(at + 8, left - 8);
  } else {
    low = Load(at, left);
  }
  return Fold(Fold(low ^ kA, high ^ h) ^ kB, h ^ kA);
}

uint64_t RandomSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace spillway
