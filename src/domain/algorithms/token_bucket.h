#pragma once

#include <cstdint>

#include "algorithms/usage.h"

namespace spillway {

// Token bucket: holds `burst` tokens and gains `limit` per window, evenly; starts full. In any t ms it admits at most
// burst + t x limit / window. The state is what is missing from a full bucket, counted in 1/window of a token, so that one
// millisecond brings back exactly `limit` of them: all numbers are whole, nothing is lost to rounding. It is the usual
// virtual scheduling (GCRA, ITU-T I.371): missing / limit is the theoretical arrival time less now.
// Bound by Validate: burst x window < 2^53. The twin for Redis is composite_token_bucket.lua.
struct TokenBucket {
  int64_t missing;
  int64_t at_ms;     // when it was true
  int64_t scale_ms;  // the window that `missing` is counted by; 0: no state, the bucket is full
};

// Brings the bucket to `now_ms`. One of another window keeps its whole tokens exactly and rounds the rest up, so that
// nothing is gained. One dated beyond now starts afresh.
Usage TokenBucketRead(const Rule& rule, int64_t now_ms, TokenBucket* bucket);
// These take a bucket and the usage that were just read. False when a penalty finds all numbers at their end.
bool TokenBucketCharge(const Rule& rule, int64_t units, int64_t now_ms, TokenBucket* bucket, Usage* usage);
// How long until `units` (<= burst) fit, or kNeverFits where nothing is gained.
int64_t TokenBucketWait(const Rule& rule, int64_t units, const TokenBucket& bucket);
// Gives tokens back, unless the bucket could have been full since they were taken: that is at `mark`. True when any
// were missing.
bool TokenBucketRefund(const Rule& rule, int64_t units, int64_t mark, int64_t now_ms, TokenBucket* bucket);

}  // namespace spillway
