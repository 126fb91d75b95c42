#pragma once

#include <cstdint>
#include <vector>

#include "clock.h"
#include "redis_store/command.h"
#include "store.h"

namespace spillway {

// Settles the tickets of checks: each once, into Results.
class Tickets {
 public:
  // Both outlive it.
  Tickets(Results* results, const Clock* clock) : results_(results), clock_(clock) {}

  // Answers whether it is the first that waits.
  bool Add(PendingCheck* check, Ticket ticket) {
    check->tickets.push_back(ticket);
    return waiting_++ == 0;
  }
  // What is settled from now on belongs to another read.
  void EndTurn() { now_us_ = kUnread; }
  int64_t waiting() const { return waiting_; }
  int64_t timeouts() const { return timeouts_; }
  // That met a key that holds what is not ours.
  int64_t foreign() const { return foreign_; }

  // Without an answer.
  void End(PendingCheck* check, Status status);
  // The same for all of them.
  void Answer(PendingCheck* check, const Decision& decision);
  // The first `reading.admitted` of them are admitted, and gone; the others are still there.
  void Admit(PendingCheck* check, const WindowReading& reading);
  void Deny(PendingCheck* check, const WindowReading& reading);
  // By the numbers that composite.lua says, of several slots put together.
  void AnswerRules(PendingCheck* check, const std::vector<int64_t>& numbers);

 private:
  // All that a read settles end at one time: a clock that is read for each costs more than the rest of this.
  int64_t TookUs(const PendingCheck& check);

  static constexpr int64_t kUnread = -1;
  Results* results_;
  const Clock* clock_;
  int64_t now_us_ = kUnread;
  int64_t waiting_ = 0;
  int64_t timeouts_ = 0;
  int64_t foreign_ = 0;
};

}  // namespace spillway
