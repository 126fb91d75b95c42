#include "algorithms/fixed_window.h"

#include <algorithm>

namespace spillway {

namespace {

// Within 0 and the limit, whatever somebody else has stored.
int64_t Remaining(const Rule& rule, int64_t used) { return std::clamp<int64_t>(rule.limit - used, 0, rule.limit); }

}  // namespace

Decision FixedWindowAdmitted(const Rule& rule, int64_t used, int64_t rest_ms) {
  return {true, rule.limit, Remaining(rule, used), rest_ms, 0, used};
}

Decision FixedWindowDenied(const Rule& rule, int64_t used, int64_t rest_ms, int64_t cost) {
  const int64_t wait = cost > rule.limit ? kNeverFits : rest_ms;
  return {false, rule.limit, Remaining(rule, used), rest_ms, wait, used};
}

Decision FixedWindowPeek(const Rule& rule, int64_t used, int64_t rest_ms) {
  return used < rule.limit ? FixedWindowAdmitted(rule, used, rest_ms) : FixedWindowDenied(rule, used, rest_ms, 1);
}

Decision FixedWindowBlocked(const Rule& rule, int64_t rest_ms) {
  return {false, rule.limit, 0, rest_ms, rest_ms, rule.limit, 0, true};
}

int64_t FixedWindowWhole(const Rule& rule) { return ExpiryOf(rule.window_ms) + 1; }

Decision FixedWindowCheck(const Rule& rule, int64_t cost, int64_t now_ms, FixedWindow* window) {
  const Usage usage = FixedWindowRead(rule, now_ms, window);
  // Subtracted, not added: used + cost could leave the exact range.
  const bool fits = cost <= rule.limit && window->used <= rule.limit - cost;
  if (fits) {
    window->used += cost;
    window->ends_at_ms = usage.mark;
  }
  Decision decision = fits ? FixedWindowAdmitted(rule, window->used, usage.reset_ms)
                           : FixedWindowDenied(rule, window->used, usage.reset_ms, cost);
  decision.mark = usage.mark;
  return decision;
}

Usage FixedWindowRead(const Rule& rule, int64_t now_ms, FixedWindow* window) {
  if (now_ms > window->ends_at_ms) *window = FixedWindow{};
  int64_t ends = now_ms + ExpiryOf(rule.window_ms);
  if (window->ends_at_ms >= 0) ends = window->ends_at_ms = std::min(window->ends_at_ms, ends);
  return {rule.limit - window->used, ends - now_ms + 1, ends};
}

void FixedWindowCharge(const Rule& rule, int64_t units, FixedWindow* window, Usage* usage) {
  const int64_t charged = std::clamp<int64_t>(std::max(kMostCounted, rule.limit) - window->used, 0, units);
  window->used += charged;
  window->ends_at_ms = usage->mark;
  usage->room -= charged;
}

int64_t FixedWindowWait(const Usage& usage) { return usage.reset_ms; }

bool FixedWindowRefund(int64_t units, int64_t mark, FixedWindow* window) {
  if (window->ends_at_ms != mark || window->used == 0) return false;
  window->used -= std::min(units, window->used);
  return true;
}

}  // namespace spillway
