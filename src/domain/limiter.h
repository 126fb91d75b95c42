#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rule.h"
#include "store.h"

namespace spillway {

// Whose counters a call is about: one id under all rules of a set, or one id for each of them.
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

// START HERE. One check, end to end:
//   binding/check.cpp   takes rule-set number, id, cost and slot from JavaScript
//   Limiter::Ask        turns the id into one key for each rule and hands them to the store
//   MemoryStore         answers at once from the key table, or
//   RedisStore          merges the checks of one key in one loop turn, writes one pipelined flush per turn, and turns the
//                       replies into decisions (redis_calls); Client keeps the connection, Turn is the loop
//   binding             hands all outcomes of a turn to JavaScript in one packed call
class Limiter {
 public:
  explicit Limiter(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  // Answers the number of the set, or -1 with *error set.
  int32_t AddRules(RuleSet rules, std::string* error);
  // Gives a set of one rule another one, for limits that come and go; false where it has calls on their way, or with
  // *error set.
  bool ReplaceRules(uint32_t set, RuleSet rules, std::string* error);
  bool HasRules(uint32_t set) const { return set < sets_.size(); }
  const RuleSet& RulesOf(uint32_t set) const { return *sets_[set]; }

  // An id is valid UTF-8 of 1 to kMaxIdBytes bytes; the set exists. The rest as in Store.
  bool Ask(Op op, uint32_t set, const Subjects& subjects, int64_t units, Ticket ticket, std::vector<Outcome>* now) {
    return store_->Ask(op, *sets_[set], KeysOf(set, subjects), units, ticket, now);
  }
  bool Refund(uint32_t set, const Subjects& subjects, int64_t units, const int64_t* marks, Ticket ticket,
              std::vector<Outcome>* now) {
    return store_->Refund(*sets_[set], KeysOf(set, subjects), units, marks, ticket, now);
  }
  bool Block(uint32_t set, const Subjects& subjects, int64_t ms, Ticket ticket, std::vector<Outcome>* now) {
    return store_->Block(*sets_[set], KeysOf(set, subjects), ms, ticket, now);
  }
  bool Reset(uint32_t set, const Subjects& subjects, Ticket ticket, std::vector<Outcome>* now) {
    return store_->Reset(*sets_[set], KeysOf(set, subjects), ticket, now);
  }

  // `subject` is that of health's own key.
  bool Healthy(uint32_t set, std::string_view subject) { return store_->Healthy(*sets_[set], *KeysOf(set, subject)); }

  Store* store() { return store_.get(); }

 private:
  static std::string Problem(const RuleSet& rules);
  const std::string* KeysOf(uint32_t set, const Subjects& subjects);

  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<RuleSet>> sets_;
  std::array<std::string, kMaxRules> keys_;  // reused, so that a check allocates nothing
};

}  // namespace spillway
