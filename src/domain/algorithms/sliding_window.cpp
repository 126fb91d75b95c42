#include "algorithms/sliding_window.h"

namespace spillway {
namespace {

int64_t SubWindowMs(const Rule& rule) { return (rule.window_ms + 9) / 10; }

int64_t FloorDivide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// When a sub-window no longer counts.
int64_t DropTime(const Rule& rule, int64_t sub_ms, int64_t number) {
  return (number + 1) * sub_ms + rule.window_ms - 1;
}

// How many sub-windows the last window touches.
size_t RingSize(const Rule& rule, int64_t sub_ms, int64_t newest, int64_t now_ms) {
  return static_cast<size_t>(newest - FloorDivide(now_ms - rule.window_ms + 1, sub_ms) + 1);
}

SlidingWindow Moved(const SlidingWindow& from, int64_t sub_ms, int64_t newest, int64_t now_ms) {
  SlidingWindow to{sub_ms, newest, {}};
  if (from.sub_ms == 0 || from.newest > now_ms / from.sub_ms) return to;
  for (size_t i = 0; i < SlidingWindow::kSubWindows; ++i) {
    if (from.counts[i] == 0) continue;
    const int64_t last = (from.newest - static_cast<int64_t>(i) + 1) * from.sub_ms - 1;
    const auto at = static_cast<size_t>(newest - std::min(last, now_ms) / sub_ms);
    if (at < SlidingWindow::kSubWindows) to.counts[at] += from.counts[i];
  }
  return to;
}

}  // namespace

Usage SlidingWindowRead(const Rule& rule, int64_t now_ms, SlidingWindow* window) {
  const int64_t sub_ms = SubWindowMs(rule);
  const int64_t newest = now_ms / sub_ms;
  const size_t size = RingSize(rule, sub_ms, newest, now_ms);
  if (window->sub_ms != sub_ms || window->newest != newest) *window = Moved(*window, sub_ms, newest, now_ms);
  for (size_t i = size; i < SlidingWindow::kSubWindows; ++i) window->counts[i] = 0;
  int64_t used = 0;
  for (const int64_t count : window->counts) used += count;
  Usage usage{rule.limit - used, 0, newest};
  for (size_t i = 0; used > 0 && i < size; ++i) {
    if (window->counts[i] == 0) continue;
    usage.reset_ms = DropTime(rule, sub_ms, newest - static_cast<int64_t>(i)) - now_ms;
    break;
  }
  return usage;
}

bool SlidingWindowCharge(const Rule& rule, int64_t units, int64_t now_ms, SlidingWindow* window, Usage* usage) {
  const int64_t charged = Chargeable(rule, usage->room, units);
  if (charged == 0) return false;
  window->counts[0] += charged;
  usage->room -= charged;
  usage->reset_ms = DropTime(rule, window->sub_ms, window->newest) - now_ms;
  return true;
}

int64_t SlidingWindowWait(const Rule& rule, int64_t units, int64_t now_ms, const SlidingWindow& window, int64_t room) {
  int64_t missing = units - room;
  size_t i = SlidingWindow::kSubWindows;
  while (i > 1 && missing > window.counts[i - 1]) missing -= window.counts[--i];
  return DropTime(rule, window.sub_ms, window.newest - static_cast<int64_t>(i - 1)) - now_ms;
}

bool SlidingWindowRefund(const Rule& rule, int64_t units, int64_t mark, int64_t now_ms, SlidingWindow* window) {
  if (mark > window->newest || window->newest - mark >= static_cast<int64_t>(SlidingWindow::kSubWindows)) return false;
  // Numbers of another grid mean other times. What else stands there may count under a longer window of this grid.
  if (window->sub_ms != SubWindowMs(rule) || DropTime(rule, window->sub_ms, mark) <= now_ms) return false;
  int64_t& count = window->counts[static_cast<size_t>(window->newest - mark)];
  if (count == 0) return false;
  count -= std::min(units, count);
  return true;
}

}  // namespace spillway
