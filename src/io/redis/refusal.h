#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spillway {

// What an error reply means for the command that it answers. In every case the command was not executed.
enum class Refusal : uint8_t {
  kFinal,      // asking again would not help: OOM, NOPERM, ...
  kForeign,    // the key holds what is not ours: WRONGTYPE, of the server or of a script of ours
  kNoScript,   // send the source instead of its hash, at once
  kWait,       // the server cannot at the moment: ask again after 10 ms or more
  kMoved,      // the key's slot is at another node of the cluster
  kAsk,        // this once, it is
  kCrossSlot,  // a cluster's: its keys lie in several slots
  kNoMaster,   // a replica: as kWait, on a new connection
  kLogin,      // the connection is not logged in (any more)
};

Refusal Classify(std::string_view error);

// An error reply as it may be shown: its first word, and the rest only where it cannot quote what was sent (Redis quotes
// the arguments of an unknown command, which for AUTH are the credentials).
std::string Presentable(std::string_view error);

}  // namespace spillway
