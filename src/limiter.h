#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rule.h"
#include "store/store.h"

namespace spillway {

// START HERE. One check, end to end:
//   binding/check.cpp   takes rule number, id, cost and slot from JavaScript
//   Limiter::Check      turns the id into a key and hands it to the store
//   MemoryStore         answers at once from the key table, or
//   RedisStore          merges the checks of one key in one loop turn, writes one pipelined flush per turn, and turns the
//                       replies into decisions (redis_calls); Client keeps the connection, Turn is the loop
//   binding             hands all outcomes of a turn to JavaScript in one packed call
class Limiter {
 public:
  explicit Limiter(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  // Answers the rule's number, or -1 with *error set.
  int32_t AddRule(Rule rule, std::string* error) {
    *error = Validate(rule);
    if (!error->empty()) return -1;
    rules_.push_back(std::make_unique<Rule>(std::move(rule)));
    return static_cast<int32_t>(rules_.size() - 1);
  }
  bool HasRule(uint32_t rule) const { return rule < rules_.size(); }

  // `id` is valid UTF-8 of 1 to kMaxIdBytes bytes; `rule` exists. The rest as in Store.
  bool Check(uint32_t rule, std::string_view id, int64_t cost, Ticket ticket, Outcome* now) {
    return store_->Check(*rules_[rule], KeyOf(rule, id), cost, ticket, now);
  }
  bool Peek(uint32_t rule, std::string_view id, Ticket ticket, Outcome* now) {
    return store_->Peek(*rules_[rule], KeyOf(rule, id), ticket, now);
  }
  bool Reset(uint32_t rule, std::string_view id, Ticket ticket, Outcome* now) {
    return store_->Reset(*rules_[rule], KeyOf(rule, id), ticket, now);
  }

  Store* store() { return store_.get(); }

 private:
  std::string_view KeyOf(uint32_t rule, std::string_view id);

  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<Rule>> rules_;
  std::string key_;  // reused, so that a check allocates nothing
};

}  // namespace spillway
