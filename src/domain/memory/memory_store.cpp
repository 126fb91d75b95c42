#include "memory/memory_store.h"

#include <cstdlib>

#include "algorithms/fixed_window.h"
#include "glob.h"
#include "key.h"
#include "memory/counter.h"

namespace spillway {

MemoryStore::MemoryStore(std::string prefix, size_t max_keys, const Clock* clock, Results* results)
    : prefix_(std::move(prefix)), clock_(clock), results_(results), started_ms_(clock->NowMs()), table_(max_keys) {}

bool MemoryStore::Ask(Op op, const RuleSet& rules, const std::string* keys, int64_t units, Ticket ticket,
                      std::vector<Outcome>* now) {
  if (rules.size() == 1 && op == Op::kCheck && rules[0].algorithm == Algorithm::kFixedWindow &&
      CheckFixedWindow(rules[0], keys[0], units, ticket, now)) {
    return true;
  }
  const int64_t now_ms = Now();
  Counter counters[kMaxRules];
  bool fits[kMaxRules] = {};
  bool admitted = true;
  for (size_t i = 0; i < rules.size(); ++i) {
    counters[i].Read(rules[i], Subject(rules[i], keys[i]), now_ms, &table_);
    fits[i] = counters[i].Fits(units);
    if (!fits[i] && !rules[i].shadow) admitted = false;
  }
  const size_t first = now->size();
  now->resize(first + rules.size());
  // Records that are there first: a newcomer may take the place of one of them.
  for (const bool newcomers : {false, true}) {
    for (size_t i = 0; i < rules.size(); ++i) {
      Counter& counter = counters[i];
      if (counter.in_table() == newcomers) continue;
      const bool counts = op == Op::kPenalize || (op == Op::kCheck && admitted && fits[i]);
      if (counts && !counter.blocked()) {
        counter.Charge(units);
      } else if (op != Op::kPeek) {
        counter.Mend();
      }
      (*now)[first + i] = {ticket, Status::kAnswered, counter.Describe(units, fits[i]),
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
  if (window.ends_at_ms != table_.End(ref)) table_.SetEnd(ref, window.ends_at_ms);
  return true;
}

bool MemoryStore::Refund(const RuleSet& rules, const std::string* keys, int64_t units, const int64_t* marks,
                         Ticket ticket, std::vector<Outcome>* now) {
  const int64_t now_ms = Now();
  Outcome outcome;
  outcome.ticket = ticket;
  for (size_t i = 0; i < rules.size(); ++i) {
    Counter counter;
    counter.Read(rules[i], Subject(rules[i], keys[i]), now_ms, &table_);
    if (counter.Refund(units, marks[i])) ++outcome.decision.used;
  }
  now->push_back(outcome);
  return true;
}

bool MemoryStore::Block(const RuleSet& rules, const std::string* keys, int64_t ms, Ticket ticket,
                        std::vector<Outcome>* now) {
  const int64_t now_ms = Now();
  for (size_t i = 0; i < rules.size(); ++i) {
    Counter counter;
    counter.Read(rules[i], Subject(rules[i], keys[i]), now_ms, &table_);
    counter.Block(ms);
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
  const std::string front = (request.id.empty() ? "" : "{") + prefix_;
  const std::string tail = request.id.empty() ? "" : "}:" + request.id;
  const int64_t now_ms = Now();
  auto ref = static_cast<KeyTable::Ref>(std::strtoul(request.cursor.c_str(), nullptr, 10));
  for (int64_t seen = 0; seen < request.page_size; ++seen, ++ref) {
    ref = table_.Next(ref);
    if (ref == KeyTable::kNone) break;
    const std::string_view key = table_.Key(ref);
    const size_t bytes = table_.PayloadBytes(ref);
    const std::string_view subject = key.substr(0, key.find('}'));
    if (!IsCount(bytes) || key.substr(subject.size()) != tail) continue;
    if (now_ms > table_.End(ref) || !GlobMatch(match, subject)) continue;
    const int64_t count = LoadCount(table_.Payload(ref), bytes);
    page.entries.push_back({front + std::string(key), count, table_.End(ref) - now_ms + 1});
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
