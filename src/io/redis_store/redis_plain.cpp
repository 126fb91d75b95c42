// One fixed window by plain commands: what their three replies mean, and what is taken back.
#include <algorithm>

#include "algorithms/fixed_window.h"
#include "redis_store/redis_store.h"
#include "redis_store/reply_checks.h"

namespace spillway {
namespace {

// INCR's words for text, and for an integer that is as large as can be.
bool IsNoCount(std::string_view error) {
  return error == "ERR value is not an integer or out of range" || error == "ERR increment or decrement would overflow";
}

}  // namespace

// Each of the three commands may fail by itself.
void RedisStore::TakePlain(Request* request, int at, const Reply& reply) {
  const bool is_integer = reply.type() == Reply::Type::kInteger;
  if (at == 0) {
    request->server_ms = request->node->flush_time.server_ms;
    // Not to be had, where it is an error: who may not ask for it counts all the same.
    request->before_ms = reply.IsError() ? -1 : std::min(reply.integer(), kMaxLimit);
    if (reply.IsError()) return;
    if (!is_integer) request->error = Complaint(reply, Reply::Type::kInteger);
    if (is_integer && request->before_ms < -2) request->error = kImpossible;
  } else if (at == 1) {
    request->refused = reply.IsError();
    request->used = reply.integer();
    if (!request->error.empty()) return;
    if (!is_integer) request->error = Complaint(reply, Reply::Type::kInteger);
    // Below every count that scripts can compute with.
    if (is_integer && request->used <= -kBlocked) request->error = kImpossible;
  } else {
    // 1: the key had no expiry until now.
    request->fresh = is_integer && reply.integer() == 1;
    if (is_integer && request->error.empty()) {
      FinishPlain(request);
      return;
    }
    const std::string complaint = Complaint(reply, Reply::Type::kInteger);
    if (request->error.empty() && !reply.IsError()) request->error = complaint;
    EndPlain(request, complaint);
  }
}

// `expiry_error` is why PEXPIRE gave none.
void RedisStore::EndPlain(Request* request, const std::string& expiry_error) {
  if (!request->error.empty()) {
    // A value of another type under our key: the expiry that we have just given it is taken off again.
    if (request->fresh && request->refused) Submit(NewRequest(Call::kPersist, *request->rules, request->keys.data()));
    if (request->refused && IsNoCount(request->error)) {
      // A block, a count in another form, or something else: the script can read it.
      request->no_plain = true;
      request->call = Call::kScript;
      Again(request, request->node);
      return;
    }
    Refused(request);
  } else if (expiry_error.empty() || request->before_ms >= 0) {
    FinishPlain(request);
  } else {
    // Charged, and without an expiry it could block for ever: only that is asked for again, where it helps.
    request->call = Call::kExpire;
    request->error = expiry_error;
    Refused(request);
  }
}

void RedisStore::FinishPlain(Request* request) {
  NoteCounted(*request);
  const Rule& rule = request->rule();
  const int64_t server_ms = request->server_ms;
  const int64_t before = request->used - request->units;
  const bool blocked = before >= kBlocked;
  // Where the key had an expiry before, it is this window's; where it has just been given one, the window is new. Else
  // another client's INCR came in between, or the window ended in between: its end is not known.
  const bool running = request->before_ms >= 0 && !request->fresh;
  const bool known = request->fresh || (running && server_ms >= 0);
  const int64_t whole = FixedWindowWhole(rule);
  int64_t rest = known && running ? request->before_ms - server_ms + 1 : whole;
  if (rest > whole && !blocked) {
    // Longer than a window: the script cuts it. A window that began since the flush only looks longer, and stays.
    Submit(NewRequest(Call::kScript, *request->rules, request->keys.data()));
    rest = whole;
  }
  rest = std::max<int64_t>(rest, 1);
  const int64_t admitted = std::clamp<int64_t>(rule.limit - before, 0, request->units);
  // A block is one wherever its mark was moved.
  if (admitted < request->units && !blocked) TakeBack(*request, request->units - admitted);
  const auto waiters = static_cast<int64_t>(request->tickets.size());
  for (int64_t i = 0; i < std::min(admitted, waiters); ++i) {
    Decision decision = FixedWindowAdmitted(rule, before + i + 1, rest);
    // 0, which no refund finds, where the server did not say its time.
    decision.mark = running ? request->before_ms : -std::max<int64_t>(server_ms, 0);
    Settle(request->tickets[static_cast<size_t>(i)], Status::kAnswered, decision);
  }
  if (waiters <= admitted) {
    Recycle(request);
    return;
  }
  RememberDenied(*request, rest);
  request->tickets.erase(request->tickets.begin(), request->tickets.begin() + static_cast<std::ptrdiff_t>(admitted));
  if (!known) {
    // How long to wait is not known: the script, behind the take-back, can say.
    request->call = Call::kScript;
    Again(request, request->node);
    return;
  }
  const Decision denied =
      blocked ? FixedWindowBlocked(rule, rest) : FixedWindowDenied(rule, before + admitted, rest, 1);
  for (const Ticket ticket : request->tickets) Settle(ticket, Status::kAnswered, denied);
  Recycle(request);
}

void RedisStore::TakeBack(const Request& charged, int64_t units) {
  // The window was given its expiry by this very command: the key had none, and is over its limit all the same. Its end is
  // not known here; the units stay until it comes.
  if (charged.fresh && charged.before_ms != -2) return;
  Request* request = NewRequest(Call::kTakeBack, *charged.rules, charged.keys.data());
  request->units = units;
  request->before_ms = charged.before_ms;
  request->server_ms = charged.server_ms;
  Submit(request);
}

void RedisStore::RememberDenied(const Request& request, int64_t rest_ms) {
  denied_.Add(request.hash, clock_->NowMs() + rest_ms);
}

}  // namespace spillway
