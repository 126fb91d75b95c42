#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/turn.h"
#include "redis/topology.h"
#include "redis_store/deadlines.h"
#include "redis_store/key_scan.h"
#include "redis_store/partitions.h"
#include "redis_store/turn_table.h"
#include "store.h"

namespace spillway {

// Counters on a Redis server, or in a Redis Cluster. Checks of one loop turn leave in one write (to each server); equal
// ones (key, rule, cost) as one command with their sum. Every ticket is settled once: by its reply, its deadline, the loss
// of its connection, or Close.
//
//   redis_store.cpp     what callers ask
//   redis_flow.cpp      how requests flow: asked, queued in a node, written, overdue
//   redis_replies.cpp   what replies mean
//   redis_plain.cpp     those of plain commands
//   redis_refusals.cpp  what error replies and losses mean: repeat, redirect, give up
//   redis_parts.cpp     calls whose keys lie in several slots of a cluster
class RedisStore : public Store, private TurnEvents {
 public:
  // `scope`, `clock` and `results` outlive the store; `deliver` is called at the end of a loop turn that had results and
  // may destroy the store.
  RedisStore(const ClientConfig& config, const Client::Dial& dial, HandleScope* scope, const Clock* clock,
             Results* results, std::function<void()> deliver);
  RedisStore(const ClientConfig& config, const ClusterNodes& nodes, HandleScope* scope, const Clock* clock,
             Results* results, std::function<void()> deliver);
  ~RedisStore() override;

  bool Ask(Op op, const RuleSet& rules, const std::string* keys, int64_t units, Ticket ticket,
           std::vector<Outcome>* now) override;
  bool Refund(const RuleSet& rules, const std::string* keys, int64_t units, const int64_t* marks, Ticket ticket,
              std::vector<Outcome>* now) override;
  bool Block(const RuleSet& rules, const std::string* keys, int64_t ms, Ticket ticket,
             std::vector<Outcome>* now) override;
  bool Reset(const RuleSet& rules, const std::string* keys, Ticket ticket, std::vector<Outcome>* now) override;
  void List(const ListRequest& request) override;
  bool Holds(const RuleSet& rules) const override;
  bool Healthy(const RuleSet& probe, const std::string& key) override;
  Stats GetStats() const override;
  void Close() override;

 private:
  friend struct Request;

  int64_t OnFlush() override;
  int64_t OnTurnEnd() override;

  bool Full(Ticket ticket, std::vector<Outcome>* now) const;
  // Without keys, the caller fills them in.
  Request* NewRequest(Call call, const RuleSet& rules, const std::string* keys);
  // What is asked after it may not join what was asked before it.
  void SubmitAlone(Request* request, Ticket ticket);
  void Submit(Request* request);
  void AddTicket(Request* request, Ticket ticket);
  void Recycle(Request* request);
  void Probe(Node* node, const RuleSet& rules, std::string key);

  int64_t NextWake() const;
  void QueueAsked(int64_t now_ms);
  // Into the lane of its slot.
  void Route(Request* request);
  void Reroute();
  // Into the lanes of its slots.
  void Dispatch(Request* request);
  // Takes in what the lanes have learned about slots.
  void FollowTopology();
  void Queue(Node* node, Request* request);
  void QueueIn(std::deque<Request*>* queue, Request* request);
  Request* Unqueue(std::deque<Request*>* queue);
  void Send(Node* node, int64_t now_ms);
  void EndOverdue(int64_t now_ms);
  void NoteLate(const Request& request);
  // Nobody waits for it any more.
  void SetAbandoned(Request* request);
  void DropStale();

  void OnReply(Request* request, const Reply& reply);
  void NoteCounted(const Request& request);
  void TakePlain(Request* request, int at, const Reply& reply);
  void EndPlain(Request* request, const std::string& expiry_error);
  void FinishPlain(Request* request);
  void FinishScript(Request* request, const Reply& reply);
  void FinishLayered(Request* request, const Reply& reply);
  void AnswerLayered(Request* request, const std::vector<int64_t>& fields);
  void TakePeek(Request* request, int at, const Reply& reply);
  void FinishPeek(Request* request);
  void FinishOther(Request* request, int64_t number);
  void TakeBack(const Request& charged, int64_t units);
  void RememberDenied(const Request& request, int64_t rest_ms);

  void OnLost(Request* request);
  void Refused(Request* request);
  // Follows MOVED and ASK; false: they lead nowhere.
  bool Redirect(Request* request, Refusal refusal);
  void Again(Request* request, Node* node);
  // Ends a request that brings no answer.
  void Fail(Request* request, Status status);

  // True: its keys lie in several slots of a cluster, and its parts were queued.
  bool Split(Request* request);
  // Makes each key a part of its own.
  void SplitByKey(Request* request);
  void AddParts(Request* whole, const Request& of, const std::vector<Partitions::Part>& division);
  void EndPart(Request* part);
  void Join(Request* whole);
  // Ends a whole without those of its parts that are still out; what they charge is given back.
  void Abandon(Request* whole);
  // Gives back what a part charged beyond so many admitted checks, and frees it.
  void GiveBack(Request* part, int64_t admitted);

  void Settle(Ticket ticket, Status status, const Decision& decision);
  void SettleAll(Request* request, Status status, const Decision& decision = {});

  const Clock* clock_;
  Results* results_;
  const std::function<void()> deliver_;
  const uint64_t seed_;
  Turn turn_;
  Topology topology_;
  KeyScan scan_;

  std::vector<std::unique_ptr<Request>> requests_;  // all of them, in use or free
  std::vector<Request*> free_;
  std::vector<Request*> asked_;    // in this turn
  TurnTable turn_table_;           // finds those that a further check can join
  size_t queued_ = 0;              // in all topology, and the unrouted
  size_t stale_ = 0;               // of them, abandoned
  std::deque<Request*> unrouted_;  // whose slot has no known node
  std::deque<Request*> refused_;   // to be queued again at their time, which is in order
  Deadlines deadlines_;
  DeniedKeys denied_;
  Partitions partitions_;
  std::vector<int64_t> joined_;  // of the whole that is being answered
  int64_t waiting_ = 0;          // tickets
  int64_t timeouts_ = 0;
  int64_t foreign_ = 0;  // tickets
};

}  // namespace spillway
