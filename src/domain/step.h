#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "decision.h"

namespace spillway {

// The algorithms as a pure function, for whoever keeps states where nothing can be computed: a file, a table of a database,
// an item that is written if it is still what was read. What is kept is an opaque text; see state.h. Decisions are those of
// MemoryStore, by the same code.

// The latest moment that a caller's clock may show: the last that a JavaScript Date holds.
constexpr int64_t kMaxTimeMs = 8'640'000'000'000'000;

// What one rule of a call is asked about.
struct StepItem {
  const Rule* rule = nullptr;  // one that Validate takes; prefix, id and timeout mean nothing here
  std::string_view state;      // as a step gave it; empty: none
  int64_t mark = 0;            // kRefund: of the decision that charged; magnitudes below 2^54
};

struct Stepped {
  Decision decision;  // of a check, a look or a penalty
  // Whether there is another state than before; of a refund: whether any units were given back.
  bool changed = false;
  std::string state;          // then the new one
  int64_t expires_in_ms = 0;  // how long the state means anything, the old one where nothing changed; 0: not any more
};

// Takes all rules of a call, `size` (1 to kMaxRules), from `now_ms` (0 to kMaxTimeMs): charged all or none. `op` is any but
// kReset, which is to forget the states. Answers `size`, or the place of the first item whose text is no state, and nothing
// has been done then.
size_t Step(Op op, int64_t units, int64_t now_ms, size_t size, const StepItem* items, Stepped* results);

}  // namespace spillway
