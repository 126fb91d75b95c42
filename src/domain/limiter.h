#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store.h"

namespace spillway {

// START HERE. One check, end to end:
//   binding/check.cpp   takes rule-set number, id, cost and slot from JavaScript and submits a Check to
//   MemoryStore         which answers at once from the key table, or to
//   RedisStore          which merges the checks of one key in one loop turn, chooses each one's form on the wire
//                       (redis_store/forms), writes one pipelined flush per turn, and turns replies into decisions;
//                       Client keeps the connection, Turn is the loop
//   binding             hands all completions of a turn to JavaScript in one packed call
//
// A store with the rule sets that are known by number.
class Limiter {
 public:
  explicit Limiter(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  // Answers the number of the set, or -1 with *error set.
  int32_t AddRules(std::vector<Rule> rules, std::string* error);
  // Nobody will ask under this number again, until AddRules gives it to another set. Calls on their way go on.
  void ReleaseRules(uint32_t set);
  bool HasRules(uint32_t set) const { return set < sets_.size() && sets_[set] != nullptr; }
  const RuleSet& RulesOf(uint32_t set) const { return *sets_[set]; }

  Store* store() { return store_.get(); }

 private:
  static std::string Problem(const std::vector<Rule>& rules);

  // Above the store, whose calls on their way point to them.
  std::vector<std::unique_ptr<RuleSet>> sets_;
  std::vector<std::unique_ptr<RuleSet>> released_;  // while calls on their way hold them
  std::vector<uint32_t> vacant_;
  std::unique_ptr<Store> store_;
};

}  // namespace spillway
