#include "algorithms/token_bucket.h"

#include <cmath>

#include "decision.h"

namespace spillway {
namespace {

int64_t CeilDivide(int64_t a, int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Until it is full.
int64_t ResetMs(const Rule& rule, const TokenBucket& bucket) {
  return rule.limit > 0 ? CeilDivide(bucket.missing, rule.limit) : rule.window_ms;
}

int64_t Rescaled(int64_t missing, int64_t from_ms, int64_t to_ms) {
  const int64_t tokens = missing / from_ms;
  if (tokens >= kMaxLimit / to_ms) return kMaxLimit / to_ms * to_ms;
  // Exact for windows up to a day; above that the twins round alike, as doubles do.
  const double part = static_cast<double>(missing % from_ms) * static_cast<double>(to_ms);
  return tokens * to_ms + static_cast<int64_t>(std::ceil(part / static_cast<double>(from_ms)));
}

}  // namespace

Usage TokenBucketRead(const Rule& rule, int64_t now_ms, TokenBucket* bucket) {
  int64_t missing = 0;
  if (bucket->scale_ms > 0 && bucket->at_ms <= now_ms) {
    missing = bucket->missing;
    if (bucket->scale_ms != rule.window_ms) missing = Rescaled(missing, bucket->scale_ms, rule.window_ms);
    // Divided first: the product could leave the exact range.
    const int64_t passed = now_ms - bucket->at_ms;
    if (rule.limit > 0 && passed >= CeilDivide(missing, rule.limit)) {
      missing = 0;
    } else {
      missing -= passed * rule.limit;
    }
  }
  *bucket = {missing, now_ms, rule.window_ms};
  const int64_t reset = ResetMs(rule, *bucket);
  return {FloorDivide(rule.burst * rule.window_ms - missing, rule.window_ms), reset, now_ms + reset};
}

bool TokenBucketCharge(const Rule& rule, int64_t units, int64_t now_ms, TokenBucket* bucket, Usage* usage) {
  const int64_t charged = std::min(units, (kMaxLimit - bucket->missing) / rule.window_ms);
  if (charged == 0) return false;
  bucket->missing += charged * rule.window_ms;
  usage->room -= charged;
  usage->reset_ms = ResetMs(rule, *bucket);
  usage->mark = now_ms + usage->reset_ms;
  return true;
}

int64_t TokenBucketWait(const Rule& rule, int64_t units, const TokenBucket& bucket) {
  if (rule.limit == 0) return kNeverFits;
  return CeilDivide(bucket.missing + (units - rule.burst) * rule.window_ms, rule.limit);
}

bool TokenBucketRefund(const Rule& rule, int64_t units, int64_t mark, int64_t now_ms, TokenBucket* bucket) {
  // In another window's scale the charge cannot be found again.
  if (now_ms >= mark || bucket->scale_ms != rule.window_ms) return false;
  TokenBucketRead(rule, now_ms, bucket);
  if (bucket->missing == 0) return false;
  bucket->missing -= std::min(units, CeilDivide(bucket->missing, rule.window_ms)) * rule.window_ms;
  bucket->missing = std::max<int64_t>(0, bucket->missing);
  return true;
}

}  // namespace spillway
