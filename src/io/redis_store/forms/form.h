#pragma once

#include <cstdint>
#include <string>

#include "redis/capabilities.h"
#include "redis_store/command.h"

namespace spillway {

struct Script;

// A wire form: how a check is written for a server, and what the replies mean. Each is a file, and nothing else knows the
// places of its replies.
struct Form {
  // Whether a server can take it.
  bool (*available)(const Capabilities& capabilities);
  // How many replies its commands bring, those to ASKING aside.
  int (*replies)(const Command& command);
  // Appends them; `asked` is set, and the reply state clean.
  void (*encode)(Command* command, std::string* out);
  // Takes the reply at a place, from 0.
  Step (*take)(Command* command, int at, const Reply& reply, Reading* reading);
  bool needs_time;  // TIME goes in front of the first such form of a flush
  bool charges;     // it needs of the server what every check does: to count
  // Sent to another server, or later, it is chosen anew; else it stays.
  bool chosen_anew;
  // It gives units back, once for each check: such a script is brought to each connection by its first user.
  const Script* gives_back;
};

extern const Form kPlainForm;  // PEXPIRETIME, INCRBY, PEXPIRE NX: one fixed window at a cost of 1
extern const Form
    kExpireForm;  // PEXPIRE NX: the rest of a plain form whose INCRBY was answered and whose PEXPIRE was not
extern const Form kPersistForm;  // PERSIST: the key is not ours
extern const Form kIncrexForm;   // INCREX, PEXPIRETIME: the same as plain, exact by itself
extern const Form kScriptForm;   // fixed_window.lua: one fixed window, any cost, any Redis
extern const Form
    kCompositeForm;             // composite.lua: any rules, all or nothing; fixed_windows.lua: a check of fixed windows
extern const Form kPeekForm;    // GET, PTTL: one fixed window
extern const Form kRefundForm;  // refund.lua
extern const Form kBlockForm;   // SET .. PX of the mark of a block, for each rule
extern const Form kResetForm;   // DEL of all keys
extern const Form kTakeBackForm;  // fixed_window_take_back.lua

// The form in which a check begins; null: that is chosen when it is sent.
const Form* FormFor(Op op, const RuleSet& rules, int64_t units);
// The cheapest form that is exact, for a check of one fixed window. `denied`: the key was denied in the window that runs.
const Form& ChooseForm(const Command& command, const Capabilities& capabilities, bool denied);

inline bool AnyServer(const Capabilities& /*capabilities*/) { return true; }
inline int OneReply(const Command& /*command*/) { return 1; }

}  // namespace spillway
