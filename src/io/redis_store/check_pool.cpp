#include "redis_store/check_pool.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr int64_t kLookMs = 1000;
constexpr size_t kKept = 1024;

}  // namespace

PendingCheck* CheckPool::New(Op op, const RuleSet& rules, int64_t units) {
  if (free_.empty()) {
    all_.push_back(std::make_unique<PendingCheck>(events_));
    free_.push_back(all_.back().get());
  }
  PendingCheck* check = free_.back();
  free_.pop_back();
  most_used_ = std::max(most_used_, all_.size() - free_.size());
  rules.Hold();
  check->op = op;
  check->rules = &rules;
  check->units = units;
  // Never made smaller: the strings keep their memory.
  if (check->keys.size() < rules.size()) check->keys.resize(rules.size());
  check->abandoned = false;
  check->whole = nullptr;
  check->is_part = false;
  check->answered = false;
  Command& command = check->command;
  command.form = nullptr;
  command.node = nullptr;
  command.send_source = false;
  command.asking = false;
  command.by_script = false;
  command.hops = 0;
  return check;
}

void CheckPool::Recycle(PendingCheck* check) {
  Deadlines::Remove(check);
  check->tickets.clear();
  check->rules->LetGo();
  check->rules = nullptr;
  free_.push_back(check);
}

void CheckPool::Shrink(int64_t now_ms) {
  if (now_ms - looked_ms_ < kLookMs) return;
  looked_ms_ = now_ms;
  const size_t used = all_.size() - free_.size();
  const size_t keep = std::max(kKept, 2 * most_used_);
  most_used_ = used;
  if (all_.size() <= 2 * keep) return;
  size_t surplus = std::min(free_.size(), all_.size() - keep);
  all_.erase(std::remove_if(all_.begin(), all_.end(),
                            [&](const std::unique_ptr<PendingCheck>& check) {
                              if (check->rules != nullptr || surplus == 0) return false;
                              --surplus;
                              return true;
                            }),
             all_.end());
  free_.clear();
  for (const auto& check : all_) {
    if (check->rules == nullptr) free_.push_back(check.get());
  }
}

}  // namespace spillway
