#include "memory/records.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr size_t kCountsAt = 1 + 5 + 5;
constexpr size_t kNarrow = 4;
constexpr size_t kWide = 7;

constexpr size_t WindowBytes(size_t width) { return kCountsAt + width * SlidingWindow::kSubWindows; }

int64_t Load(const uint8_t* at, size_t bytes) {
  int64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

void Store(int64_t value, uint8_t* at, size_t bytes) { std::memcpy(at, &value, bytes); }

// One width at a time, so that every copy is a plain load.
template <size_t kWidth>
void LoadCounts(const uint8_t* at, SlidingWindow* window) {
  for (int64_t& count : window->counts) {
    count = Load(at, kWidth);
    at += kWidth;
  }
}

template <size_t kWidth>
void StoreCounts(const SlidingWindow& window, uint8_t* at) {
  for (const int64_t count : window.counts) {
    Store(count, at, kWidth);
    at += kWidth;
  }
}

}  // namespace

size_t SlidingWindowBytes(const SlidingWindow& window) {
  int64_t any = 0;
  for (const int64_t count : window.counts) any |= count;
  return WindowBytes(any <= UINT32_MAX ? kNarrow : kWide);
}

SlidingWindow LoadSlidingWindow(const uint8_t* payload, size_t bytes) {
  SlidingWindow window;
  window.newest = Load(payload + 1, 5);
  window.sub_ms = Load(payload + 6, 5);
  if (bytes == WindowBytes(kNarrow)) {
    LoadCounts<kNarrow>(payload + kCountsAt, &window);
  } else {
    LoadCounts<kWide>(payload + kCountsAt, &window);
  }
  return window;
}

void StoreSlidingWindow(const SlidingWindow& window, uint8_t* payload, size_t bytes) {
  payload[0] = static_cast<uint8_t>(RecordKind::kSlidingWindow);
  Store(window.newest, payload + 1, 5);
  Store(window.sub_ms, payload + 6, 5);
  if (bytes == WindowBytes(kNarrow)) {
    StoreCounts<kNarrow>(window, payload + kCountsAt);
  } else {
    StoreCounts<kWide>(window, payload + kCountsAt);
  }
}

TokenBucket LoadTokenBucket(const uint8_t* payload) {
  return {Load(payload + 1, 7), Load(payload + 8, 5), Load(payload + 13, 5)};
}

void StoreTokenBucket(const TokenBucket& bucket, uint8_t* payload) {
  payload[0] = static_cast<uint8_t>(RecordKind::kTokenBucket);
  Store(bucket.missing, payload + 1, 7);
  Store(bucket.at_ms, payload + 8, 5);
  Store(bucket.scale_ms, payload + 13, 5);
}

void StartLog(uint8_t* payload, size_t bytes) {
  payload[0] = static_cast<uint8_t>(RecordKind::kSlidingLog);
  LogIn(payload, bytes).Clear();
}

}  // namespace spillway
