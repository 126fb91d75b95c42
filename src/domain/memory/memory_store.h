#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clock.h"
#include "memory/key_table.h"
#include "store.h"

namespace spillway {

// Counters in this process: every call answers at once. All keys share `prefix`, which is not stored; what is stored of
// `<prefix><subject>` is the subject, and of `{<prefix><subject>}:<id>` it is `<subject>}:<id>`. No encoded subject holds a
// brace, so the two never meet. A key whose state was left by another algorithm starts afresh.
class MemoryStore : public Store {
 public:
  // `clock` and `results` outlive the store.
  MemoryStore(std::string prefix, size_t max_keys, const Clock* clock, Results* results);

  bool Ask(Op op, const RuleSet& rules, const std::string* keys, int64_t units, Ticket ticket,
           std::vector<Outcome>* now) override;
  bool Refund(const RuleSet& rules, const std::string* keys, int64_t units, const int64_t* marks, Ticket ticket,
              std::vector<Outcome>* now) override;
  bool Block(const RuleSet& rules, const std::string* keys, int64_t ms, Ticket ticket,
             std::vector<Outcome>* now) override;
  bool Reset(const RuleSet& rules, const std::string* keys, Ticket ticket, std::vector<Outcome>* now) override;
  // Fixed windows of one rule; of those without id operators read the counts in Redis, too.
  void List(const ListRequest& request) override;
  bool Holds(const RuleSet& /*rules*/) const override { return false; }
  bool Healthy(const RuleSet&, const std::string&) override { return true; }
  Stats GetStats() const override;
  void Close() override {}

 private:
  int64_t Now() const { return clock_->NowMs() - started_ms_; }
  static std::string_view Subject(const Rule& rule, std::string_view key) {
    return key.substr(rule.prefix.size() + (rule.id.empty() ? 0 : 1));
  }
  // The hot path; false where the key holds anything but a count.
  bool CheckFixedWindow(const Rule& rule, std::string_view key, int64_t units, Ticket ticket,
                        std::vector<Outcome>* now);

  const std::string prefix_;
  const Clock* clock_;
  Results* results_;
  const int64_t started_ms_;  // the table's times are short: they count from here
  KeyTable table_;
};

}  // namespace spillway
