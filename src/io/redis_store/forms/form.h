#pragma once

#include <cstdint>
#include <string>

#include "algorithms/plain_charge.h"
#include "decision.h"
#include "redis/capabilities.h"
#include "redis_store/command.h"

namespace spillway {

struct Script;

// What a reply brings a command to.
enum class Step : uint8_t {
  kMore,      // further replies are due
  kWindow,    // Reading::window says what became of the checks of one fixed window
  kDecision,  // Reading::decision is the answer to all of them
  kRules,     // PendingCheck::numbers say what became of checks under any rules
  kNumber,    // Reading::number answers a refund, a block or a reset
  kAgain,     // nothing was executed: to be sent again at once, in Command::form
  kRefused,   // nothing was executed: Command::error says why
};

// What else is to be asked, because of a reply: about the same key, and nobody waits for it.
struct FollowUp {
  const Form* form;
  int64_t units;
  int64_t marks[2];
};

struct Reading {
  WindowReading window;
  bool charged = false;  // units were added, whatever became of the checks
  Decision decision;
  int64_t number = 0;
  FollowUp follow_ups[2];
  int follow_up_count = 0;

  void Follow(const Form& form, int64_t units = 1, int64_t first = 0, int64_t second = 0) {
    follow_ups[follow_up_count++] = {&form, units, {first, second}};
  }
};

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
