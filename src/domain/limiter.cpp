#include "limiter.h"

#include <algorithm>
#include <utility>

namespace spillway {

std::string Limiter::Problem(const std::vector<Rule>& rules) {
  if (rules.empty() || rules.size() > kMaxRules) return "a check has 1 to 8 rules";
  for (size_t i = 0; i < rules.size(); ++i) {
    std::string problem = Validate(rules[i]);
    if (!problem.empty()) return problem;
    for (size_t j = 0; j < i; ++j) {
      // They would count each other's units.
      if (rules[i].part == rules[j].part && rules[i].prefix == rules[j].prefix)
        return "two rules of one check share their id";
    }
  }
  return "";
}

int32_t Limiter::AddRules(std::vector<Rule> rules, std::string* error) {
  *error = Problem(rules);
  if (!error->empty()) return -1;
  auto made = std::make_unique<RuleSet>(std::move(rules));
  if (vacant_.empty()) {
    sets_.push_back(std::move(made));
    return static_cast<int32_t>(sets_.size() - 1);
  }
  const uint32_t set = vacant_.back();
  vacant_.pop_back();
  sets_[set] = std::move(made);
  return static_cast<int32_t>(set);
}

void Limiter::ReleaseRules(uint32_t set) {
  if (!HasRules(set)) return;
  released_.push_back(std::move(sets_[set]));
  vacant_.push_back(set);
  released_.erase(std::remove_if(released_.begin(), released_.end(), [](const auto& rules) { return !rules->held(); }),
                  released_.end());
}

}  // namespace spillway
