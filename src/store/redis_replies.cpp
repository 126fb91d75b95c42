// What the replies to RedisStore's requests mean.
#include <algorithm>

#include "algorithms/fixed_window.h"
#include "store/redis_store.h"

namespace spillway {
namespace {

// A block ends when its expiry does, whatever the rule and the cost.
void DenyByBlock(int64_t rest_ms, Decision* decision) {
  decision->blocked = true;
  decision->used = decision->limit;
  decision->retry_after_ms = rest_ms + 1;
}

}  // namespace

void RedisStore::OnReply(Request* request, const Reply& reply) {
  int at = request->replies_seen++;
  if (request->asking) {
    // Every other reply is that of ASKING.
    if (at % 2 == 0) return;
    at /= 2;
  }
  switch (request->call) {
    case Call::kPlain:
      TakePlain(request, at, reply);
      return;
    case Call::kPeek:
      TakePeek(request, at, reply);
      return;
    default:
      break;
  }
  if (reply.IsError() && request->error.empty()) request->error.assign(reply.text());
  // A block is several commands, of which each says the same.
  if (at + 1 < RepliesOf(*request)) return;
  if (!request->error.empty()) {
    Refused(request);
  } else if (request->call == Call::kScript) {
    FinishScript(request, reply);
  } else if (request->call == Call::kLayered) {
    FinishLayered(request, reply);
  } else if (request->call == Call::kExpire) {
    request->fresh = reply.type() == Reply::Type::kInteger && reply.integer() == 1;
    FinishPlain(request);
  } else {
    FinishOther(request, reply.integer());
  }
}

void RedisStore::FinishOther(Request* request, int64_t number) {
  // What was denied may be admitted again, or what was admitted denied.
  denied_.Remove(request->hash);
  if (request->is_part) {
    request->fields.assign(1, number);
    EndPart(request);
    return;
  }
  Decision decision;
  decision.used = number;
  SettleAll(request, Ending::kAnswered, decision);
  Recycle(request);
}

// Each of the three commands may fail by itself.
void RedisStore::TakePlain(Request* request, int at, const Reply& reply) {
  if (at == 0) {
    request->server_ms = request->lane->flush_time.server_ms;
    request->before_ms = reply.type() == Reply::Type::kInteger ? reply.integer() : -1;
  } else if (at == 1) {
    request->used = reply.integer();
    if (reply.IsError()) request->error.assign(reply.text());
  } else {
    // 1: the key had no expiry until now.
    request->fresh = reply.type() == Reply::Type::kInteger && reply.integer() == 1;
    if (!request->error.empty()) {
      // A value of another type under our key: the expiry that we have just given it is taken off again.
      if (request->fresh) Submit(NewRequest(Call::kPersist, *request->rules, request->keys.data()));
      Refused(request);
    } else if (!reply.IsError() || request->before_ms >= 0) {
      FinishPlain(request);
    } else {
      // Charged, and without an expiry it could block for ever: only that is asked for again, where it helps.
      request->call = Call::kExpire;
      request->error.assign(reply.text());
      Refused(request);
    }
  }
}

void RedisStore::TakePeek(Request* request, int at, const Reply& reply) {
  if (reply.IsError()) request->error.assign(reply.text());
  if (at == 0) {
    request->used = 0;
    if (reply.type() == Reply::Type::kString && !ParseInteger(reply.text(), &request->used)) {
      request->error = "WRONGTYPE the key does not hold a counter";
    }
  } else {
    request->before_ms = reply.integer();
    FinishPeek(request);
  }
}

// A charge that is answered too late was of no use to its caller, and a denial shows only that the key could be read.
void RedisStore::NoteCounted(const Request& request) {
  const bool late = request.abandoned || (request.is_part && request.whole == nullptr);
  if (request.charges() && !late) request.lane->standing.Counted(request.rule().probe);
}

void RedisStore::FinishPlain(Request* request) {
  NoteCounted(*request);
  const Rule& rule = request->rule();
  const int64_t server_ms = request->server_ms;
  // Where the key had an expiry before, it is this window's; where it has just been given one, the window is new. Else
  // another client's INCR came in between, or the window ended in between: its end is not known.
  const bool known = request->before_ms >= 0;
  int64_t rest = known && !request->fresh ? request->before_ms - server_ms : rule.window_ms;
  const bool blocked = request->used - request->units >= kBlocked;
  if (rest > rule.window_ms && !blocked) {
    // Longer than a window: the script cuts it. A window that began since the flush only looks longer, and stays.
    Submit(NewRequest(Call::kScript, *request->rules, request->keys.data()));
    rest = rule.window_ms;
  }
  rest = std::max<int64_t>(rest, 0);
  const int64_t before = request->used - request->units;
  const int64_t admitted = std::clamp<int64_t>(rule.limit - before, 0, request->units);
  if (admitted < request->units) TakeBack(*request, request->units - admitted);
  const auto waiters = static_cast<int64_t>(request->tickets.size());
  for (int64_t i = 0; i < std::min(admitted, waiters); ++i) {
    Decision decision = FixedWindowAdmitted(rule, before + i + 1, rest);
    decision.mark = known && !request->fresh ? request->before_ms : -server_ms;
    Settle(request->tickets[static_cast<size_t>(i)], Ending::kAnswered, decision);
  }
  if (waiters <= admitted) {
    Recycle(request);
    return;
  }
  RememberDenied(*request, rest);
  request->tickets.erase(request->tickets.begin(), request->tickets.begin() + static_cast<std::ptrdiff_t>(admitted));
  if (!known && !request->fresh) {
    // How long to wait is not known: the script, behind the take-back, can say.
    request->call = Call::kScript;
    Again(request, request->lane);
    return;
  }
  Decision denied = FixedWindowDenied(rule, before + admitted, rest, 1);
  if (blocked) DenyByBlock(rest, &denied);
  for (const Ticket ticket : request->tickets) Settle(ticket, Ending::kAnswered, denied);
  Recycle(request);
}

void RedisStore::FinishScript(Request* request, const Reply& reply) {
  if (reply.size() != 5) {
    request->error = "ERR the script's reply has an unknown shape";
    Refused(request);
    return;
  }
  const Rule& rule = request->rule();
  const int64_t admitted = reply.integer(1);
  if (admitted > 0) NoteCounted(*request);
  const int64_t used = reply.integer(2);
  const int64_t rest = std::max<int64_t>(reply.integer(3), 0);
  const auto waiters = static_cast<int64_t>(request->tickets.size());
  for (int64_t i = 0; i < waiters; ++i) {
    const Ticket ticket = request->tickets[static_cast<size_t>(i)];
    const int64_t after = used - (admitted - 1 - i) * request->cost;
    Decision decision =
        i < admitted ? FixedWindowAdmitted(rule, after, rest) : FixedWindowDenied(rule, used, rest, request->cost);
    decision.mark = reply.integer(4);
    if (used >= kBlocked) DenyByBlock(rest, &decision);
    Settle(ticket, Ending::kAnswered, decision);
  }
  if (admitted < waiters) {
    RememberDenied(*request, rest);
  } else if (waiters > 0) {
    denied_.Remove(request->hash);
  }
  Recycle(request);
}

void RedisStore::FinishLayered(Request* request, const Reply& reply) {
  if (!ReadLayered(*request, reply, &request->fields)) {
    request->error = "ERR the script's reply has an unknown shape";
    Refused(request);
    return;
  }
  if (request->fields[0] > 0) NoteCounted(*request);
  if (request->is_part) {
    EndPart(request);
  } else {
    AnswerLayered(request, request->fields);
  }
}

// The script answers for the state after all admitted checks; of k admitted ones, the i-th left (k - 1 - i) costs more.
void RedisStore::AnswerLayered(Request* request, const std::vector<int64_t>& fields) {
  const RuleSet& rules = *request->rules;
  const int64_t admitted = request->op == Op::kPeek ? 0 : fields[0];
  int64_t place = 0;
  for (const Ticket ticket : request->tickets) {
    const bool passed = place < admitted;
    for (size_t i = 0; i < rules.size(); ++i) {
      const int64_t* field = fields.data() + 1 + kLayeredFields * i;
      const Rule& rule = rules[i];
      const int64_t room = field[0];
      // Of the checks of this command, how many this rule alone would have admitted, and how many it counted.
      const int64_t fits = field[5];
      const int64_t counted = rule.shadow && request->op != Op::kPenalize ? std::min(admitted, fits) : admitted;
      Decision decision;
      decision.limit = rule.capacity();
      decision.blocked = field[4] == 1;
      decision.allowed = passed ? place < fits : room >= request->cost && !decision.blocked;
      const int64_t left = passed ? room + std::max<int64_t>(0, counted - place - 1) * request->cost : room;
      decision.remaining = std::clamp<int64_t>(left, 0, decision.limit);
      decision.used = decision.limit - left;
      decision.reset_in_ms = std::max<int64_t>(0, field[1]);
      decision.retry_after_ms = decision.allowed ? 0 : field[2];
      decision.mark = field[3];
      results_->outcomes.push_back({ticket, Ending::kAnswered, decision, static_cast<uint8_t>(rules.size() - 1 - i)});
    }
    --waiting_;
    ++place;
  }
  Recycle(request);
}

void RedisStore::FinishPeek(Request* request) {
  if (!request->error.empty()) {
    Refused(request);
    return;
  }
  const Rule& rule = request->rule();
  const int64_t ttl = request->before_ms;
  // -2: it ended between the two commands; -1: it has no expiry and gets one at the next check.
  const int64_t used = ttl == -2 ? 0 : request->used;
  const bool blocked = used >= kBlocked;
  const int64_t rest = ttl < 0 ? rule.window_ms : blocked ? ttl : std::min(ttl, rule.window_ms);
  Decision decision = FixedWindowPeek(rule, used, rest);
  if (blocked) DenyByBlock(rest, &decision);
  SettleAll(request, Ending::kAnswered, decision);
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
