#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decision.h"
#include "rule.h"

namespace spillway {

// The caller's number for one call; given back with its outcome, exactly once.
using Ticket = uint32_t;

struct Outcome {
  Ticket ticket = 0;
  Ending ending = Ending::kAnswered;
  Decision decision;  // meaningful when answered
};

// One page of a listing. An empty cursor: there is no further page.
struct Page {
  struct Entry {
    std::string key;
    int64_t count = 0;
    int64_t reset_in_ms = 0;
  };
  Ticket ticket = 0;
  Ending ending = Ending::kAnswered;
  std::string cursor;
  std::vector<Entry> entries;
};

struct ListRequest {
  std::string prefix;
  std::string cursor;  // empty: the first page
  std::string match;   // glob over the id, behind the prefix
  int64_t page_size = 0;
  Ticket ticket = 0;
};

struct Stats {
  int64_t keys = 0;     // held in process
  int64_t pending = 0;  // tickets waiting
  bool connected = false;
  int64_t connected_for_ms = -1;
  int64_t reconnects = 0;  // connections lost and dials failed
  int64_t timeouts = 0;
  std::string last_error;  // without secrets
  std::string server_version;
};

// What waits to be handed to the caller; a store adds, the caller takes at the end of the loop turn.
struct Results {
  std::vector<Outcome> outcomes;
  std::vector<Page> pages;
};

// Where counters live. One thread: that of the loop it was made on. Nothing throws.
//
// A call either answers at once (true: *now holds the outcome) or later, through Results, within the rule's deadline.
class Store {
 public:
  virtual ~Store() = default;

  // Charges `cost` (>= 1) to `key`, or nothing. `rule` outlives the store.
  virtual bool Check(const Rule& rule, std::string_view key, int64_t cost, Ticket ticket, Outcome* now) = 0;
  // What Check would say of a cost of 1; charges nothing.
  virtual bool Peek(const Rule& rule, std::string_view key, Ticket ticket, Outcome* now) = 0;
  // Forgets this key; `used` of the decision is 1 when there was one.
  virtual bool Reset(const Rule& rule, std::string_view key, Ticket ticket, Outcome* now) = 0;
  virtual void List(const ListRequest& request) = 0;

  // See NativeStore.healthy in lib/native.ts.
  virtual bool Healthy() = 0;
  virtual Stats GetStats() const = 0;
  // Ends every ticket with kClosed; no call follows.
  virtual void Close() = 0;
};

}  // namespace spillway
