#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.h"
#include "decision.h"

namespace spillway {

// How a call ended; the numbers cross into JavaScript (lib/decision/status.ts).
enum class Status : uint8_t {
  kAnswered = 0,
  kTimedOut = 1,      // the deadline passed first; it may have been charged
  kDisconnected = 2,  // the connection was lost after the command was written; it may have been charged
  kQueueFull = 3,     // nothing was sent
  kRefused = 4,       // the server answered with an error
  kClosed = 5,        // the store was closed first
  kForeign = 6,       // the key holds what is not ours, and was left alone; other keys are counted
  kBreakerOpen = 7,   // the server is not asked for the moment, see Breaker; nothing was sent
};

// Who decided.
enum class Source : uint8_t { kMemory, kRedis };

// Of a call that was answered at once, or never sent.
constexpr int64_t kNotTimed = -1;

// The end of one call. One that was answered has as many decisions as DecisionsOf says, in the order of its rules; any other
// has none.
struct Completion {
  Ticket ticket = 0;
  Status status = Status::kAnswered;
  Source source = Source::kMemory;
  uint8_t decisions = 0;
  int64_t took_us = kNotTimed;  // from when it was sent off to its end
};

// Completions in the order in which they came, their decisions behind each other.
class Completions {
 public:
  // The decisions of a call that was answered, to be filled in before anything else is added.
  Decision* Answer(Ticket ticket, Source source, size_t decisions, int64_t took_us = kNotTimed) {
    list_.push_back({ticket, Status::kAnswered, source, static_cast<uint8_t>(decisions), took_us});
    decisions_.resize(decisions_.size() + decisions);
    return decisions_.data() + decisions_.size() - decisions;
  }
  // Of one decision.
  void Answer(Ticket ticket, Source source, const Decision& decision, int64_t took_us = kNotTimed) {
    list_.push_back({ticket, Status::kAnswered, source, 1, took_us});
    decisions_.push_back(decision);
  }
  void End(Ticket ticket, Status status, Source source, int64_t took_us = kNotTimed) {
    list_.push_back({ticket, status, source, 0, took_us});
  }

  const std::vector<Completion>& list() const { return list_; }
  // All decisions, those of the first call in front.
  const Decision* decisions() const { return decisions_.data(); }
  bool empty() const { return list_.empty(); }
  void Clear() {
    list_.clear();
    decisions_.clear();
  }

 private:
  std::vector<Completion> list_;
  std::vector<Decision> decisions_;
};

}  // namespace spillway
