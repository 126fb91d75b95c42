#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memory/records.h"
#include "step.h"

namespace spillway {

// One key's state where somebody else keeps it, as a text, while a step is taken; see step.h. Times are the caller's.
struct State {
  bool there = false;
  bool changed = false;
  RecordKind kind = RecordKind::kCount;
  int64_t end_ms = 0;  // its last millisecond
  int64_t count = 0;   // a fixed window's, or kBlocked
  SlidingWindow window{};
  TokenBucket bucket{};
  // A log's times are short, so they count from here: longer ago than any window.
  int64_t since_ms = 0;
  std::vector<uint8_t> log;
};

// The text is `1:`, a letter and whole numbers, separated by commas:
//   f end count            a fixed window         b end        a block
//   w end width newest ... a sliding window: the newest sub-window's number and counts, newest first, without zeros behind
//   l end at units ...     a sliding log: of each entry how long after the one before, and its units
//   t end missing at scale a token bucket
// Each state has one text. An empty text is no state. False where it is neither, and *state is of no use then: it was cut
// or altered, or another version wrote it.
// Entries of a log which cannot count at any moment behind `since_ms` + kMaxWindowMs are left out.
bool ReadState(std::string_view text, int64_t since_ms, State* state);
// Of a state that is there.
std::string WriteState(const State& state);

// What a Counter works on, where a State holds it.
class StateRecord {
 public:
  StateRecord() = default;
  // `state` outlives the record.
  StateRecord(State* state, int64_t now_ms)
      : state_(state), now_ms_(now_ms - state->since_ms), live_(state->there && now_ms <= state->end_ms) {}

  // All times count from the state's since_ms.
  int64_t now_ms() const { return now_ms_; }
  bool there() const { return state_->there; }
  bool live() const { return live_; }
  int64_t end_ms() const { return state_->end_ms - state_->since_ms; }
  RecordKind kind() const { return state_->kind; }
  int64_t Count() const { return state_->count; }
  const SlidingWindow& Window() const { return state_->window; }
  const TokenBucket& Bucket() const { return state_->bucket; }
  SlidingLog Log() const { return {state_->log.data(), state_->log.size()}; }

  void PutCount(int64_t count, int64_t /*limit*/) {
    Put(RecordKind::kCount);
    state_->count = count;
  }
  void PutWindow(const SlidingWindow& window) {
    Put(RecordKind::kSlidingWindow);
    state_->window = window;
  }
  void PutBucket(const TokenBucket& bucket) {
    Put(RecordKind::kTokenBucket);
    state_->bucket = bucket;
  }
  void PutLog() {
    Put(RecordKind::kSlidingLog);
    state_->log.assign(SlidingLog::BytesFor(kFirstLogEntries), 0);
  }
  void WidenLog(size_t entries) {
    const size_t before = Log().capacity();
    state_->log.resize(SlidingLog::BytesFor(entries));
    Log().Widened(before);
  }
  void SetEnd(int64_t end_ms) {
    state_->changed = true;
    state_->end_ms = std::min(end_ms + state_->since_ms, kMaxLimit);
  }

 private:
  void Put(RecordKind kind) {
    state_->there = state_->changed = true;
    state_->kind = kind;
  }

  State* state_;
  int64_t now_ms_;
  bool live_;
};

}  // namespace spillway
