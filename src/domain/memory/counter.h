#pragma once

#include <cstdint>
#include <string_view>

#include "algorithms/fixed_window.h"
#include "decision.h"
#include "memory/key_table.h"
#include "memory/records.h"

namespace spillway {

// One key's state under one rule, between the table and the algorithms, while a call is decided: Read fills it, the others
// work on what was read. It is of no use once another key may have taken this one's place in the table.
class Counter {
 public:
  // `rule`, `subject` and `table` outlive the counter. A state that another algorithm left starts afresh.
  void Read(const Rule& rule, std::string_view subject, int64_t now_ms, KeyTable* table);

  // Whether this rule alone would admit the units.
  bool Fits(int64_t units) const { return !blocked_ && units <= usage_.room; }
  bool blocked() const { return blocked_; }
  bool in_table() const { return ref_ != KeyTable::kNone; }

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
  // `fits` is what Fits said before the charge.
  Decision Describe(int64_t units, bool fits) const;

 private:
  void ChargeLog(int64_t units);
  void Write();
  void PutCount(int64_t count, int64_t limit);
  uint8_t* Place(size_t payload_bytes);
  void SetEnd(int64_t end_ms);
  uint8_t* Payload() const { return table_->Payload(ref_); }
  size_t PayloadBytes() const { return table_->PayloadBytes(ref_); }
  SlidingLog Log() const { return LogIn(Payload(), PayloadBytes()); }
  int64_t Wait(int64_t units) const;

  // No initializers: a call has room for kMaxRules of these, and mostly uses one.
  KeyTable* table_;
  const Rule* rule_;
  std::string_view subject_;
  int64_t now_ms_;
  KeyTable::Ref ref_;
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

}  // namespace spillway
