#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "breaker.h"
#include "check.h"
#include "completion.h"

namespace spillway {

// One page of a listing. An empty cursor: there is no further page.
struct Page {
  struct Entry {
    std::string key;
    int64_t count = 0;
    int64_t reset_in_ms = 0;
  };
  Ticket ticket = 0;
  Status status = Status::kAnswered;
  std::string cursor;
  std::vector<Entry> entries;
};

struct ListRequest {
  std::string prefix;
  std::string cursor;  // empty: the first page
  std::string match;   // glob over the id, behind the prefix
  int64_t page_size = 0;
  Ticket ticket = 0;
  std::string part;  // of the rule whose keys are listed; empty: those that are `<prefix><subject>`
  // The keys alone, whose counts another algorithm keeps: entries have no count and no end. Else those of fixed windows.
  bool names_only = false;
};

// A command that is no check, about one key; answered by a page whose entries are the texts of its reply.
struct AsideRequest {
  std::vector<std::string> arguments;
  std::string source;  // where it is EVALSHA: what a server is sent that does not know the script
  std::string key;     // which says whose node is asked
  int64_t timeout_ms = 0;
  Ticket ticket = 0;
  bool keeps_process = false;  // until it is answered
};

// Where a breaker stands. Of a store with several servers: that of the one that fares worst.
struct BreakerStats {
  Breaker::State state = Breaker::State::kClosed;
  int64_t failures = 0;            // in a row
  int64_t next_attempt_in_ms = 0;  // until it is tried again, by a dial or by a check; closed: 0
  std::string address;             // of the server; empty where it is closed
};

struct Stats {
  int64_t keys = 0;     // held in process
  int64_t pending = 0;  // tickets waiting
  bool connected = false;
  int64_t connected_for_ms = -1;
  int64_t reconnects = 0;  // connections lost and dials failed
  int64_t timeouts = 0;
  int64_t commands = 0;     // written for calls, each of which has a reply
  int64_t round_trips = 0;  // in so many goes
  std::string last_error;   // without secrets
  std::string trouble;      // why checks are not counted at the moment, the address in front; empty where they are
  int64_t foreign = 0;      // calls that met a key that holds what is not ours
  std::string server_version;
  BreakerStats breaker;
};

// What happened to a connection, or was learned about a server; the numbers are StoreEvent of lib/telemetry/store-state.ts.
struct Event {
  enum class Kind : uint8_t { kDialing, kReady, kLost, kRefused, kCounting, kEvicts, kClustered, kBreaker };
  Kind kind;
  std::string address;
  std::string reason;  // without secrets, user names and keys
};

// What waits to be handed to the caller; a store adds, the caller takes at the end of the loop turn.
struct Results {
  Completions completions;
  std::vector<Page> pages;
  std::vector<Event> events;
  bool empty() const { return completions.empty() && pages.empty() && events.empty(); }
};

// Where counters live. One thread: that of the loop it was made on. Nothing throws.
class Store {
 public:
  virtual ~Store() = default;

  // Answers at once (true: its completion is appended to *immediate) or later, through Results, within the deadline. No two
  // rules of a set share a key.
  virtual bool Submit(const Check& check, Completions* immediate) = 0;
  virtual void List(const ListRequest& request) = 0;
  // A store without a server refuses it.
  virtual void Ask(const AsideRequest& request) = 0;

  // See NativeHandle.healthy in lib/stores/native/native.ts; `probe` is a set of one rule, and `subject` that of health's own key.
  virtual bool Healthy(const RuleSet& probe, std::string_view subject) = 0;
  virtual Stats GetStats() const = 0;
  // Ends every ticket with kClosed; no call follows.
  virtual void Close() = 0;
};

}  // namespace spillway
