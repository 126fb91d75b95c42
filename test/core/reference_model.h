#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rule.h"

namespace spillway {

// What one key under one rule should do, written for plainness: every admitted unit is remembered by itself, a bucket is
// refilled millisecond by millisecond, and waits are found by trying one millisecond after another.
struct ReferenceModel {
  struct Unit {
    int64_t at;
    int64_t width;  // of the sub-windows that it is counted by
  };
  // What a charge needs to be taken back.
  struct Receipt {
    int64_t at = 0;
    int64_t ends = 0;
    int64_t full_at = 0;
  };

  // The last millisecond of what begins now and lasts so long, two at least.
  static int64_t LastMs(int64_t now, int64_t ms) { return now + std::max<int64_t>(2, ms) - 1; }
  static int64_t Width(const Rule& rule) { return rule.window_ms / 10 + (rule.window_ms % 10 == 0 ? 0 : 1); }
  static int64_t LastOf(int64_t at, int64_t width) { return at / width * width + width - 1; }

  // When a unit is counted from, once it is counted by the rule's own sub-windows.
  static int64_t Place(const Rule& rule, const Unit& unit, int64_t now) {
    return unit.width == Width(rule) ? unit.at : std::min(LastOf(unit.at, unit.width), now);
  }
  // `read_at` is when the state was read: units of another width were moved then.
  static bool Counts(const Rule& rule, const Unit& unit, int64_t read_at, int64_t now) {
    if (rule.algorithm == Algorithm::kSlidingLog) return now < unit.at + rule.window_ms;
    // Some millisecond of its sub-window lies within the last window.
    return LastOf(Place(rule, unit, read_at), Width(rule)) > now - rule.window_ms;
  }

  int64_t Missing(const Rule& rule, int64_t now) const {
    if (scale == 0) return 0;
    int64_t left = missing / scale * rule.window_ms;
    left += (missing % scale * rule.window_ms + scale - 1) / scale;
    for (int64_t t = at; t < now && left > 0 && rule.limit > 0; ++t) left = std::max<int64_t>(0, left - rule.limit);
    return left;
  }

  // How long until no more than `bound` is missing.
  static int64_t RefillTime(const Rule& rule, int64_t left, int64_t bound) {
    int64_t ms = 0;
    for (; left > bound; ++ms) left -= rule.limit;
    return ms;
  }

  bool Blocked(int64_t now) const { return now <= blocked_until; }

  // Units that fit at `now` into the state as it was read at `read_at`.
  int64_t Room(const Rule& rule, int64_t read_at, int64_t now) const {
    if (rule.algorithm == Algorithm::kFixedWindow) return now > ends ? rule.limit : rule.limit - used;
    if (rule.algorithm == Algorithm::kTokenBucket) {
      const int64_t left = Missing(rule, now);
      int64_t whole = left / rule.window_ms;
      if (whole * rule.window_ms < left) ++whole;
      return rule.burst - whole;
    }
    return rule.limit - std::count_if(units.begin(), units.end(),
                                      [&](const Unit& unit) { return Counts(rule, unit, read_at, now); });
  }

  int64_t Reset(const Rule& rule, int64_t now) const {
    if (Blocked(now)) return blocked_until - now + 1;
    if (rule.algorithm == Algorithm::kFixedWindow) return (now > ends ? LastMs(now, rule.window_ms) : ends) - now + 1;
    if (rule.algorithm == Algorithm::kTokenBucket) {
      return rule.limit == 0 ? rule.window_ms : RefillTime(rule, Missing(rule, now), 0);
    }
    int64_t later = now;
    while (Room(rule, now, later) < rule.limit) ++later;
    return later - now;
  }

  int64_t Retry(const Rule& rule, int64_t cost, int64_t now) const {
    if (Blocked(now)) return blocked_until - now + 1;
    if (cost > rule.capacity()) return -1;
    if (rule.algorithm == Algorithm::kTokenBucket) {
      return RefillTime(rule, Missing(rule, now), (rule.burst - cost) * rule.window_ms);
    }
    int64_t later = now;
    while (Room(rule, now, later) < cost) ++later;
    return later - now;
  }

  // What a check does even when it is denied: ended state is gone, a fixed window's far end is cut.
  void Touch(const Rule& rule, int64_t now) {
    if (Blocked(now)) return;
    if (rule.algorithm != Algorithm::kFixedWindow) return Forget(now);
    if (now > ends) {
      used = 0;
      ends = -1;
    } else {
      ends = std::min(ends, LastMs(now, rule.window_ms));
    }
  }
  // State is kept until nothing in it counts under the rule that stored it; a longer window later does not revive it.
  void Forget(int64_t now) {
    if (now <= expires) return;
    units.clear();
    scale = 0;
  }

  Receipt Charge(const Rule& rule, int64_t count, int64_t now) {
    if (rule.algorithm == Algorithm::kFixedWindow) {
      if (now > ends) {
        used = 0;
        ends = LastMs(now, rule.window_ms);
      }
      used += count;
    } else if (rule.algorithm == Algorithm::kTokenBucket) {
      missing = Missing(rule, now) + count * rule.window_ms;
      at = now;
      scale = rule.window_ms;
    } else {
      DropEnded(rule, now);
      for (int64_t i = 0; i < count; ++i) units.push_back({now, Width(rule)});
    }
    expires = now + Reset(rule, now) + 1;
    return {now, ends, now + Reset(rule, now)};
  }

  bool Refund(const Rule& rule, int64_t count, const Receipt& receipt, int64_t now) {
    if (Blocked(now)) return false;
    if (rule.algorithm == Algorithm::kFixedWindow) {
      if (now > ends || ends != receipt.ends || used == 0) return false;
      used = std::max<int64_t>(0, used - count);
      return true;
    }
    Forget(now);
    if (rule.algorithm == Algorithm::kTokenBucket) {
      const int64_t left = Missing(rule, now);
      if (now >= receipt.full_at || scale != rule.window_ms || left == 0) return false;
      missing = std::max<int64_t>(0, left - count * rule.window_ms);
      at = now;
      scale = rule.window_ms;
      return true;
    }
    int64_t taken = 0;
    std::vector<Unit> left;
    for (const Unit& unit : units) {
      const bool log = rule.algorithm == Algorithm::kSlidingLog;
      const bool same =
          log ? unit.at == receipt.at : unit.width == Width(rule) && unit.at / unit.width == receipt.at / unit.width;
      if (same && taken < count && Counts(rule, unit, now, now)) {
        ++taken;
      } else {
        left.push_back(unit);
      }
    }
    if (taken == 0) return false;
    units = left;
    return true;
  }

  void Block(int64_t now, int64_t ms) {
    *this = ReferenceModel();
    blocked_until = LastMs(now, ms);
  }

  void DropEnded(const Rule& rule, int64_t now) {
    std::vector<Unit> left;
    for (const Unit& unit : units) {
      const int64_t place = rule.algorithm == Algorithm::kSlidingLog ? unit.at : Place(rule, unit, now);
      if (Counts(rule, unit, now, now)) left.push_back({place, Width(rule)});
    }
    units = left;
  }

  std::vector<Unit> units;  // sliding window and log
  int64_t used = 0;         // fixed window
  int64_t ends = -1;
  int64_t missing = 0;  // token bucket
  int64_t at = 0;
  int64_t scale = 0;
  int64_t expires = -1;
  int64_t blocked_until = -1;
};

}  // namespace spillway
