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

// What one rule says of one call. A call that was answered brings one for each rule of its set, in their order, directly
// behind each other; any other brings one.
struct Outcome {
  Ticket ticket = 0;
  Status status = Status::kAnswered;
  Decision decision;   // meaningful when answered
  uint8_t behind = 0;  // how many more of this call follow
};

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
  std::string id;  // of the rule whose keys are listed; empty: those that are `<prefix><subject>`
};

struct Stats {
  int64_t keys = 0;     // held in process
  int64_t pending = 0;  // tickets waiting
  bool connected = false;
  int64_t connected_for_ms = -1;
  int64_t reconnects = 0;  // connections lost and dials failed
  int64_t timeouts = 0;
  std::string last_error;  // without secrets
  std::string trouble;     // why checks are not counted at the moment, the address in front; empty where they are
  int64_t foreign = 0;     // calls that met a key that holds what is not ours
  std::string server_version;
};

// What happened to a connection, or was learned about a server; the numbers are NativeEvent of lib/native.ts.
struct Event {
  enum class Kind : uint8_t { kDialing, kReady, kLost, kRefused, kCounting, kEvicts, kClustered };
  Kind kind;
  std::string address;
  std::string reason;  // without secrets, user names and keys
};

// What waits to be handed to the caller; a store adds, the caller takes at the end of the loop turn.
struct Results {
  std::vector<Outcome> outcomes;
  std::vector<Page> pages;
  std::vector<Event> events;
  bool empty() const { return outcomes.empty() && pages.empty() && events.empty(); }
};

// What is asked of the rules of a set, all or nothing.
enum class Op : uint8_t {
  kCheck,     // charge `units` where they fit, or nothing
  kPeek,      // what a check of `units` would say
  kPenalize,  // charge `units` also where they do not fit
};

// Where counters live. One thread: that of the loop it was made on. Nothing throws.
//
// A call either answers at once (true: its outcomes are appended to *now) or later, through Results, within the deadline.
// `keys` holds one key for each rule of the set, no two alike; the set outlives the store.
class Store {
 public:
  virtual ~Store() = default;

  virtual bool Ask(Op op, const RuleSet& rules, const std::string* keys, int64_t units, Ticket ticket,
                   std::vector<Outcome>* now) = 0;
  // Gives `units` back to the charges that `marks` tell, one for each rule: only into the same window, entries or
  // sub-window; a bucket's not once it could have been full since. `used` of the one outcome is how many rules took it.
  virtual bool Refund(const RuleSet& rules, const std::string* keys, int64_t units, const int64_t* marks, Ticket ticket,
                      std::vector<Outcome>* now) = 0;
  // Denies the keys of all rules for `ms`; afterwards they start afresh.
  virtual bool Block(const RuleSet& rules, const std::string* keys, int64_t ms, Ticket ticket,
                     std::vector<Outcome>* now) = 0;
  // Forgets the keys of all rules; `used` of the one outcome is how many there were.
  virtual bool Reset(const RuleSet& rules, const std::string* keys, Ticket ticket, std::vector<Outcome>* now) = 0;
  virtual void List(const ListRequest& request) = 0;
  // Whether calls under a set of one rule are still on their way, also such as nobody waits for.
  virtual bool Holds(const RuleSet& rules) const = 0;

  // See NativeStore.healthy in lib/native.ts; `probe` is a set of one rule, and `key` health's own.
  virtual bool Healthy(const RuleSet& probe, const std::string& key) = 0;
  virtual Stats GetStats() const = 0;
  // Ends every ticket with kClosed; no call follows.
  virtual void Close() = 0;
};

}  // namespace spillway
