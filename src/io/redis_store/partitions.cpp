#include "redis_store/partitions.h"

namespace spillway {

const std::vector<Partitions::Part>& Partitions::Of(const RuleSet& rules, const uint8_t* groups) {
  uint32_t digits = 0;
  for (size_t i = 0; i < rules.size(); ++i) digits = digits * uint32_t{kMaxRules} + groups[i];
  std::vector<Part>& parts = known_[{&rules, digits}];
  if (!parts.empty()) return parts;
  uint8_t place_of[kMaxRules] = {};
  bool seen[kMaxRules] = {};
  for (size_t i = 0; i < rules.size(); ++i) {
    const uint8_t group = groups[i];
    if (!seen[group]) {
      seen[group] = true;
      place_of[group] = static_cast<uint8_t>(parts.size());
      parts.emplace_back();
    }
    Part& part = parts[place_of[group]];
    part.rules.push_back(rules[i]);
    part.at.push_back(static_cast<uint8_t>(i));
  }
  return parts;
}

const std::vector<Partitions::Part>& Partitions::Singles(const RuleSet& rules) {
  uint8_t groups[kMaxRules] = {};
  for (size_t i = 0; i < rules.size(); ++i) groups[i] = static_cast<uint8_t>(i);
  return Of(rules, groups);
}

}  // namespace spillway
