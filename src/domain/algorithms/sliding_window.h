#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "algorithms/usage.h"

namespace spillway {

// Sliding window over sub-windows: at most `limit` units in any span of one window, never more. A window of W ms is cut
// into sub-windows of S = ceil(W / 10); the state is how many units were admitted in each that the last W ms touch, at most
// eleven. The oldest is counted whole, though only a part of it may lie within W: that is why no span can hold too much,
// and why a unit comes back up to S - 1 ms later than from a sliding log. One admitted in sub-window s counts while
// now < (s + 1) x S + W - 1, the first moment when no millisecond of s lies within the last W.
// The formulas follow from that promise and are this package's own; interpolating between two windows, the usual way with
// less state, would admit nearly twice the limit. The twin for Redis is composite_sliding_window.lua.
struct SlidingWindow {
  static constexpr size_t kSubWindows = 11;
  int64_t sub_ms;                           // their width; 0: no state
  int64_t newest;                           // number of the newest one: the time divided by the width
  std::array<int64_t, kSubWindows> counts;  // newest first
};

// Brings the ring to `now_ms` (>= 0). One of another width is moved: each count to the sub-window that holds its last
// millisecond, so that nothing leaves early. One dated beyond now starts afresh.
Usage SlidingWindowRead(const Rule& rule, int64_t now_ms, SlidingWindow* window);
// These take a ring and the usage that were just read at `now_ms`. False when a penalty finds all numbers at their end.
bool SlidingWindowCharge(const Rule& rule, int64_t units, int64_t now_ms, SlidingWindow* window, Usage* usage);
// How long until `units` (<= limit) fit.
int64_t SlidingWindowWait(const Rule& rule, int64_t units, int64_t now_ms, const SlidingWindow& window, int64_t room);
// Takes units back from sub-window `mark` of a ring as it was stored. True when there were any.
bool SlidingWindowRefund(const Rule& rule, int64_t units, int64_t mark, int64_t now_ms, SlidingWindow* window);

}  // namespace spillway
