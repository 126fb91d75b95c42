#include "rule_set.h"

#include <map>
#include <utility>

namespace spillway {

// The same division comes again and again, so each is made once: by its groups, as octal digits.
class Partitions {
 public:
  std::map<uint32_t, std::vector<std::unique_ptr<RuleSet::Part>>> known;
};

RuleSet::RuleSet(std::vector<Rule> rules) : rules_(std::move(rules)) {}

RuleSet::~RuleSet() = default;

const std::vector<std::unique_ptr<RuleSet::Part>>& RuleSet::PartsBy(const uint8_t* groups) const {
  if (partitions_ == nullptr) partitions_ = std::make_unique<Partitions>();
  uint32_t digits = 0;
  for (size_t i = 0; i < rules_.size(); ++i) digits = digits * uint32_t{kMaxRules} + groups[i];
  std::vector<std::unique_ptr<Part>>& parts = partitions_->known[digits];
  if (!parts.empty()) return parts;
  std::vector<Rule> rules[kMaxRules];
  std::vector<uint8_t> places[kMaxRules];
  std::vector<uint8_t> order;
  for (size_t i = 0; i < rules_.size(); ++i) {
    const uint8_t group = groups[i];
    if (rules[group].empty()) order.push_back(group);
    rules[group].push_back(rules_[i]);
    places[group].push_back(static_cast<uint8_t>(i));
  }
  for (const uint8_t group : order) {
    parts.push_back(std::make_unique<Part>(Part{RuleSet(std::move(rules[group])), std::move(places[group])}));
    parts.back()->rules.whole_ = this;
  }
  return parts;
}

const std::vector<std::unique_ptr<RuleSet::Part>>& RuleSet::Singles() const {
  uint8_t groups[kMaxRules] = {};
  for (size_t i = 0; i < rules_.size(); ++i) groups[i] = static_cast<uint8_t>(i);
  return PartsBy(groups);
}

}  // namespace spillway
