#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "algorithms/sliding_log.h"
#include "algorithms/sliding_window.h"
#include "algorithms/token_bucket.h"

namespace spillway {

// How the states of the algorithms lie in a KeyTable's payloads, in as few bytes as hold them: numbers of 4, 5 or 7 bytes.
// A fixed window's is its count and nothing else, 7 bytes; its end is the record's. A key that is blocked, under
// whichever algorithm, has the same with the count kBlocked. All others are longer and begin with their kind.
enum class RecordKind : uint8_t { kCount, kSlidingWindow, kSlidingLog, kTokenBucket };

constexpr size_t kCountBytes = 7;
constexpr size_t kTokenBucketBytes = 1 + 7 + 5 + 5;
constexpr size_t kFirstLogEntries = 4;
constexpr size_t LogBytes(size_t entries) { return 1 + SlidingLog::BytesFor(entries); }

inline RecordKind KindOf(const uint8_t* payload, size_t bytes) {
  return bytes == kCountBytes ? RecordKind::kCount : static_cast<RecordKind>(payload[0]);
}

// A count is 0 to 2^56 - 1.
inline int64_t LoadCount(const uint8_t* payload) {
  int64_t count = 0;
  std::memcpy(&count, payload, kCountBytes);
  return count;
}
inline void StoreCount(int64_t count, uint8_t* payload) { std::memcpy(payload, &count, kCountBytes); }

// Counts take 4 bytes each where all of them fit, else 7.
size_t SlidingWindowBytes(const SlidingWindow& window);
SlidingWindow LoadSlidingWindow(const uint8_t* payload, size_t bytes);
// `bytes` is what SlidingWindowBytes says, or more from an earlier time.
void StoreSlidingWindow(const SlidingWindow& window, uint8_t* payload, size_t bytes);

TokenBucket LoadTokenBucket(const uint8_t* payload);
void StoreTokenBucket(const TokenBucket& bucket, uint8_t* payload);

inline SlidingLog LogIn(uint8_t* payload, size_t bytes) { return {payload + 1, bytes - 1}; }
// Makes an empty log of the payload.
void StartLog(uint8_t* payload, size_t bytes);

}  // namespace spillway
