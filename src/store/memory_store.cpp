#include "store/memory_store.h"

#include <algorithm>
#include <cstdlib>

#include "algorithms/fixed_window.h"
#include "glob.h"
#include "key.h"
#include "store/records.h"

namespace spillway {

struct MemoryStore::Held {
  std::string_view subject;
  KeyTable::Ref ref;
  bool kept;     // the record holds a state of the rule's algorithm that has not ended
  bool blocked;  // then only `usage` says something
  bool fits;     // this rule alone would admit the check
  bool cut;      // a fixed window's end was too far away
  Usage usage;
  FixedWindow fixed;
  LogSpan span;
  union {
    SlidingWindow sliding;
    TokenBucket bucket;
  };
};

MemoryStore::MemoryStore(std::string prefix, size_t max_keys, const Clock* clock, Results* results)
    : prefix_(std::move(prefix)), clock_(clock), results_(results), started_ms_(clock->NowMs()), table_(max_keys) {}

bool MemoryStore::Ask(Op op, const RuleSet& rules, const std::string* keys, int64_t units, Ticket ticket,
                      std::vector<Outcome>* now) {
  if (rules.size() == 1 && op == Op::kCheck && rules[0].algorithm == Algorithm::kFixedWindow &&
      CheckFixedWindow(rules[0], keys[0], units, ticket, now)) {
    return true;
  }
  const int64_t now_ms = Now();
  Held held[kMaxRules];
  bool admitted = true;
  for (size_t i = 0; i < rules.size(); ++i) {
    Read(rules[i], keys[i], now_ms, &held[i]);
    held[i].fits = !held[i].blocked && units <= held[i].usage.room;
    if (!held[i].fits && !rules[i].shadow) admitted = false;
  }
  const size_t first = now->size();
  now->resize(first + rules.size());
  // Records that are there first: a newcomer may take the place of one of them.
  for (const bool newcomers : {false, true}) {
    for (size_t i = 0; i < rules.size(); ++i) {
      if ((held[i].ref == KeyTable::kNone) != newcomers) continue;
      const bool counts = op == Op::kPenalize || (op == Op::kCheck && admitted && held[i].fits);
      if (counts && !held[i].blocked) {
        Charge(rules[i], units, now_ms, &held[i]);
      } else if (op != Op::kPeek && held[i].cut) {
        Write(rules[i], now_ms, &held[i]);
      }
      (*now)[first + i] = {ticket, Ending::kAnswered, Describe(rules[i], units, now_ms, held[i]),
                           static_cast<uint8_t>(rules.size() - 1 - i)};
    }
  }
  return true;
}

bool MemoryStore::CheckFixedWindow(const Rule& rule, std::string_view key, int64_t units, Ticket ticket,
                                   std::vector<Outcome>* now) {
  const std::string_view subject = Subject(rule, key);
  const int64_t now_ms = Now();
  KeyTable::Ref ref = table_.Find(subject);
  FixedWindow window;
  if (ref != KeyTable::kNone) {
    const size_t bytes = table_.PayloadBytes(ref);
    if (!IsCount(bytes)) return false;
    window = {LoadCount(table_.Payload(ref), bytes), table_.End(ref)};
    if (window.used >= kBlocked) return false;
  }
  now->emplace_back();
  Outcome& outcome = now->back();
  outcome.ticket = ticket;
  outcome.decision = FixedWindowCheck(rule, units, now_ms, &window);
  if (ref == KeyTable::kNone) {
    if (!outcome.decision.allowed) return true;
    ref = table_.Insert(subject, CountBytes(rule.limit), now_ms);
  } else if (window.ends_at_ms < 0) {
    return true;  // One that has ended stays as it was.
  } else if (CountBytes(window.used) > table_.PayloadBytes(ref)) {
    ref = table_.Grow(ref, kWideCount);
  }
  // Also after a denial: the window may have been cut.
  StoreCount(window.used, table_.Payload(ref), table_.PayloadBytes(ref));
  if (window.ends_at_ms != table_.End(ref)) SetEnd(ref, window.ends_at_ms);
  return true;
}

void MemoryStore::Read(const Rule& rule, std::string_view key, int64_t now_ms, Held* held) {
  held->subject = Subject(rule, key);
  held->ref = table_.Find(held->subject);
  held->blocked = false;
  held->cut = false;
  const bool live = held->ref != KeyTable::kNone && now_ms <= table_.End(held->ref);
  uint8_t* payload = live ? table_.Payload(held->ref) : nullptr;
  const size_t bytes = live ? table_.PayloadBytes(held->ref) : 0;
  const RecordKind kind = live ? KindOf(payload, bytes) : RecordKind::kCount;
  if (live && kind == RecordKind::kCount && LoadCount(payload, bytes) >= kBlocked) {
    held->blocked = true;
    held->kept = false;
    held->usage = {0, table_.End(held->ref) - now_ms, 0};
    return;
  }
  switch (rule.algorithm) {
    case Algorithm::kFixedWindow:
      held->kept = live && kind == RecordKind::kCount;
      if (held->kept) held->fixed = {LoadCount(payload, bytes), table_.End(held->ref)};
      held->usage = FixedWindowRead(rule, now_ms, &held->fixed);
      held->cut = held->kept && held->fixed.ends_at_ms != table_.End(held->ref);
      break;
    case Algorithm::kSlidingWindow:
      held->kept = kind == RecordKind::kSlidingWindow;
      held->sliding = held->kept ? LoadSlidingWindow(payload, bytes) : SlidingWindow{};
      held->usage = SlidingWindowRead(rule, now_ms, &held->sliding);
      break;
    case Algorithm::kSlidingLog:
      held->kept = kind == RecordKind::kSlidingLog;
      held->span = {};
      held->usage =
          held->kept ? SlidingLogRead(rule, now_ms, LogIn(payload, bytes), &held->span) : Usage{rule.limit, 0, now_ms};
      break;
    case Algorithm::kTokenBucket:
      held->kept = kind == RecordKind::kTokenBucket;
      held->bucket = held->kept ? LoadTokenBucket(payload) : TokenBucket{};
      held->usage = TokenBucketRead(rule, now_ms, &held->bucket);
      break;
  }
}

void MemoryStore::Charge(const Rule& rule, int64_t units, int64_t now_ms, Held* held) {
  switch (rule.algorithm) {
    case Algorithm::kFixedWindow:
      FixedWindowCharge(rule, units, now_ms, &held->fixed, &held->usage);
      break;
    case Algorithm::kSlidingWindow:
      if (!SlidingWindowCharge(rule, units, now_ms, &held->sliding, &held->usage)) return;
      break;
    case Algorithm::kSlidingLog:
      ChargeLog(rule, units, now_ms, held);
      return;
    case Algorithm::kTokenBucket:
      if (!TokenBucketCharge(rule, units, now_ms, &held->bucket, &held->usage)) return;
      break;
  }
  Write(rule, now_ms, held);
}

void MemoryStore::ChargeLog(const Rule& rule, int64_t units, int64_t now_ms, Held* held) {
  if (!held->kept) {
    // A log that has ended has the room that it once needed.
    const bool again = held->ref != KeyTable::kNone &&
                       KindOf(table_.Payload(held->ref), table_.PayloadBytes(held->ref)) == RecordKind::kSlidingLog;
    const size_t bytes = again ? table_.PayloadBytes(held->ref) : LogBytes(kFirstLogEntries);
    StartLog(Place(bytes, now_ms, held), bytes);
  }
  SlidingLog log = LogIn(table_.Payload(held->ref), table_.PayloadBytes(held->ref));
  const size_t entries = log.capacity();
  if (SlidingLogTrim(now_ms, &log, &held->span) && entries < static_cast<size_t>(kMaxLogLimit)) {
    held->ref = table_.Grow(held->ref, LogBytes(std::min(entries * 2, static_cast<size_t>(kMaxLogLimit))));
    log = LogIn(table_.Payload(held->ref), table_.PayloadBytes(held->ref));
    log.Widened(entries);
  }
  SlidingLogCharge(rule, units, now_ms, &log, &held->span, &held->usage);
  SetEnd(held->ref, now_ms + rule.window_ms + 1);
}

// Stores a state that was changed, except a log's.
void MemoryStore::Write(const Rule& rule, int64_t now_ms, Held* held) {
  if (rule.algorithm == Algorithm::kFixedWindow) {
    PutCount(held->fixed.used, rule.limit, now_ms, held);
    SetEnd(held->ref, held->fixed.ends_at_ms);
    return;
  }
  if (rule.algorithm == Algorithm::kSlidingWindow) {
    const size_t needed = SlidingWindowBytes(held->sliding);
    const size_t bytes = held->kept ? std::max(needed, table_.PayloadBytes(held->ref)) : needed;
    StoreSlidingWindow(held->sliding, Place(bytes, now_ms, held), bytes);
  } else {
    StoreTokenBucket(held->bucket, Place(kTokenBucketBytes, now_ms, held));
  }
  SetEnd(held->ref, now_ms + held->usage.reset_ms + 1);
}

// A record of counts stays where it is, so that a listing meets it once: it has room for `limit` from the start.
void MemoryStore::PutCount(int64_t count, int64_t limit, int64_t now_ms, Held* held) {
  const size_t there = held->ref == KeyTable::kNone ? 0 : table_.PayloadBytes(held->ref);
  const size_t needed = std::max(CountBytes(count), there == 0 ? CountBytes(limit) : 0);
  const size_t bytes = IsCount(there) ? std::max(there, needed) : needed;
  StoreCount(count, Place(bytes, now_ms, held), bytes);
}

uint8_t* MemoryStore::Place(size_t payload_bytes, int64_t now_ms, Held* held) {
  if (held->ref == KeyTable::kNone) {
    held->ref = table_.Insert(held->subject, payload_bytes, now_ms);
  } else if (table_.PayloadBytes(held->ref) != payload_bytes) {
    held->ref = table_.Grow(held->ref, payload_bytes);
  }
  return table_.Payload(held->ref);
}

// A bucket may take longer to fill, and a block may last longer, than the table counts: then they end a little earlier, in
// about 34 years.
void MemoryStore::SetEnd(KeyTable::Ref ref, int64_t end_ms) {
  table_.SetEnd(ref, std::min(end_ms, KeyTable::kMaxEndMs));
}

int64_t MemoryStore::Wait(const Rule& rule, int64_t units, int64_t now_ms, const Held& held) const {
  if (held.blocked) return held.usage.reset_ms + 1;
  if (units > rule.capacity()) return kNeverFits;
  switch (rule.algorithm) {
    case Algorithm::kFixedWindow:
      return FixedWindowWait(held.usage);
    case Algorithm::kSlidingWindow:
      return SlidingWindowWait(rule, units, now_ms, held.sliding, held.usage.room);
    case Algorithm::kSlidingLog:
      return SlidingLogWait(rule, units, now_ms, LogIn(table_.Payload(held.ref), table_.PayloadBytes(held.ref)),
                            held.span);
    case Algorithm::kTokenBucket:
      return TokenBucketWait(rule, units, held.bucket);
  }
  return kNeverFits;
}

Decision MemoryStore::Describe(const Rule& rule, int64_t units, int64_t now_ms, const Held& held) const {
  const int64_t capacity = rule.capacity();
  Decision decision;
  decision.allowed = held.fits;
  decision.limit = capacity;
  decision.remaining = std::clamp<int64_t>(held.usage.room, 0, capacity);
  decision.used = capacity - held.usage.room;
  decision.reset_in_ms = held.usage.reset_ms;
  decision.retry_after_ms = held.fits ? 0 : Wait(rule, units, now_ms, held);
  decision.mark = held.usage.mark;
  decision.blocked = held.blocked;
  return decision;
}

bool MemoryStore::Refund(const RuleSet& rules, const std::string* keys, int64_t units, const int64_t* marks,
                         Ticket ticket, std::vector<Outcome>* now) {
  const int64_t now_ms = Now();
  Outcome outcome;
  outcome.ticket = ticket;
  for (size_t i = 0; i < rules.size(); ++i) {
    Held held;
    Read(rules[i], keys[i], now_ms, &held);
    if (held.kept && RefundOne(rules[i], units, marks[i], now_ms, &held)) ++outcome.decision.used;
  }
  now->push_back(outcome);
  return true;
}

// The record's end stays: nothing is counted longer than before.
bool MemoryStore::RefundOne(const Rule& rule, int64_t units, int64_t mark, int64_t now_ms, Held* held) {
  uint8_t* payload = table_.Payload(held->ref);
  const size_t bytes = table_.PayloadBytes(held->ref);
  switch (rule.algorithm) {
    case Algorithm::kFixedWindow: {
      FixedWindow window{LoadCount(payload, bytes), table_.End(held->ref)};
      if (!FixedWindowRefund(units, mark, &window)) return false;
      StoreCount(window.used, payload, bytes);
      return true;
    }
    case Algorithm::kSlidingWindow: {
      SlidingWindow window = LoadSlidingWindow(payload, bytes);
      if (!SlidingWindowRefund(rule, units, mark, now_ms, &window)) return false;
      StoreSlidingWindow(window, payload, bytes);
      return true;
    }
    case Algorithm::kSlidingLog: {
      SlidingLog log = LogIn(payload, bytes);
      return SlidingLogRefund(rule, units, mark, now_ms, &log);
    }
    case Algorithm::kTokenBucket: {
      TokenBucket bucket = LoadTokenBucket(payload);
      if (!TokenBucketRefund(rule, units, mark, now_ms, &bucket)) return false;
      StoreTokenBucket(bucket, payload);
      return true;
    }
  }
  return false;
}

bool MemoryStore::Block(const RuleSet& rules, const std::string* keys, int64_t ms, Ticket ticket,
                        std::vector<Outcome>* now) {
  const int64_t now_ms = Now();
  for (size_t i = 0; i < rules.size(); ++i) {
    Held held;
    held.subject = Subject(rules[i], keys[i]);
    held.ref = table_.Find(held.subject);
    PutCount(kBlocked, 0, now_ms, &held);
    SetEnd(held.ref, now_ms + std::min(ms, KeyTable::kMaxEndMs));
  }
  now->emplace_back();
  now->back().ticket = ticket;
  return true;
}

bool MemoryStore::Reset(const RuleSet& rules, const std::string* keys, Ticket ticket, std::vector<Outcome>* now) {
  const int64_t now_ms = Now();
  Outcome outcome;
  outcome.ticket = ticket;
  for (size_t i = 0; i < rules.size(); ++i) {
    const KeyTable::Ref ref = table_.Find(Subject(rules[i], keys[i]));
    if (ref == KeyTable::kNone) continue;
    if (now_ms <= table_.End(ref)) ++outcome.decision.used;
    table_.Erase(ref);
  }
  now->push_back(outcome);
  return true;
}

void MemoryStore::List(const ListRequest& request) {
  Page page;
  page.ticket = request.ticket;
  // Encoded as ids are; the glob's own characters are not among those that are encoded.
  std::string match;
  AppendEncoded(request.match, &match);
  const int64_t now_ms = Now();
  auto ref = static_cast<KeyTable::Ref>(std::strtoul(request.cursor.c_str(), nullptr, 10));
  for (int64_t seen = 0; seen < request.page_size; ++seen, ++ref) {
    ref = table_.Next(ref);
    if (ref == KeyTable::kNone) break;
    const std::string_view subject = table_.Key(ref);
    const size_t bytes = table_.PayloadBytes(ref);
    if (!IsCount(bytes) || subject.find('}') != std::string_view::npos) continue;
    if (now_ms > table_.End(ref) || !GlobMatch(match, subject)) continue;
    const int64_t count = LoadCount(table_.Payload(ref), bytes);
    page.entries.push_back({prefix_ + std::string(subject), count, table_.End(ref) - now_ms});
  }
  if (ref != KeyTable::kNone) page.cursor = std::to_string(ref);
  results_->pages.push_back(std::move(page));
}

Stats MemoryStore::GetStats() const {
  Stats stats;
  stats.keys = static_cast<int64_t>(table_.size());
  stats.connected = true;
  return stats;
}

}  // namespace spillway
