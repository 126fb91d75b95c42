#pragma once

#include <cstdint>

#include "decision.h"
#include "rule.h"

namespace spillway {

// Fixed window, anchored at the first admitted request of a key: at most `limit` units until the window ends, hence at
// most 2 x limit in any span as long as a window. The state is a count and the end of its window. A window lives while
// now <= its end, as a Redis key does, so the shortest wait that surely helps is the remaining life + 1 ms.
// The twin for Redis is fixed_window.lua; test/vectors/fixed-window.json runs through both.

// The decision for one admitted check, where `used` counts it already.
Decision FixedWindowAdmitted(const Rule& rule, int64_t used, int64_t rest_ms);
// The decision for one denied check, which consumed nothing.
Decision FixedWindowDenied(const Rule& rule, int64_t used, int64_t rest_ms, int64_t cost);
// What a check of cost 1 would see, without being charged.
Decision FixedWindowPeek(const Rule& rule, int64_t used, int64_t rest_ms);

struct FixedWindow {
  int64_t used = 0;
  int64_t ends_at_ms = -1;  // -1: no window is running
};

// Charges `cost` (>= 1) or nothing. An end more than a window away (another rule's, before) is cut to one window.
Decision FixedWindowCheck(const Rule& rule, int64_t cost, int64_t now_ms, FixedWindow* window);

}  // namespace spillway
