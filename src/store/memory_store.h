#pragma once

#include <string>

#include "clock.h"
#include "store/key_table.h"
#include "store/store.h"

namespace spillway {

// Counters in this process: every call answers at once. Keys are stored behind `prefix`, which all of them share.
class MemoryStore : public Store {
 public:
  // `clock` and `results` outlive the store.
  MemoryStore(std::string prefix, size_t max_keys, const Clock* clock, Results* results);

  bool Check(const Rule& rule, std::string_view key, int64_t cost, Ticket ticket, Outcome* now) override;
  bool Peek(const Rule& rule, std::string_view key, Ticket ticket, Outcome* now) override;
  bool Reset(const Rule& rule, std::string_view key, Ticket ticket, Outcome* now) override;
  void List(const ListRequest& request) override;
  bool Healthy() override { return true; }
  Stats GetStats() const override;
  void Close() override {}

 private:
  int64_t Now() const { return clock_->NowMs() - started_ms_; }
  std::string_view Subject(const Rule& rule, std::string_view key) const { return key.substr(rule.prefix.size()); }

  const std::string prefix_;
  const Clock* clock_;
  Results* results_;
  const int64_t started_ms_;  // the table's times are short: they count from here
  KeyTable table_;
};

}  // namespace spillway
