#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "redis_store/command.h"

namespace spillway {

// All checks on their way, and their memory, which is used again.
class CheckPool {
 public:
  explicit CheckPool(CommandEvents* events) : events_(events) {}

  // Its keys are still to be written.
  PendingCheck* New(Op op, const RuleSet& rules, int64_t units);
  // It has no tickets left, is in no queue, and no reply to it is due.
  void Recycle(PendingCheck* check);
  // What an outage has piled up is freed once it is over: down to twice what was in use since the last look, which is once
  // a second.
  void Shrink(int64_t now_ms);
  // Everything, those that nobody uses included.
  const std::vector<std::unique_ptr<PendingCheck>>& all() const { return all_; }

 private:
  CommandEvents* const events_;
  std::vector<std::unique_ptr<PendingCheck>> all_;
  std::vector<PendingCheck*> free_;
  size_t most_used_ = 0;  // since the last look
  int64_t looked_ms_ = 0;
};

}  // namespace spillway
