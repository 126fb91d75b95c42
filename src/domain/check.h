#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rule_set.h"

namespace spillway {

// The caller's number for one call; given back with its completion, exactly once.
using Ticket = uint32_t;

// Whose counters a call is about: one id under all rules of a set, or one id for each of them. An id is valid UTF-8 of 1
// to kMaxIdBytes bytes, not encoded.
class Subjects {
 public:
  Subjects(std::string_view id) : one_(id) {}  // a plan's usual case
  // `ids` outlive the call.
  explicit Subjects(const std::string_view* ids) : ids_(ids) {}
  std::string_view Of(size_t rule) const { return ids_ == nullptr ? one_ : ids_[rule]; }

 private:
  std::string_view one_;
  const std::string_view* ids_ = nullptr;
};

// What is asked of the counters of all rules of a set.
enum class Op : uint8_t {
  kCheck,     // charge `units` where they fit under all rules, or nothing
  kPeek,      // what a check of `units` would say
  kPenalize,  // charge `units` also where they do not fit
  // These are answered by one decision, of which only `used` means something.
  kRefund,  // give `units` back to the charges that `marks` tell: only into the same window, entries or sub-window; a
            // bucket's not once it could have been full since. `used`: how many rules took them
  kBlock,   // deny for `units` milliseconds; afterwards the keys start afresh
  kReset,   // forget the keys. `used`: how many there were
};

// One call, as it is asked.
struct Check {
  Op op = Op::kCheck;
  const RuleSet* rules = nullptr;  // lives until it is not held any more
  Subjects subjects;
  int64_t units = 1;
  Ticket ticket = 0;
  const int64_t* marks = nullptr;  // kRefund: one for each rule
};

// How many decisions an answer to it brings.
inline size_t DecisionsOf(Op op, const RuleSet& rules) { return op <= Op::kPenalize ? rules.size() : 1; }

}  // namespace spillway
