#pragma once

#include <cstdint>
#include <string_view>

namespace spillway {

constexpr int kSlots = 16384;

// The slot of a key in a Redis Cluster: CRC16 (XMODEM) of its hash tag, or of all of it where it has none, modulo 16384.
// The tag stands between the first `{` and the first `}` behind it, and is not empty.
// Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
uint16_t SlotOf(std::string_view key);

}  // namespace spillway
