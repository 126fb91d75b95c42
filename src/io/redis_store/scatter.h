#pragma once

#include <vector>

#include "redis_store/check_pool.h"
#include "redis_store/outbox.h"

namespace spillway {

// Checks whose keys lie in several slots of a cluster: a part for each slot, all sent at once. A check is admitted as often
// as its most reluctant part says; what the others have charged beyond that is given back, bound to its window. So nothing
// is admitted too often, and what is lost on the way back stays charged until its window ends.
class Scatter {
 public:
  // All outlive it. `asked` receives the refunds: checks that are still to be sent.
  Scatter(CheckPool* pool, Outbox* outbox, uint64_t seed, std::vector<PendingCheck*>* asked)
      : pool_(pool), outbox_(outbox), seed_(seed), asked_(asked) {}

  // True: its keys lie in several slots, and its parts were queued.
  bool Split(PendingCheck* check);
  // Makes each key a part of its own; of a check that is itself a part, of its whole.
  void SplitByKey(PendingCheck* check);
  // A part was answered, and its numbers say what. Answers the whole if that was the last: joined() then says what it came
  // to, and its parts are gone.
  PendingCheck* TakeAnswer(PendingCheck* part);
  const std::vector<int64_t>& joined() const { return joined_; }
  // Ends a whole without those of its parts that are still out; what they charge is given back.
  void Abandon(PendingCheck* whole);

 private:
  void AddParts(PendingCheck* whole, const PendingCheck& of,
                const std::vector<std::unique_ptr<RuleSet::Part>>& division);
  void Join(PendingCheck* whole);
  // Gives back what a part charged beyond so many admitted checks, and frees it.
  void GiveBack(PendingCheck* part, int64_t admitted);

  CheckPool* pool_;
  Outbox* outbox_;
  const uint64_t seed_;
  std::vector<PendingCheck*>* asked_;
  std::vector<int64_t> joined_;
};

}  // namespace spillway
