#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/turn.h"
#include "redis/client.h"
#include "store/deadlines.h"
#include "store/redis_calls.h"
#include "store/redis_listing.h"
#include "store/store.h"
#include "store/turn_table.h"

namespace spillway {

// Counters on a Redis server. Checks of one loop turn leave in one write; equal ones (key, rule, cost) as one command
// with their sum. Every ticket is settled once: by its reply, its deadline, the loss of its connection, or Close.
class RedisStore : public Store, private TurnEvents {
 public:
  // `scope`, `clock` and `results` outlive the store; `deliver` is called at the end of a loop turn that had results and
  // may destroy the store.
  RedisStore(const ClientConfig& config, const Client::Dial& dial, HandleScope* scope, const Clock* clock,
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
  bool Healthy() override;
  Stats GetStats() const override;
  void Close() override;

 private:
  friend struct Request;
  // The server's time at the start of the flush whose replies are being read.
  struct FlushTime : ReplySink {
    void OnReply(const Reply& reply) override { server_ms = ParseTime(reply); }
    void OnLost() override {}
    int64_t server_ms = -1;
  };

  int64_t OnFlush() override;
  int64_t OnTurnEnd() override;

  bool Full(Ticket ticket, std::vector<Outcome>* now) const;
  Request* NewRequest(Call call, const RuleSet& rules, const std::string* keys);
  // What is asked after it may not join what was asked before it.
  void SubmitAlone(Request* request, Ticket ticket);
  void Submit(Request* request);
  void AddTicket(Request* request, Ticket ticket);
  int64_t NextWake() const;
  void QueueAsked(int64_t now_ms);
  void Send(int64_t now_ms);

  void OnReply(Request* request, const Reply& reply);
  void OnLost(Request* request);
  void FinishPlain(Request* request);
  void FinishScript(Request* request, const Reply& reply);
  void FinishLayered(Request* request, const Reply& reply);
  void AnswerLayered(Request* request, const std::vector<int64_t>& fields);
  void FinishPeek(Request* request);
  void TakeBack(const Request& charged, int64_t units);
  void Refused(Request* request);
  void Again(Request* request);
  void RememberDenied(const Request& request, int64_t rest_ms);

  void Settle(Ticket ticket, Ending ending, const Decision& decision);
  void SettleAll(Request* request, Ending ending, const Decision& decision = {});
  void Recycle(Request* request);

  const Clock* clock_;
  Results* results_;
  const std::function<void()> deliver_;
  const uint64_t seed_;
  Turn turn_;
  Client client_;
  Listing listing_;

  std::vector<std::unique_ptr<Request>> requests_;  // all of them, in use or free
  std::vector<Request*> free_;
  std::vector<Request*> asked_;   // in this turn
  TurnTable turn_table_;          // finds those that a further check can join
  std::deque<Request*> queue_;    // to be written
  std::deque<Request*> refused_;  // to be queued again at their time, which is in order
  Deadlines deadlines_;
  DeniedKeys denied_;
  FlushTime flush_time_;
  int64_t waiting_ = 0;  // tickets
  int64_t timeouts_ = 0;
  bool pinging_ = false;
  const RuleSet no_rules_;  // of a PING, as is
  const std::string no_key_;
};

}  // namespace spillway
