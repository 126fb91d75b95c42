#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "redis/client.h"
#include "redis_store/deadlines.h"
#include "rule.h"
#include "store.h"

namespace spillway {

struct Node;
class RedisStore;

// The wire forms, and the one place that knows their bytes and replies. A newer Redis with a single command for all of a
// fixed window (INCREX of 8.8) would be one more of them.
enum class Call : uint8_t {
  kPlain,     // PEXPIRETIME, INCR or INCRBY, PEXPIRE NX: the cheapest exact form of a cost of 1, on Redis >= 7
  kExpire,    // PEXPIRE NX: the rest of a plain form whose INCR was answered and whose PEXPIRE was redirected
  kScript,    // fixed_window.lua: one fixed window, any cost, any Redis
  kLayered,   // layered.lua: any rules, all or nothing; fixed_windows.lua: a check of fixed windows
  kPeek,      // GET, PTTL: one fixed window
  kRefund,    // refund.lua
  kBlock,     // SET .. PX of the mark of a block, for each rule
  kReset,     // DEL of all keys
  kTakeBack,  // fixed_window_take_back.lua
  kPersist,   // PERSIST: the key is not ours
};

// One command group on its way: the checks of the same keys, rules and cost that were asked in one loop turn.
struct Request : ReplySink, Expiring {
  explicit Request(RedisStore* owner) : store(owner) {}
  void OnReply(const Reply& reply) override;
  void OnLost() override;
  const Rule& rule() const { return rules->front(); }
  const std::string& key() const { return keys.front(); }
  // Equal checks that ask at once. A probe that nobody waits for is one of them.
  int64_t waiters() const {
    const auto asking_now = static_cast<int64_t>(whole == nullptr ? tickets.size() : whole->tickets.size());
    return asking_now == 0 && rule().probe ? 1 : asking_now;
  }
  // It needs of the server what every check does: to count.
  bool charges() const {
    return call == Call::kPlain || call == Call::kExpire || call == Call::kScript ||
           (call == Call::kLayered && op != Op::kPeek);
  }

  RedisStore* const store;
  Node* node = nullptr;  // where it was queued last
  Call call = Call::kScript;
  Op op = Op::kCheck;
  bool send_source = false;  // EVAL instead of EVALSHA
  bool no_plain = false;     // its key holds what INCR cannot count on
  const RuleSet* rules = nullptr;
  int64_t cost = 1;               // units of one check; kBlock: milliseconds
  std::vector<std::string> keys;  // one for each rule; more than that are left over from earlier use
  uint64_t hash = 0;              // of the first key
  std::vector<int64_t> marks;     // kRefund
  std::vector<Ticket> tickets;    // emptied when they are settled, while replies may still be due
  bool abandoned = false;         // nobody waits any more: not to be sent
  bool queued = false;            // in a lane's queue, or in that of the unrouted

  // On a cluster. A call whose keys lie in several slots is a whole with a part for each; only the parts are sent.
  uint8_t hops = 0;     // redirections followed
  bool asking = false;  // ASKING goes in front of each command: once, where an ASK sent it
  bool is_part = false;
  bool answered = false;        // a part that waits for the others
  Request* whole = nullptr;     // of a part; null once that has ended without it
  std::vector<uint8_t> at;      // of a part: which of the whole's rules it has
  std::vector<Request*> parts;  // of a whole
  std::vector<int64_t> fields;  // kLayered: what the script said; a part of kBlock, kReset or kRefund: its number

  // What was sent and what came back.
  int64_t asked = 0;      // checks that were waiting when it was sent; a look: none
  int64_t units = 0;      // kPlain: added; kTakeBack: to take back
  int64_t before_ms = 0;  // kPlain, kTakeBack: PEXPIRETIME as it was; negative: no key, or no expiry
  int64_t server_ms = 0;  // kPlain, kTakeBack: the server's time before the INCR
  int replies_seen = 0;
  int64_t used = 0;
  bool fresh = false;       // kPlain: PEXPIRE NX answered 1, the key had no expiry until then
  bool refused = false;     // kPlain: INCR answered an error, so nothing was added
  std::string error;        // of the command that decides
  int64_t retry_at_ms = 0;  // while refused for the moment
};

// A kLayered check of fixed windows that all deny, which is most of them: it has a shorter script and reply.
bool AsksWindows(const Request& request);

// How many commands a request's form has.
int RepliesOf(const Request& request);
// Appends the request's commands; answers how many replies they will bring, those of ASKING included.
int Encode(Request* request, std::string* out);

// TIME, whose reply is read by ParseTime: milliseconds since the epoch, or -1.
void EncodeTime(std::string* out);
int64_t ParseTime(const Reply& reply);

// A whole decimal number, or false.
bool ParseInteger(std::string_view text, int64_t* value);
// What a counter holds, as INCR would read it; kBlocked for a block, wherever it was moved. False: some other text, which the
// scripts read (count.lua).
bool ParseCount(std::string_view text, int64_t* count);

}  // namespace spillway
