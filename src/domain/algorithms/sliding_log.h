#pragma once

#include <cstddef>
#include <cstdint>

#include "algorithms/usage.h"

namespace spillway {

// Sliding log: the millisecond of every admitted unit, hence at most `limit` units in any span of one window, exactly, and
// each comes back to the millisecond. A unit admitted at x counts while now < x + window. The price is state: units of one
// millisecond share an entry of 7 bytes, and a limit is at most kMaxLogLimit. A penalty keeps the newest kMaxLogLimit units;
// older ones decide nothing. The twin for Redis is composite_sliding_log.lua.
//
// A log lies in memory that somebody else owns and may move: this is a view of it. The bytes are a ring of entries in the
// order of time, behind its head, its size and its units in total; all zero is an empty log.
class SlidingLog {
 public:
  struct Entry {
    int64_t at_ms;  // 0 .. 2^40 - 1
    int64_t units;  // 1 .. kMaxLogLimit
  };
  static constexpr size_t kHeaderBytes = 6;
  static constexpr size_t kEntryBytes = 7;
  static constexpr size_t BytesFor(size_t entries) { return kHeaderBytes + entries * kEntryBytes; }

  // Of BytesFor(1 .. kMaxLogLimit) bytes.
  SlidingLog(uint8_t* bytes, size_t length) : bytes_(bytes), capacity_((length - kHeaderBytes) / kEntryBytes) {}

  size_t capacity() const { return capacity_; }
  size_t size() const { return Load(2); }
  int64_t units() const { return static_cast<int64_t>(Load(4)); }
  Entry At(size_t index) const;  // 0: the oldest

  void Clear() { Store(0, 0), Store(2, 0), Store(4, 0); }
  void PushBack(Entry entry);
  void DropFront(size_t entries);
  void DropBack(size_t entries);
  // Takes units (1 .. as many as it has) from an entry; one without any leaves.
  void Take(size_t index, int64_t units);
  // After the bytes behind it became more: the ring was made for `entries`.
  void Widened(size_t entries);

 private:
  size_t Load(size_t at) const;
  void Store(size_t at, size_t value);
  uint8_t* Slot(size_t index) const;
  void Set(size_t index, Entry entry);

  uint8_t* bytes_;
  size_t capacity_;
};

// The entries that count at one moment: [first, last), and their units.
struct LogSpan {
  size_t first;
  size_t last;
  int64_t units;
};

// Changes nothing. Entries dated beyond now do not count.
Usage SlidingLogRead(const Rule& rule, int64_t now_ms, const SlidingLog& log, LogSpan* span);
// Drops what does not count, before a charge. True when another entry must be made room for: see Widened.
bool SlidingLogTrim(int64_t now_ms, SlidingLog* log, LogSpan* span);
// Adds units to a log that was just read and trimmed.
void SlidingLogCharge(const Rule& rule, int64_t units, int64_t now_ms, SlidingLog* log, LogSpan* span, Usage* usage);
// How long until `units` (<= limit) fit.
int64_t SlidingLogWait(const Rule& rule, int64_t units, int64_t now_ms, const SlidingLog& log, const LogSpan& span);
// Takes units back from those of millisecond `mark`. True when there were any.
bool SlidingLogRefund(const Rule& rule, int64_t units, int64_t mark, int64_t now_ms, SlidingLog* log);

}  // namespace spillway
