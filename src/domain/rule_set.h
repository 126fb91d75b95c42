#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "rule.h"

namespace spillway {

class Partitions;

// The rules of one check, decided all or nothing: 1 to kMaxRules. The first one's timeout counts. Never changed, because
// calls on their way point to it; it says whether there are any.
class RuleSet {
 public:
  RuleSet(std::vector<Rule> rules);
  RuleSet(std::initializer_list<Rule> rules) : RuleSet(std::vector<Rule>(rules)) {}
  // The rules alone: nobody holds the copy.
  RuleSet(const RuleSet& other) : RuleSet(other.rules_) {}
  RuleSet& operator=(const RuleSet&) = delete;
  ~RuleSet();

  size_t size() const { return rules_.size(); }
  const Rule& operator[](size_t at) const { return rules_[at]; }
  const Rule& front() const { return rules_.front(); }
  std::vector<Rule>::const_iterator begin() const { return rules_.begin(); }
  std::vector<Rule>::const_iterator end() const { return rules_.end(); }

  // A call on its way holds its set, and with a part the whole.
  void Hold() const {
    ++holders_;
    if (whole_ != nullptr) whole_->Hold();
  }
  void LetGo() const {
    --holders_;
    if (whole_ != nullptr) whole_->LetGo();
  }
  bool held() const { return holders_ > 0; }

  // Some of the rules, and their places in the whole.
  struct Part;
  // Parts by groups: a number below kMaxRules for each rule; those with the same number become one part, in their order. They
  // live as long as the set.
  const std::vector<std::unique_ptr<Part>>& PartsBy(const uint8_t* groups) const;
  // Each rule by itself.
  const std::vector<std::unique_ptr<Part>>& Singles() const;

 private:
  std::vector<Rule> rules_;
  const RuleSet* whole_ = nullptr;  // of a part
  mutable int64_t holders_ = 0;
  mutable std::unique_ptr<Partitions> partitions_;  // made when it is first divided
};

struct RuleSet::Part {
  RuleSet rules;
  std::vector<uint8_t> at;
};

}  // namespace spillway
