#pragma once

#include <cstdint>

#include "algorithms/plain_charge.h"
#include "decision.h"

namespace spillway {

struct Command;
struct Form;

// What a reply brings a command to.
enum class Step : uint8_t {
  kMore,      // further replies are due
  kWindow,    // Reading::window says what became of the checks of one fixed window
  kDecision,  // Reading::decision is the answer to all of them
  kRules,     // PendingCheck::numbers say what became of checks under any rules
  kNumber,    // Reading::number answers a refund, a block or a reset
  kAgain,     // nothing was executed: to be sent again at once, in Command::form
  kRefused,   // nothing was executed: Command::error says why
};

// What else is to be asked, because of a reply: about the same key, and nobody waits for it.
struct FollowUp {
  const Form* form;
  int64_t units;
  int64_t marks[2];
};

struct Reading {
  WindowReading window;
  bool charged = false;  // units were added, whatever became of the checks
  Decision decision;
  int64_t number = 0;
  FollowUp follow_ups[2];
  int follow_up_count = 0;

  void Follow(const Form& form, int64_t units = 1, int64_t first = 0, int64_t second = 0) {
    follow_ups[follow_up_count++] = {&form, units, {first, second}};
  }
};

}  // namespace spillway
