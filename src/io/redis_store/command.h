#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "breaker.h"
#include "check.h"
#include "redis/client.h"
#include "redis_store/deadlines.h"
#include "redis_store/reading.h"

namespace spillway {

struct Form;
class Node;
struct PendingCheck;

// Who is told what becomes of commands.
class CommandEvents {
 public:
  virtual ~CommandEvents() = default;
  // A reply has brought it further than to wait for the next one.
  virtual void OnStep(Command* command, Step step) = 0;
  // The connection was lost; the command may have been executed.
  virtual void OnLost(Command* command) = 0;

  Reading reading;  // of the reply that is being read
};

// What is sent for a check: some Redis commands in one of the wire forms, and what has come back so far. It is sent again
// only where a refusal shows that nothing was executed.
struct Command : ReplySink {
  Command(PendingCheck* for_check, CommandEvents* to) : check(for_check), events(to) {}
  void OnReply(const Reply& reply) override;
  void OnLost() override { events->OnLost(this); }

  PendingCheck* const check;
  CommandEvents* const events;
  const Form* form = nullptr;  // null: chosen when it is sent, by what the server can do
  Node* node = nullptr;        // where it was queued last
  bool queued = false;         // there, or among those whose slot has no node
  bool send_source = false;    // EVAL instead of EVALSHA
  bool asking = false;         // ASKING goes in front of each of its commands: once, where an ASK sent it
  bool by_script = false;      // its key holds what plain commands cannot count on
  uint8_t hops = 0;            // redirections followed
  uint8_t replies_seen = 0;
  int64_t asked = 0;  // checks that were waiting when it was sent; a look: none
  int64_t units = 0;  // added, by the forms of one fixed window
  PlainReplies plain;
  std::string error;                                         // of the reply that decides
  std::unique_ptr<std::array<std::string, 2>> plain_errors;  // of INCRBY and of PEXPIRE NX, once there was one
  int64_t retry_at_ms = 0;                                   // while refused for the moment
};

// One check on its way: what is asked, by whom, and until when. Checks that ask the same in one turn of the loop are one, and
// so have several tickets; what keeps counts right, such as a take-back, has none.
struct PendingCheck : Expiring {
  explicit PendingCheck(CommandEvents* events) : command(this, events) {}
  const Rule& rule() const { return rules->front(); }
  const std::string& key() const { return keys.front(); }
  // Equal checks that ask at once. A probe that nobody waits for is one of them.
  int64_t waiters() const {
    const auto asking = static_cast<int64_t>(whole == nullptr ? tickets.size() : whole->tickets.size());
    return asking == 0 && rule().probe ? 1 : asking;
  }

  // In this order, because with a thousand of them on their way it counts how many cache lines a usual check touches.
  Op op = Op::kCheck;
  bool abandoned = false;  // nobody waits any more: not to be sent
  bool is_part = false;
  bool answered = false;                               // a part that waits for the others
  Breaker::Generation generation = Breaker::kRefused;  // of the node where it was queued last
  const RuleSet* rules = nullptr;                      // held
  int64_t units = 1;                                   // of one check; kBlock: milliseconds
  uint64_t hash = 0;                                   // of the first key
  std::vector<std::string> keys;  // one for each rule; more than that are left over from earlier use
  std::vector<Ticket> tickets;    // emptied when they are settled, while replies may still be due
  // On a cluster. A check whose keys lie in several slots is a whole with a part for each; only the parts have commands.
  PendingCheck* whole = nullptr;  // of a part; null once that has ended without it
  Command command;
  std::vector<PendingCheck*> parts;  // of a whole; empty when that ends
  std::vector<uint8_t> at;           // of a part: which of the whole's rules it has
  int64_t asked_us = 0;              // when it was sent off
  std::vector<int64_t> marks;        // kRefund; a take-back: the end of its window and the time of its charge
  // What its reply came to: of several rules see composite.lua; of a refund, block or reset its number.
  std::vector<int64_t> numbers;
};

}  // namespace spillway
