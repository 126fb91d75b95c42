#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "redis/topology.h"
#include "redis_store/check_pool.h"
#include "redis_store/window_table.h"

namespace spillway {

// Commands on their way out: each in the queue of the node that has its slot, written once in a turn, in order. What nobody
// waits for any more is dropped instead.
class Outbox {
 public:
  // All outlive it.
  Outbox(Topology* topology, CheckPool* pool, WindowTable* windows)
      : topology_(topology), pool_(pool), windows_(windows) {}

  // Into the queue of the node of its key; where nobody knows that node yet, among the unrouted.
  void Route(Command* command);
  void Queue(Node* node, Command* command);
  // Refused for the moment: back at `at_ms`, through TakeDelayed.
  void Delay(Command* command, int64_t at_ms);
  Command* TakeDelayed(int64_t now_ms);
  // INT64_MAX: none is delayed.
  int64_t NextDelayed() const { return delayed_.empty() ? INT64_MAX : delayed_.front()->retry_at_ms; }
  // After slots have moved: all that wait, but for those that an ASK has sent where they are.
  std::vector<Command*> TakeMisplaced();

  // Writes what waits for a node, as far as it reads.
  void Send(Node* node, int64_t now_ms);

  // Nobody waits for it any more.
  void Abandon(PendingCheck* check);
  // Frees the abandoned, once they are many.
  void DropAbandoned();
  // Commands that wait and that somebody waits for.
  size_t size() const { return queued_ - abandoned_; }

  // Redis commands written so far, and in how many goes.
  int64_t commands() const { return commands_; }
  int64_t round_trips() const { return round_trips_; }

 private:
  void Push(std::deque<ReplySink*>* queue, Command* command);
  Command* Pop(std::deque<ReplySink*>* queue);
  void Write(Node* node, Command* command, int64_t now_ms, bool* timed);
  void Flush(Client* client);

  Topology* topology_;
  CheckPool* pool_;
  WindowTable* windows_;
  int64_t commands_ = 0;
  int64_t round_trips_ = 0;
  size_t queued_ = 0;                // in all nodes, and the unrouted
  size_t abandoned_ = 0;             // of them
  std::deque<ReplySink*> unrouted_;  // whose slot has no known node
  std::deque<Command*> delayed_;     // in the order of their times
};

}  // namespace spillway
