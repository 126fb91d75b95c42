#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rule.h"
#include "store/store.h"

namespace spillway {

// START HERE. One check, end to end:
//   binding/check.cpp   takes the number of a set of rules, id, cost and slot from JavaScript
//   Limiter             turns the id into a key for each rule and hands them to the store
//   MemoryStore         answers at once from the key table, or
//   RedisStore          merges the checks of one key in one loop turn, writes one pipelined flush per turn, and turns the
//                       replies into decisions (redis_calls); Client keeps the connection, Turn is the loop
//   binding             hands all outcomes of a turn to JavaScript in one packed call
class Limiter {
 public:
  explicit Limiter(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  // Answers the set's number, or -1 with *error set.
  int32_t AddRules(RuleSet rules, std::string* error);
  // How many rules a set has; 0: there is no such set.
  size_t SizeOf(uint32_t set) const { return set < sets_.size() ? sets_[set]->size() : 0; }

  // The subject of the calls that follow, for all rules of the set, or for the one at `rule`. `id` is valid UTF-8 of 1 to
  // kMaxIdBytes bytes; the set exists.
  void SetSubject(uint32_t set, std::string_view id);
  void SetSubject(uint32_t set, size_t rule, std::string_view id);

  // As in Store, on the subjects just set.
  bool Ask(Op op, uint32_t set, int64_t units, Ticket ticket, std::vector<Outcome>* now) {
    return store_->Ask(op, *sets_[set], keys_.data(), units, ticket, now);
  }
  bool Refund(uint32_t set, int64_t units, const int64_t* marks, Ticket ticket, std::vector<Outcome>* now) {
    return store_->Refund(*sets_[set], keys_.data(), units, marks, ticket, now);
  }
  bool Block(uint32_t set, int64_t ms, Ticket ticket, std::vector<Outcome>* now) {
    return store_->Block(*sets_[set], keys_.data(), ms, ticket, now);
  }
  bool Reset(uint32_t set, Ticket ticket, std::vector<Outcome>* now) {
    return store_->Reset(*sets_[set], keys_.data(), ticket, now);
  }

  Store* store() { return store_.get(); }

 private:
  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<RuleSet>> sets_;
  std::vector<std::string> keys_;  // reused, so that a check allocates nothing
};

}  // namespace spillway
