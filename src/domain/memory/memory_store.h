#pragma once

#include <array>
#include <string>
#include <string_view>

#include "clock.h"
#include "memory/key_table.h"
#include "store.h"

namespace spillway {

// Counters in this process: every call answers at once. All keys share `prefix`, which is not stored. A key whose state was
// left by another algorithm starts afresh.
class MemoryStore : public Store {
 public:
  // `clock` and `results` outlive the store.
  MemoryStore(std::string prefix, size_t max_keys, const Clock* clock, Results* results);

  bool Submit(const Check& check, Completions* immediate) override;
  // Fixed windows of one rule; of those without id operators read the counts in Redis, too.
  void List(const ListRequest& request) override;
  void Ask(const AsideRequest& request) override;
  bool Healthy(const RuleSet& /*probe*/, std::string_view /*subject*/) override { return true; }
  Stats GetStats() const override;
  void Close() override {}

 private:
  int64_t Now() const { return clock_->NowMs() - started_ms_; }
  // The hot path: a check of one fixed window. False, and nothing was done, where its key holds anything but a count.
  bool CheckFixedWindow(const Check& check, Completions* immediate);
  void Decide(const Check& check, Completions* immediate);
  // How many rules took a refund, or had a key to forget.
  int64_t Change(const Check& check);
  bool Forget(std::string_view key, int64_t now_ms);

  const std::string prefix_;
  const Clock* clock_;
  Results* results_;
  const int64_t started_ms_;  // the table's times are short: they count from here
  KeyTable table_;
  std::array<std::string, kMaxRules> keys_;  // of a call; reused, so that a check allocates nothing
};

}  // namespace spillway
