#include "rule.h"

namespace spillway {

std::string Validate(const Rule& rule) {
  if (rule.limit < 0 || rule.limit > kMaxLimit) return "a limit is a whole number from 0 to 2^53 - 1";
  if (rule.window_ms < 1 || rule.window_ms > kMaxWindowMs)
    return "a window is a whole number of ms from 1 to ten years";
  if (rule.timeout_ms < 1) return "a timeout is a whole number of ms from 1";
  if (rule.algorithm == Algorithm::kSlidingLog && rule.limit > kMaxLogLimit) {
    return "a sliding log holds an entry for each unit, so its limit is at most 10000";
  }
  if (rule.algorithm == Algorithm::kTokenBucket) {
    if (rule.burst < 0 || rule.burst > kMaxLimit) return "a burst is a whole number from 0 to 2^53 - 1";
    if (rule.burst > kMaxLimit / rule.window_ms || rule.limit > kMaxLimit / rule.window_ms) {
      return "a token bucket's burst and limit, times its window in ms, stay below 2^53";
    }
    if (rule.limit == 0 && rule.burst > 0) return "a token bucket that gains nothing has no burst";
  }
  return "";
}

}  // namespace spillway
