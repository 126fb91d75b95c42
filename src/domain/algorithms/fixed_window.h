#pragma once

#include <cstdint>

#include "algorithms/usage.h"
#include "decision.h"
#include "rule.h"

namespace spillway {

// Fixed window, anchored at the first admitted request of a key: at most `limit` units until the window ends, hence at
// most 2 x limit in any span as long as a window. The state is a count and its expiry, as a Redis key has it: the last
// millisecond of the window. What is told is the rest of the window, that millisecond included: whoever waits so long finds
// it gone, and the rest is never longer than the window (of 1 ms: 2, see ExpiryOf).
// The twins for Redis are fixed_window.lua, fixed_windows.lua for several and composite_fixed_window.lua among others; the
// vectors in test/vectors/fixed-window.json run through all.

// The decision for one admitted check, where `used` counts it already.
Decision FixedWindowAdmitted(const Rule& rule, int64_t used, int64_t rest_ms);
// The decision for one denied check, which consumed nothing.
Decision FixedWindowDenied(const Rule& rule, int64_t used, int64_t rest_ms, int64_t cost);
// What a check of cost 1 would see, without being charged.
Decision FixedWindowPeek(const Rule& rule, int64_t used, int64_t rest_ms);
// Of a blocked key, whatever the cost: a block ends when its expiry does.
Decision FixedWindowBlocked(const Rule& rule, int64_t rest_ms);
// The rest of a window of which nothing has passed.
int64_t FixedWindowWhole(const Rule& rule);

struct FixedWindow {
  int64_t used = 0;
  int64_t ends_at_ms = -1;  // its last millisecond; -1: no window is running
};

// Charges `cost` (>= 1) or nothing. An end more than a window away (another rule's, before) is cut to one window.
Decision FixedWindowCheck(const Rule& rule, int64_t cost, int64_t now_ms, FixedWindow* window);

// The same in steps, for a rule among others. Brings the window to `now_ms`: one that has ended is none, a far end is cut.
Usage FixedWindowRead(const Rule& rule, int64_t now_ms, FixedWindow* window);
// Adds units, also where they do not fit: then up to kMostCounted. `usage` is what was read, and is brought up to date.
void FixedWindowCharge(const Rule& rule, int64_t units, FixedWindow* window, Usage* usage);
// How long a check that does not fit must wait, where its cost is within the capacity.
int64_t FixedWindowWait(const Usage& usage);
// Takes units back, from the window that ends at `mark` and no other. True when there were any.
bool FixedWindowRefund(int64_t units, int64_t mark, FixedWindow* window);

}  // namespace spillway
