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
  const bool fits = cost <= rule.limit && window->used <= rule.limit - cost;
  if (fits) {
    window->used += cost;
    window->ends_at_ms = now_ms + rest;
  }
  Decision decision =
      fits ? FixedWindowAdmitted(rule, window->used, rest) : FixedWindowDenied(rule, window->used, rest, cost);
  decision.mark = now_ms + rest;
  return decision;
}

Usage FixedWindowRead(const Rule& rule, int64_t now_ms, FixedWindow* window) {
  if (now_ms > window->ends_at_ms) *window = FixedWindow{};
  int64_t rest = rule.window_ms;
  if (window->ends_at_ms >= 0) {
    window->ends_at_ms = std::min(window->ends_at_ms, now_ms + rule.window_ms);
    rest = window->ends_at_ms - now_ms;
  }
  return {rule.limit - window->used, rest, now_ms + rest};
}

void FixedWindowCharge(const Rule& rule, int64_t units, int64_t now_ms, FixedWindow* window, Usage* usage) {
  const int64_t charged = Chargeable(rule, usage->room, units);
  window->used += charged;
  window->ends_at_ms = now_ms + usage->reset_ms;
  usage->room -= charged;
}

int64_t FixedWindowWait(const Usage& usage) { return usage.reset_ms + 1; }

bool FixedWindowRefund(int64_t units, int64_t mark, FixedWindow* window) {
  if (window->ends_at_ms != mark || window->used == 0) return false;
  window->used -= std::min(units, window->used);
  return true;
}

}  // namespace spillway
