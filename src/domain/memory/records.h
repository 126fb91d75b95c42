#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "algorithms/sliding_log.h"
#include "algorithms/sliding_window.h"
#include "algorithms/token_bucket.h"

namespace spillway {

// How the states of the algorithms lie in a KeyTable's payloads, in as few bytes as hold them: numbers of 4, 5 or 7 bytes.
// A fixed window's is its count and nothing else, 4 bytes, or 7 where the limit needs them; its end is the record's. A key
// that is blocked, under whichever algorithm, has the same with the count kBlocked. All others are longer and begin with
// their kind.
enum class RecordKind : uint8_t { kCount, kSlidingWindow, kSlidingLog, kTokenBucket };

constexpr size_t kNarrowCount = 4;
constexpr size_t kWideCount = 7;
constexpr size_t kTokenBucketBytes = 1 + 7 + 5 + 5;
constexpr size_t kFirstLogEntries = 4;
constexpr size_t LogBytes(size_t entries) { return 1 + SlidingLog::BytesFor(entries); }

inline bool IsCount(size_t bytes) { return bytes <= kWideCount; }
inline RecordKind KindOf(const uint8_t* payload, size_t bytes) {
  return IsCount(bytes) ? RecordKind::kCount : static_cast<RecordKind>(payload[0]);
}

// What holds a count, 0 to 2^56 - 1 or kBlocked. The largest narrow number stands for kBlocked.
inline size_t CountBytes(int64_t count) { return count < UINT32_MAX || count == kBlocked ? kNarrowCount : kWideCount; }
inline int64_t LoadCount(const uint8_t* payload, size_t bytes) {
  if (bytes == kNarrowCount) {
    uint32_t narrow = 0;
    std::memcpy(&narrow, payload, kNarrowCount);
    return narrow == UINT32_MAX ? kBlocked : narrow;
  }
  int64_t count = 0;
  std::memcpy(&count, payload, kWideCount);
  return count;
}
// `bytes` is what CountBytes says, or more.
inline void StoreCount(int64_t count, uint8_t* payload, size_t bytes) {
  if (bytes == kNarrowCount) {
    const uint32_t narrow = count == kBlocked ? UINT32_MAX : static_cast<uint32_t>(count);
    std::memcpy(payload, &narrow, kNarrowCount);
  } else {
    std::memcpy(payload, &count, kWideCount);
  }
}

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
