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
  const int64_t wait = cost > rule.limit ? kNeverFits : rest_ms + 1;
  return {false, rule.limit, Remaining(rule, used), rest_ms, wait, used};
}

Decision FixedWindowPeek(const Rule& rule, int64_t used, int64_t rest_ms) {
  return used < rule.limit ? FixedWindowAdmitted(rule, used, rest_ms) : FixedWindowDenied(rule, used, rest_ms, 1);
}

Decision FixedWindowCheck(const Rule& rule, int64_t cost, int64_t now_ms, FixedWindow* window) {
  if (window->ends_at_ms >= 0 && now_ms > window->ends_at_ms) *window = FixedWindow{};
  const bool running = window->ends_at_ms >= 0;
  if (running) window->ends_at_ms = std::min(window->ends_at_ms, now_ms + rule.window_ms);
  const int64_t rest = running ? window->ends_at_ms - now_ms : rule.window_ms;
  // Subtracted, not added: used + cost could leave the exact range.
  if (cost > rule.limit || window->used > rule.limit - cost) return FixedWindowDenied(rule, window->used, rest, cost);
  window->used += cost;
  window->ends_at_ms = now_ms + rest;
  return FixedWindowAdmitted(rule, window->used, rest);
}

}  // namespace spillway
