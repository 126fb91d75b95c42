#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "redis/resp.h"
#include "redis_store/forms/form.h"

namespace spillway {

constexpr const char* kImpossible = "ERR the server answered with a number that cannot be";
constexpr const char* kUnknownReply = "ERR the script's reply has an unknown shape, or numbers that cannot be";

// Why a reply is not of the type that is due: an error's text, or what came instead; empty: it is.
std::string Complaint(const Reply& reply, Reply::Type due);

// Numbers that no script can say, such as more checks admitted than asked or counts that a double does not hold, are no
// answer. What passes these can be added and multiplied without leaving 64 bits.
inline bool IsIn(int64_t number, int64_t least, int64_t most) { return number >= least && number <= most; }
// A count, or a room, that scripts compute: a limit less a count that may be negative.
inline bool IsUnits(int64_t number) { return IsIn(number, -2 * kBlocked, 2 * kBlocked); }
inline bool IsTime(int64_t number) { return IsIn(number, 0, kBlocked); }
// So many of the checks that were asked for, none of which has charged more than a count can be.
bool IsAdmitted(const Command& command, int64_t checks);
// An array of so many integers.
bool HoldsIntegers(const Reply& reply, size_t count);

// What a counter holds, as INCR would read it; kBlocked for a block, wherever it was moved. False: some other text, which
// the scripts read (count.lua).
bool ParseCount(std::string_view text, int64_t* count);

// For a form of one reply, of a type: false, and Command::error says why, where it is another one.
bool IsDue(const Reply& reply, Reply::Type due, Command* command);
// The answer of what changes keys: a number of at most one for each rule.
Step TakeNumber(Command* command, const Reply& reply, Reading* reading);

// Numbers that a script of several rules says of each, behind one for all; see composite_head.lua.
constexpr size_t kRuleNumbers = 6;

}  // namespace spillway
