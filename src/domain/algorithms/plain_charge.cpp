#include "algorithms/plain_charge.h"

#include <algorithm>

#include "algorithms/fixed_window.h"

namespace spillway {
namespace {

using Kind = PlainVerdict::Kind;

// The first reply that stands in the way of a verdict, in the order of the commands; -1: none does. That PEXPIRETIME may not
// be asked does not: who may not ask for it counts all the same.
int Blamed(const PlainReplies& replies, Kind* kind) {
  *kind = Kind::kRefused;
  if (replies.end_before.kind == PlainReply::Kind::kOther) return 0;
  if (!replies.count.is_integer()) return 1;
  *kind = Kind::kImpossible;
  if (replies.end_before.is_integer() && replies.end_before.integer < -2) return 0;
  // Below every count that scripts can compute with.
  if (replies.count.integer <= -kBlocked) return 1;
  *kind = Kind::kRefused;
  return replies.end_created.kind == PlainReply::Kind::kOther ? 2 : -1;
}

}  // namespace

PlainVerdict JudgePlainCharge(const Rule& rule, int64_t units, const PlainReplies& replies) {
  PlainVerdict verdict;
  // 1: the key had no expiry until now.
  const bool created = replies.end_created.is_integer() && replies.end_created.integer == 1;
  const int64_t end_before = replies.end_before.is_error() ? -1 : std::min(replies.end_before.integer, kMaxLimit);
  verdict.blamed = Blamed(replies, &verdict.kind);
  if (verdict.blamed >= 0) {
    const bool counted = !replies.count.is_error();
    verdict.persist = created && !counted;
    if (replies.count.kind == PlainReply::Kind::kNoCount && verdict.blamed == 1) verdict.kind = Kind::kByScript;
    return verdict;
  }
  if (replies.end_created.is_error() && end_before < 0) {
    // Without an expiry it could block for ever: only that is asked for again.
    verdict.kind = Kind::kNoEnd;
    verdict.blamed = 2;
    return verdict;
  }
  verdict.kind = Kind::kCharged;
  verdict.end_before = end_before;
  WindowReading& reading = verdict.reading;
  const int64_t before = replies.count.integer - units;
  reading.blocked = before >= kBlocked;
  // Where the key had an expiry before, it is this window's; where it has just been given one, the window is new. Else
  // another client's INCR came in between, or the window ended in between: its end is not known.
  const bool running = end_before >= 0 && !created;
  reading.end_known = created || (running && replies.server_ms >= 0);
  const int64_t whole = FixedWindowWhole(rule);
  int64_t rest = reading.end_known && running ? end_before - replies.server_ms + 1 : whole;
  if (rest > whole && !reading.blocked) {
    // A window that began since the flush only looks longer, and the script leaves it.
    verdict.cut = true;
    rest = whole;
  }
  reading.rest_ms = std::max<int64_t>(rest, 1);
  reading.admitted = std::clamp<int64_t>(rule.limit - before, 0, units);
  reading.used = before + reading.admitted;
  // 0, which no refund finds, where the server did not say its time. Where it is cut, its new end is not known here.
  reading.mark = running && !verdict.cut ? end_before : -std::max<int64_t>(replies.server_ms, 0);
  // A block is one wherever its mark was moved. And where the window was given its expiry by this very command though the key
  // was there, its end was not known to the commands: the units stay until it comes.
  const bool ours = !created || end_before == -2;
  if (!reading.blocked && ours) verdict.excess = units - reading.admitted;
  return verdict;
}

}  // namespace spillway
