#pragma once

#include <cstdint>

namespace spillway {

// What a rule says of one check. Times are durations from the moment of the decision, by the store's clock; they become
// points in time only in the process that shows them.
struct Decision {
  bool allowed = false;
  int64_t limit = 0;
  int64_t remaining = 0;       // units still to be had in this window, after this check
  int64_t reset_in_ms = 0;     // until the window has ended; the whole window where none is running
  int64_t retry_after_ms = 0;  // 0 when allowed; kNeverFits when the cost is above the limit
  int64_t used = 0;            // units counted against the capacity, after this check
  // What a refund needs to find the charge again: a fixed window's expiry, when a bucket is full, the sub-window, the
  // millisecond of a log's entries. Negative: a fixed window that began at -mark or a moment later.
  int64_t mark = 0;
  bool blocked = false;
};

constexpr int64_t kNeverFits = -1;

}  // namespace spillway
