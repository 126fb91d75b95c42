#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "redis/client.h"
#include "rule.h"
#include "store/deadlines.h"
#include "store/store.h"

namespace spillway {

class RedisStore;

// The wire forms, and the one place that knows their bytes and replies. A newer Redis with a single command for all of a
// fixed window (INCREX of 8.8) would be one more of them.
enum class Call : uint8_t {
  kPlain,     // PEXPIRETIME, INCRBY, PEXPIRE NX: the cheapest exact form of a cost of 1, on Redis >= 7
  kScript,    // fixed_window.lua: one fixed window, any cost, any Redis
  kLayered,   // layered.lua: any rules, all or nothing; fixed_windows.lua: a check of fixed windows
  kPeek,      // GET, PTTL: one fixed window
  kRefund,    // refund.lua
  kBlock,     // SET .. PX of the mark of a block, for each rule
  kReset,     // DEL of all keys
  kTakeBack,  // fixed_window_take_back.lua
  kPersist,   // PERSIST: the key is not ours
  kPing,
};

// One command group on its way: the checks of the same keys, rules and cost that were asked in one loop turn.
struct Request : ReplySink, Expiring {
  explicit Request(RedisStore* owner) : store(owner) {}
  void OnReply(const Reply& reply) override;
  void OnLost() override;
  const Rule& rule() const { return rules->front(); }
  const std::string& key() const { return keys.front(); }

  RedisStore* const store;
  Call call = Call::kPing;
  Op op = Op::kCheck;
  bool send_source = false;  // EVAL instead of EVALSHA
  const RuleSet* rules = nullptr;
  int64_t cost = 1;               // units of one check; kBlock: milliseconds
  std::vector<std::string> keys;  // one for each rule; more than that are left over from earlier use
  uint64_t hash = 0;              // of the first key
  std::vector<int64_t> marks;     // kRefund
  std::vector<int64_t> fields;    // kLayered: what the script said
  std::vector<Ticket> tickets;    // emptied when they are settled, while replies may still be due
  bool abandoned = false;         // nobody waits any more: not to be sent

  // What was sent and what came back.
  int64_t units = 0;      // kPlain: added by INCRBY; kTakeBack: to take back
  int64_t before_ms = 0;  // kPlain, kTakeBack: PEXPIRETIME as it was; negative: no key, or no expiry
  int64_t server_ms = 0;  // kTakeBack: the server's time before the INCRBY
  int replies_seen = 0;
  int64_t used = 0;
  bool fresh = false;       // kPlain: PEXPIRE NX answered 1, the key had no expiry until then
  std::string error;        // of the command that decides
  int64_t retry_at_ms = 0;  // while refused for the moment
};

// Numbers that a layered script says of each rule, behind one for all; see layered_head.lua.
constexpr size_t kLayeredFields = 6;
// Reads them from the script's reply, whichever of the two it was; false: they are not there.
bool ReadLayered(const Request& request, const Reply& reply, std::vector<int64_t>* fields);

// Appends the request's commands; answers how many replies they will bring.
int Encode(Request* request, std::string* out);

// TIME, whose reply is read by ParseTime: milliseconds since the epoch, or -1.
void EncodeTime(std::string* out);
int64_t ParseTime(const Reply& reply);

// A whole decimal number, or false.
bool ParseInteger(std::string_view text, int64_t* value);

}  // namespace spillway
