#include "limiter.h"

#include "key.h"

namespace spillway {

int32_t Limiter::AddRules(RuleSet rules, std::string* error) {
  *error = rules.empty() || rules.size() > kMaxRules ? "a check has one to eight rules" : "";
  for (const Rule& rule : rules) {
    if (error->empty()) *error = Validate(rule);
  }
  if (!error->empty()) return -1;
  if (keys_.size() < rules.size()) keys_.resize(rules.size());
  sets_.push_back(std::make_unique<RuleSet>(std::move(rules)));
  return static_cast<int32_t>(sets_.size() - 1);
}

void Limiter::SetSubject(uint32_t set, std::string_view id) {
  for (size_t rule = 0; rule < sets_[set]->size(); ++rule) SetSubject(set, rule, id);
}

// With an id, the subject stands in braces: a Cluster keeps all keys of a subject in one slot, that of the plain key.
void Limiter::SetSubject(uint32_t set, size_t rule, std::string_view id) {
  const Rule& at = (*sets_[set])[rule];
  std::string& key = keys_[rule];
  key.clear();
  if (!at.id.empty()) key.push_back('{');
  key.append(at.prefix);
  AppendEncoded(id, &key);
  if (at.id.empty()) return;
  key.append("}:");
  key.append(at.id);
}

}  // namespace spillway
