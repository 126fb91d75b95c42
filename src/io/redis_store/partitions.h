#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "rule.h"

namespace spillway {

// The rules of a check by the slots that their keys lie in. What was made is kept: a request points to its rules, and the
// same division comes again and again.
class Partitions {
 public:
  struct Part {
    RuleSet rules;
    std::vector<uint8_t> at;  // their places in the whole
  };

  // `groups` has a number below kMaxRules for each rule; those with the same number become one part, in their order.
  const std::vector<Part>& Of(const RuleSet& rules, const uint8_t* groups);
  // Each rule by itself.
  const std::vector<Part>& Singles(const RuleSet& rules);

 private:
  // The set, and its groups as octal digits.
  std::map<std::pair<const RuleSet*, uint32_t>, std::vector<Part>> known_;
};

}  // namespace spillway
