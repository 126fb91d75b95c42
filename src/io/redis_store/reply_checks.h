#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "redis_store/redis_calls.h"

namespace spillway {

// Why a reply is not of the type that is due: an error's text, or what came instead; empty: it is.
std::string Complaint(const Reply& reply, Reply::Type due);
constexpr const char* kImpossible = "ERR the server answered with a number that cannot be";
constexpr const char* kUnknownReply = "ERR the script's reply has an unknown shape, or numbers that cannot be";

// What the scripts of checks answer. Numbers that none of them can say, such as more checks admitted than asked or counts
// that a double does not hold, are no answer: false, and nothing is read. What was read can be added and multiplied without
// leaving 64 bits.

// fixed_window.lua.
struct WindowReply {
  int64_t admitted;
  int64_t used;     // afterwards
  int64_t rest_ms;  // until the window has ended
  int64_t ends_ms;  // the key's expiry
};
bool ReadWindow(const Request& request, const Reply& reply, WindowReply* read);

// Numbers that a layered script says of each rule, behind one for all; see layered_head.lua.
constexpr size_t kLayeredFields = 6;
// Reads them from the reply of either script.
bool ReadLayered(const Request& request, const Reply& reply, std::vector<int64_t>* fields);

}  // namespace spillway
