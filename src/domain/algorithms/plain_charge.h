#pragma once

#include <cstdint>

#include "rule.h"

namespace spillway {

// One fixed window, charged by three plain commands in a row: PEXPIRETIME, INCRBY and PEXPIRE NX. They are not atomic
// together and each may fail by itself, so what they did is judged from their replies.

// What one of them was answered.
struct PlainReply {
  enum class Kind : uint8_t {
    kInteger,
    kError,
    kNoCount,  // an error that says that the key holds no number INCRBY can count on
    kOther,    // anything that these commands do not answer
  };
  int64_t integer = 0;
  Kind kind = Kind::kInteger;

  bool is_integer() const { return kind == Kind::kInteger; }
  bool is_error() const { return kind == Kind::kError || kind == Kind::kNoCount; }
};

struct PlainReplies {
  int64_t server_ms = -1;  // the server's time in front of them; -1: not known
  PlainReply end_before;   // PEXPIRETIME: milliseconds since the epoch, -1 without an expiry, -2 without a key
  PlainReply count;        // INCRBY: the count afterwards
  PlainReply end_created;  // PEXPIRE NX: 1 where the key had no expiry until now
};

// What became of the checks that one command charged in one fixed window.
struct WindowReading {
  int64_t admitted = 0;   // of the checks that were asked
  int64_t used = 0;       // units counted, those of the admitted checks included
  int64_t rest_ms = 0;    // until the window has ended
  int64_t mark = 0;       // see Decision
  bool blocked = false;   // the key is
  bool end_known = true;  // else a denied check has to ask how long to wait
};

struct PlainVerdict {
  enum class Kind : uint8_t {
    kCharged,     // `reading` says what
    kByScript,    // nothing was charged, and the script can read the key
    kRefused,     // the reply `blamed` says why
    kImpossible,  // the reply `blamed` is a number that cannot be
    kNoEnd,       // charged, and the key has no expiry: PEXPIRE NX alone is to be repeated
  };
  Kind kind = Kind::kCharged;
  int blamed = 0;        // 0, 1, 2: in the order of the commands
  bool persist = false;  // the expiry that the key was given is to be taken off: it is not ours
  WindowReading reading;
  int64_t excess = 0;      // units charged beyond the limit, to be taken back from this window
  int64_t end_before = 0;  // of kCharged: PEXPIRETIME's answer; negative where there was none
  bool cut = false;        // the window is longer than the rule's: the script is to cut it
};

// `units` were added for as many checks of cost 1, at most the rule's limit of them.
PlainVerdict JudgePlainCharge(const Rule& rule, int64_t units, const PlainReplies& replies);

}  // namespace spillway
