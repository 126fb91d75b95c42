// What the replies to RedisStore's requests mean.
#include <algorithm>

#include "algorithms/fixed_window.h"
#include "redis_store/redis_store.h"
#include "redis_store/reply_checks.h"

namespace spillway {
namespace {

// What the last reply of a form of one kind of replies has to be.
Reply::Type DueOf(Call call) {
  switch (call) {
    case Call::kScript:
    case Call::kLayered:
      return Reply::Type::kArray;
    case Call::kBlock:
      return Reply::Type::kStatus;
    default:
      return Reply::Type::kInteger;
  }
}

// The largest number that answers a call that changes keys; a script that gives units back, once for each rule.
int64_t MostOf(const Request& request) { return std::max<int64_t>(1, static_cast<int64_t>(request.rules->size())); }

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
  if (request->error.empty()) request->error = Complaint(reply, DueOf(request->call));
  // A block is several commands, of which each says the same.
  if (at + 1 < RepliesOf(*request)) return;
  if (!request->error.empty()) {
    Refused(request);
  } else if (request->call == Call::kScript) {
    FinishScript(request, reply);
  } else if (request->call == Call::kLayered) {
    FinishLayered(request, reply);
  } else if (request->call == Call::kExpire) {
    request->fresh = reply.integer() == 1;
    FinishPlain(request);
  } else if (reply.type() == Reply::Type::kInteger && (reply.integer() < 0 || reply.integer() > MostOf(*request))) {
    request->error = kImpossible;
    Refused(request);
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
  SettleAll(request, Status::kAnswered, decision);
  Recycle(request);
}

void RedisStore::TakePeek(Request* request, int at, const Reply& reply) {
  if (at == 0) {
    request->used = 0;
    request->no_plain = false;
    if (reply.type() == Reply::Type::kNil) return;
    request->error = Complaint(reply, Reply::Type::kString);
    if (request->error.empty()) request->no_plain = !ParseCount(reply.text(), &request->used);
    return;
  }
  if (request->error.empty()) request->error = Complaint(reply, Reply::Type::kInteger);
  request->before_ms = std::min(reply.integer(), kMaxLimit);
  if (request->error.empty() && request->before_ms < -2) request->error = kImpossible;
  if (!request->error.empty()) {
    Refused(request);
  } else if (request->no_plain) {
    // Some text: the script can read it.
    request->call = Call::kLayered;
    Again(request, request->node);
  } else {
    FinishPeek(request);
  }
}

// A charge that is answered too late was of no use to its caller, and a denial shows only that the key could be read.
void RedisStore::NoteCounted(const Request& request) {
  const bool late = request.abandoned || (request.is_part && request.whole == nullptr);
  if (request.charges() && !late) request.node->standing.Counted(request.rule().probe);
}

void RedisStore::FinishScript(Request* request, const Reply& reply) {
  WindowReply read;
  if (!ReadWindow(*request, reply, &read)) {
    request->error = kUnknownReply;
    Refused(request);
    return;
  }
  const Rule& rule = request->rule();
  const auto [admitted, used, rest, ends] = read;
  if (admitted > 0) NoteCounted(*request);
  const auto waiters = static_cast<int64_t>(request->tickets.size());
  for (int64_t i = 0; i < waiters; ++i) {
    const Ticket ticket = request->tickets[static_cast<size_t>(i)];
    const int64_t after = used - (admitted - 1 - i) * request->cost;
    Decision decision = i < admitted       ? FixedWindowAdmitted(rule, after, rest)
                        : used >= kBlocked ? FixedWindowBlocked(rule, rest)
                                           : FixedWindowDenied(rule, used, rest, request->cost);
    decision.mark = ends;
    Settle(ticket, Status::kAnswered, decision);
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
    request->error = kUnknownReply;
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
      results_->outcomes.push_back({ticket, Status::kAnswered, decision, static_cast<uint8_t>(rules.size() - 1 - i)});
    }
    --waiting_;
    ++place;
  }
  Recycle(request);
}

void RedisStore::FinishPeek(Request* request) {
  const Rule& rule = request->rule();
  const int64_t ttl = request->before_ms;
  // -2: it ended between the two commands; -1: it has no expiry and gets one at the next check.
  const int64_t used = ttl == -2 ? 0 : request->used;
  const bool blocked = used >= kBlocked;
  const int64_t whole = FixedWindowWhole(rule);
  const int64_t rest = ttl < 0 ? whole : blocked ? ttl + 1 : std::min(ttl + 1, whole);
  SettleAll(request, Status::kAnswered, blocked ? FixedWindowBlocked(rule, rest) : FixedWindowPeek(rule, used, rest));
  Recycle(request);
}

}  // namespace spillway
