#include "redis/slot.h"

#include <array>

namespace spillway {
namespace {

// kTables[k][b]: the checksum of byte b with k zero bytes behind it, so that four bytes take one step.
constexpr std::array<std::array<uint16_t, 256>, 4> MakeTables() {
  std::array<std::array<uint16_t, 256>, 4> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte << 8;
    for (auto& table : tables) {
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
      crc &= 0xffff;
      table[byte] = static_cast<uint16_t>(crc);
    }
  }
  return tables;
}
constexpr std::array<std::array<uint16_t, 256>, 4> kTables = MakeTables();

std::string_view HashedPart(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

uint16_t SlotOf(std::string_view key) {
  const std::string_view part = HashedPart(key);
  const auto* at = reinterpret_cast<const uint8_t*>(part.data());
  size_t left = part.size();
  uint32_t crc = 0;
  for (; left >= 4; at += 4, left -= 4) {
    crc = static_cast<uint32_t>(kTables[3][at[0] ^ (crc >> 8)] ^ kTables[2][at[1] ^ (crc & 0xff)] ^ kTables[1][at[2]] ^
                                kTables[0][at[3]]);
  }
  for (; left > 0; ++at, --left) crc = ((crc << 8) ^ kTables[0][(crc >> 8) ^ *at]) & 0xffff;
  return static_cast<uint16_t>(crc % kSlots);
}

}  // namespace spillway
