#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/turn.h"
#include "redis/topology.h"
#include "redis_store/asides.h"
#include "redis_store/check_pool.h"
#include "redis_store/coalescer.h"
#include "redis_store/deadlines.h"
#include "redis_store/forms/form.h"
#include "redis_store/key_scan.h"
#include "redis_store/outbox.h"
#include "redis_store/refusals.h"
#include "redis_store/scatter.h"
#include "redis_store/tickets.h"
#include "redis_store/window_table.h"
#include "store.h"

namespace spillway {

// Counters on a Redis server, or in a Redis Cluster. Checks of one loop turn leave in one write (to each server); equal
// ones (key, rules, units) as one command with their sum. Every ticket is settled once: by its reply, its deadline, the loss
// of its connection, or Close.
//
// It only says what happens in which order; each step has a room of its own:
//   coalescer       equal checks of a turn are one
//   outbox          commands wait for their node, and are written
//   forms/          what is written, and what the replies mean
//   refusals        what an error reply leads to: again, elsewhere, later, or the end
//   scatter         checks whose keys lie in several slots
//   asides          commands that are no checks
//   tickets         what a reading says becomes completions
//
//   redis_store.cpp           what is asked, and the turns of the loop
//   redis_store_replies.cpp   what comes back, or does not
class RedisStore : public Store, private TurnEvents, private CommandEvents {
 public:
  // `scope`, `clock` and `results` outlive the store; `deliver` is called at the end of a loop turn that had results and
  // may destroy the store.
  RedisStore(const ClientConfig& config, const Client::Dial& dial, HandleScope* scope, const Clock* clock,
             Results* results, std::function<void()> deliver);
  RedisStore(const ClientConfig& config, const ClusterNodes& nodes, HandleScope* scope, const Clock* clock,
             Results* results, std::function<void()> deliver);
  ~RedisStore() override;

  bool Submit(const Check& check, Completions* immediate) override;
  void List(const ListRequest& request) override;
  void Ask(const AsideRequest& request) override;
  bool Healthy(const RuleSet& probe, std::string_view subject) override;
  Stats GetStats() const override;
  void Close() override;

 private:
  template <class Servers>
  RedisStore(int, const ClientConfig& config, const Servers& servers, HandleScope* scope, const Clock* clock,
             Results* results, std::function<void()> deliver);

  int64_t OnFlush() override;
  int64_t OnTurnEnd() override;
  void OnStep(Command* command, Step step) override;
  void OnLost(Command* command) override { End(command->check, Status::kDisconnected); }

  bool MayAsk(const PendingCheck& check);
  void Ask(PendingCheck* check);
  void Probe(Node* node, const RuleSet& rules, std::string key);
  void QueueAsked(int64_t now_ms);
  void Dispatch(Command* command);
  void Again(Command* command);
  void FollowTopology();
  int64_t NextWake() const;

  void Follow(const PendingCheck& check, const FollowUp& next);
  void TakeWindow(PendingCheck* check);
  void TakeNumber(PendingCheck* check);
  void Counted(const Command& command);
  void Answered(const Command& command);
  void Refused(Command* command);
  // Of a check that brings no answer.
  void End(PendingCheck* check, Status status);
  void EndOverdue(int64_t now_ms);
  void TellLate(const PendingCheck& check, int64_t asked_ms);

  const Clock* clock_;
  Results* results_;
  const std::function<void()> deliver_;
  const uint64_t seed_;
  Turn turn_;
  Topology topology_;
  KeyScan scan_;
  Asides asides_;
  CheckPool pool_;
  std::vector<PendingCheck*> asked_;  // in this turn
  Coalescer coalescer_;
  WindowTable windows_;
  Deadlines deadlines_;
  Outbox outbox_;
  Scatter scatter_;
  Refusals refusals_;
  Tickets tickets_;
};

}  // namespace spillway
