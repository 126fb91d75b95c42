#pragma once

#include <cstdint>
#include <vector>

#include "redis_store/command.h"
#include "store.h"

namespace spillway {

// Settles the tickets of checks: each once, into Results.
class Tickets {
 public:
  // `results` outlives it.
  explicit Tickets(Results* results) : results_(results) {}

  // Answers whether it is the first that waits.
  bool Add(PendingCheck* check, Ticket ticket) {
    check->tickets.push_back(ticket);
    return waiting_++ == 0;
  }
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
  Results* results_;
  int64_t waiting_ = 0;
  int64_t timeouts_ = 0;
  int64_t foreign_ = 0;
};

}  // namespace spillway
