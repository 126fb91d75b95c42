#include "limiter.h"

#include "key.h"

namespace spillway {

int32_t Limiter::AddRules(RuleSet rules, std::string* error) {
  error->clear();
  if (rules.empty() || rules.size() > kMaxRules) *error = "a check has 1 to 8 rules";
  for (size_t i = 0; error->empty() && i < rules.size(); ++i) {
    *error = Validate(rules[i]);
    for (size_t j = 0; j < i; ++j) {
      // They would count each other's units.
      if (rules[i].id == rules[j].id && rules[i].prefix == rules[j].prefix)
        *error = "two rules of one check share their id";
    }
  }
  if (!error->empty()) return -1;
  sets_.push_back(std::make_unique<RuleSet>(std::move(rules)));
  return static_cast<int32_t>(sets_.size() - 1);
}

const std::string* Limiter::KeysOf(uint32_t set, const Subjects& subjects) {
  const RuleSet& rules = *sets_[set];
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    std::string& key = keys_[i];
    if (rule.id.empty()) {
      key.assign(rule.prefix);
      AppendEncoded(subjects.Of(i), &key);
    } else {
      key.assign("{").append(rule.prefix);
      AppendEncoded(subjects.Of(i), &key);
      key.append("}:").append(rule.id);
    }
  }
  return keys_.data();
}

}  // namespace spillway
