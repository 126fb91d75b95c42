#include "algorithms/sliding_log.h"

#include <cstring>

namespace spillway {

size_t SlidingLog::Load(size_t at) const {
  uint16_t value = 0;
  std::memcpy(&value, bytes_ + at, sizeof(value));
  return value;
}

void SlidingLog::Store(size_t at, size_t value) {
  const auto stored = static_cast<uint16_t>(value);
  std::memcpy(bytes_ + at, &stored, sizeof(stored));
}

uint8_t* SlidingLog::Slot(size_t index) const {
  const size_t at = Load(0) + index;
  return bytes_ + BytesFor(at < capacity_ ? at : at - capacity_);
}

SlidingLog::Entry SlidingLog::At(size_t index) const {
  Entry entry{0, 0};
  const uint8_t* slot = Slot(index);
  std::memcpy(&entry.at_ms, slot, 5);
  std::memcpy(&entry.units, slot + 5, 2);
  return entry;
}

void SlidingLog::Set(size_t index, Entry entry) {
  uint8_t* slot = Slot(index);
  std::memcpy(slot, &entry.at_ms, 5);
  std::memcpy(slot + 5, &entry.units, 2);
}

void SlidingLog::PushBack(Entry entry) {
  Set(size(), entry);
  Store(2, size() + 1);
  Store(4, static_cast<size_t>(units() + entry.units));
}

void SlidingLog::DropFront(size_t entries) {
  int64_t left = units();
  for (size_t i = 0; i < entries; ++i) left -= At(i).units;
  const size_t head = Load(0) + entries;
  Store(0, head < capacity_ ? head : head - capacity_);
  Store(2, size() - entries);
  Store(4, static_cast<size_t>(left));
}

void SlidingLog::DropBack(size_t entries) {
  int64_t left = units();
  for (size_t i = 0; i < entries; ++i) left -= At(size() - 1 - i).units;
  Store(2, size() - entries);
  Store(4, static_cast<size_t>(left));
}

void SlidingLog::Take(size_t index, int64_t units) {
  Entry entry = At(index);
  entry.units -= units;
  Store(4, static_cast<size_t>(this->units() - units));
  Set(index, entry);
  if (entry.units > 0) return;
  for (size_t i = index; i + 1 < size(); ++i) Set(i, At(i + 1));
  Store(2, size() - 1);
}

void SlidingLog::Widened(size_t entries) {
  const size_t head = Load(0);
  if (head + size() <= entries) return;
  // The ring wraps: its older part moves to the new end.
  const size_t older = entries - head;
  std::memmove(bytes_ + BytesFor(capacity_ - older), bytes_ + BytesFor(head), older * kEntryBytes);
  Store(0, capacity_ - older);
}

Usage SlidingLogRead(const Rule& rule, int64_t now_ms, const SlidingLog& log, LogSpan* span) {
  *span = {0, log.size(), log.units()};
  while (span->last > 0) {
    const SlidingLog::Entry newest = log.At(span->last - 1);
    if (newest.at_ms <= now_ms) break;
    span->units -= newest.units;
    --span->last;
  }
  while (span->first < span->last) {
    const SlidingLog::Entry oldest = log.At(span->first);
    if (now_ms < oldest.at_ms + rule.window_ms) break;
    span->units -= oldest.units;
    ++span->first;
  }
  const bool empty = span->first == span->last;
  return {rule.limit - span->units, empty ? 0 : log.At(span->last - 1).at_ms + rule.window_ms - now_ms, now_ms};
}

bool SlidingLogTrim(int64_t now_ms, SlidingLog* log, LogSpan* span) {
  log->DropBack(log->size() - span->last);
  log->DropFront(span->first);
  *span = {0, log->size(), span->units};
  return log->size() == log->capacity() && log->At(log->size() - 1).at_ms != now_ms;
}

void SlidingLogCharge(const Rule& rule, int64_t units, int64_t now_ms, SlidingLog* log, LogSpan* span, Usage* usage) {
  int64_t charged = std::min(units, kMaxLogLimit);
  while (log->units() + charged > kMaxLogLimit) {
    const int64_t excess = log->units() + charged - kMaxLogLimit;
    if (log->At(0).units <= excess) {
      log->DropFront(1);
    } else {
      log->Take(0, excess);
    }
  }
  if (log->size() > 0 && log->At(log->size() - 1).at_ms == now_ms) {
    charged += log->At(log->size() - 1).units;
    log->DropBack(1);
  }
  log->PushBack({now_ms, charged});
  *span = {0, log->size(), log->units()};
  *usage = {rule.limit - log->units(), rule.window_ms, now_ms};
}

int64_t SlidingLogWait(const Rule& rule, int64_t units, int64_t now_ms, const SlidingLog& log, const LogSpan& span) {
  int64_t missing = units - (rule.limit - span.units);
  size_t i = span.first;
  while (i + 1 < span.last && missing > log.At(i).units) missing -= log.At(i++).units;
  return log.At(i).at_ms + rule.window_ms - now_ms;
}

bool SlidingLogRefund(const Rule& rule, int64_t units, int64_t mark, int64_t now_ms, SlidingLog* log) {
  if (mark > now_ms || now_ms >= mark + rule.window_ms) return false;
  for (size_t i = log->size(); i > 0; --i) {
    const SlidingLog::Entry entry = log->At(i - 1);
    if (entry.at_ms > mark) continue;
    if (entry.at_ms < mark) return false;
    log->Take(i - 1, std::min(units, entry.units));
    return true;
  }
  return false;
}

}  // namespace spillway
