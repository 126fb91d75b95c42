#include "memory/memory_store.h"

#include <cstdlib>

#include "algorithms/fixed_window.h"
#include "glob.h"
#include "key.h"
#include "memory/counter.h"
#include "memory/table_record.h"

namespace spillway {

MemoryStore::MemoryStore(std::string prefix, size_t max_keys, const Clock* clock, Results* results)
    : prefix_(std::move(prefix)), clock_(clock), results_(results), started_ms_(clock->NowMs()), table_(max_keys) {}

bool MemoryStore::Submit(const Check& check, Completions* immediate) {
  const RuleSet& rules = *check.rules;
  for (size_t i = 0; i < rules.size(); ++i) WriteShortKey(rules[i], check.subjects.Of(i), &keys_[i]);
  if (check.op > Op::kPenalize) {
    const int64_t changed = Change(check);
    immediate->Answer(check.ticket, Source::kMemory, 1)->used = changed;
  } else if (rules.size() > 1 || check.op != Op::kCheck || rules[0].algorithm != Algorithm::kFixedWindow ||
             !CheckFixedWindow(check, immediate)) {
    Decide(check, immediate);
  }
  return true;
}

void MemoryStore::Decide(const Check& check, Completions* immediate) {
  const RuleSet& rules = *check.rules;
  const int64_t now_ms = Now();
  Counter<TableRecord> counters[kMaxRules];
  for (size_t i = 0; i < rules.size(); ++i) counters[i].Read(rules[i], {&table_, keys_[i], now_ms});
  Decision* decisions = immediate->Answer(check.ticket, Source::kMemory, rules.size());
  spillway::Decide(check.op, check.units, rules.size(), counters, decisions);
}

bool MemoryStore::CheckFixedWindow(const Check& check, Completions* immediate) {
  const Rule& rule = check.rules->front();
  const std::string_view key = keys_[0];
  const int64_t now_ms = Now();
  KeyTable::Ref ref = table_.Find(key);
  FixedWindow window;
  if (ref != KeyTable::kNone) {
    const size_t bytes = table_.PayloadBytes(ref);
    if (!IsCount(bytes)) return false;
    window = {LoadCount(table_.Payload(ref), bytes), table_.End(ref)};
    if (window.used >= kBlocked) return false;
  }
  const Decision decision = FixedWindowCheck(rule, check.units, now_ms, &window);
  immediate->Answer(check.ticket, Source::kMemory, decision);
  if (ref == KeyTable::kNone) {
    if (!decision.allowed) return true;
    ref = table_.Insert(key, CountBytes(rule.limit), now_ms);
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

int64_t MemoryStore::Change(const Check& check) {
  const RuleSet& rules = *check.rules;
  const int64_t now_ms = Now();
  int64_t changed = 0;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (check.op == Op::kReset) {
      if (Forget(keys_[i], now_ms)) ++changed;
      continue;
    }
    Counter<TableRecord> counter;
    counter.Read(rules[i], {&table_, keys_[i], now_ms});
    if (check.op == Op::kBlock) {
      counter.Block(check.units);
    } else if (counter.Refund(check.units, check.marks[i])) {
      ++changed;
    }
  }
  return changed;
}

bool MemoryStore::Forget(std::string_view key, int64_t now_ms) {
  const KeyTable::Ref ref = table_.Find(key);
  if (ref == KeyTable::kNone) return false;
  const bool there = now_ms <= table_.End(ref);
  table_.Erase(ref);
  return there;
}

void MemoryStore::Ask(const AsideRequest& request) {
  Page page;
  page.ticket = request.ticket;
  page.status = Status::kRefused;
  results_->pages.push_back(std::move(page));
}

void MemoryStore::List(const ListRequest& request) {
  Page page;
  page.ticket = request.ticket;
  // Encoded as ids are; the glob's own characters are not among those that are encoded.
  std::string match;
  AppendEncoded(request.match, &match);
  const std::string front = KeyFront(prefix_, request.part);
  const std::string tail = KeyTail(request.part);
  const int64_t now_ms = Now();
  auto ref = static_cast<KeyTable::Ref>(std::strtoul(request.cursor.c_str(), nullptr, 10));
  for (int64_t seen = 0; seen < request.page_size; ++seen, ++ref) {
    ref = table_.Next(ref);
    if (ref == KeyTable::kNone) break;
    const std::string_view key = table_.Key(ref);
    const size_t bytes = table_.PayloadBytes(ref);
    const std::string_view subject = key.substr(0, key.find('}'));
    if ((!IsCount(bytes) && !request.names_only) || key.substr(subject.size()) != tail) continue;
    if (now_ms > table_.End(ref) || !GlobMatch(match, subject)) continue;
    Page::Entry entry{front + std::string(key)};
    if (!request.names_only) {
      entry.count = LoadCount(table_.Payload(ref), bytes);
      entry.reset_in_ms = table_.End(ref) - now_ms + 1;
    }
    page.entries.push_back(std::move(entry));
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
