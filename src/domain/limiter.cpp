#include "limiter.h"

#include "key.h"

namespace spillway {

std::string Limiter::Problem(const RuleSet& rules) {
  if (rules.empty() || rules.size() > kMaxRules) return "a check has 1 to 8 rules";
  for (size_t i = 0; i < rules.size(); ++i) {
    std::string problem = Validate(rules[i]);
    if (!problem.empty()) return problem;
    for (size_t j = 0; j < i; ++j) {
      // They would count each other's units.
      if (rules[i].id == rules[j].id && rules[i].prefix == rules[j].prefix)
        return "two rules of one check share their id";
    }
  }
  return "";
}

int32_t Limiter::AddRules(RuleSet rules, std::string* error) {
  *error = Problem(rules);
  if (!error->empty()) return -1;
  sets_.push_back(std::make_unique<RuleSet>(std::move(rules)));
  return static_cast<int32_t>(sets_.size() - 1);
}

bool Limiter::ReplaceRules(uint32_t set, RuleSet rules, std::string* error) {
  *error = Problem(rules);
  // The parts that a cluster makes of several rules are remembered by their set.
  if (error->empty() && (rules.size() != 1 || sets_[set]->size() != 1)) *error = "only one rule can be replaced";
  if (!error->empty() || store_->Holds(*sets_[set])) return false;
  *sets_[set] = std::move(rules);
  return true;
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
