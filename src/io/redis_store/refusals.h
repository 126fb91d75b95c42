#pragma once

#include <string_view>

#include "clock.h"
#include "redis_store/outbox.h"
#include "redis_store/scatter.h"

namespace spillway {

// What becomes of a command that was refused: nothing of it was executed, so it may be asked again where that can help.
enum class Remedy : uint8_t {
  kAgain,    // at once, at Command::node
  kLater,    // it was put off, or went on in parts
  kEnd,      // the server will not do it
  kForeign,  // that key alone is out of order: neither the server nor what else is counted
};

class Refusals {
 public:
  // All outlive it.
  Refusals(Topology* topology, Outbox* outbox, Scatter* scatter, const Clock* clock)
      : topology_(topology), outbox_(outbox), scatter_(scatter), clock_(clock) {}

  // Command::error says why. Takes note of what it says of the server, and of the cluster.
  Remedy Find(Command* command);

 private:
  // Follows MOVED and ASK; false: they lead nowhere.
  bool Redirect(Command* command, Refusal refusal);
  // For a moment; false: nobody waits for it.
  bool PutOff(Command* command, std::string_view error);

  Topology* topology_;
  Outbox* outbox_;
  Scatter* scatter_;
  const Clock* clock_;
};

}  // namespace spillway
