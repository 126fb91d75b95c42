#pragma once

#include <cstddef>
#include <cstdint>

#include "algorithms/fixed_window.h"
#include "check.h"
#include "decision.h"
#include "memory/records.h"

namespace spillway {

// One key's state under one rule, between where it is kept and the algorithms, while a call is decided: Read fills it, the
// others work on what was read. `Record` is the place: a TableRecord in this process, a StateRecord in somebody else's hands.
template <typename Record>
class Counter {
 public:
  // `rule` outlives the counter. A state that another algorithm left starts afresh.
  void Read(const Rule& rule, const Record& record) {
    rule_ = &rule;
    record_ = record;
    Load();
  }

  const Rule& rule() const { return *rule_; }
  // Whether this rule alone would admit the units.
  bool Fits(int64_t units) const { return !blocked_ && units <= usage_.room; }
  bool blocked() const { return blocked_; }
  bool has_record() const { return record_.there(); }

  // Adds units, also where they do not fit; not to a blocked key.
  void Charge(int64_t units);
  // Stores a fixed window whose end was too far away, though nothing was charged.
  void Mend() {
    if (cut_) Write();
  }
  // Gives units back to the charge of that mark. True when there were any.
  bool Refund(int64_t units, int64_t mark);
  // Denies for `ms`, then starts afresh.
  void Block(int64_t ms);
  // `fits` is what Fits said before the charge. Fills in what is there: copying a decision costs a check 5 %.
  void Describe(int64_t units, bool fits, Decision* decision) const;

 private:
  void Load();
  void ChargeLog(int64_t units);
  void Write();
  int64_t now_ms() const { return record_.now_ms(); }
  int64_t Wait(int64_t units) const;

  // No initializers: a call has room for kMaxRules of these, and mostly uses one.
  const Rule* rule_;
  Record record_;
  bool kept_;     // the record holds a state of the rule's algorithm that has not ended
  bool blocked_;  // then only `usage_` says something
  bool cut_;      // a fixed window's end was too far away
  Usage usage_;
  FixedWindow fixed_;
  union {
    SlidingWindow sliding_;
    TokenBucket bucket_;
    LogSpan span_;
  };
};

// What a check, a look or a penalty comes to under all rules of a call, all or nothing; a decision for each counter.
template <typename Record>
void Decide(Op op, int64_t units, size_t size, Counter<Record>* counters, Decision* decisions);

}  // namespace spillway
