#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store.h"

namespace spillway {

// A completion as tests look at it: one of these for each decision, or one without.
struct Seen {
  Ticket ticket = 0;
  Status status = Status::kAnswered;
  Decision decision;
  size_t behind = 0;  // how many more of this call follow
};

inline void Look(const Completions& completions, std::vector<Seen>* seen) {
  const Decision* decision = completions.decisions();
  for (const Completion& completion : completions.list()) {
    if (completion.decisions == 0) seen->push_back({completion.ticket, completion.status, {}, 0});
    for (size_t behind = completion.decisions; behind > 0; --behind) {
      seen->push_back({completion.ticket, completion.status, *decision++, behind - 1});
    }
  }
}

// Submits a call with a subject for each rule; true, and its completion is appended to *immediate: it was answered at once.
inline bool Submit(Store* store, Op op, const RuleSet& rules, const std::vector<std::string>& subjects, int64_t units,
                   Ticket ticket, std::vector<Seen>* immediate, const int64_t* marks = nullptr) {
  const std::vector<std::string_view> ids(subjects.begin(), subjects.end());
  Completions completions;
  const bool answered = store->Submit({op, &rules, Subjects(ids.data()), units, ticket, marks}, &completions);
  Look(completions, immediate);
  return answered;
}

}  // namespace spillway
