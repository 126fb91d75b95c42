#include "store/memory_store.h"

#include <algorithm>
#include <cstdlib>

#include "algorithms/fixed_window.h"
#include "glob.h"
#include "key.h"

namespace spillway {

MemoryStore::MemoryStore(std::string prefix, size_t max_keys, const Clock* clock, Results* results)
    : prefix_(std::move(prefix)), clock_(clock), results_(results), started_ms_(clock->NowMs()), table_(max_keys) {}

bool MemoryStore::Check(const Rule& rule, std::string_view key, int64_t cost, Ticket ticket, Outcome* now) {
  const std::string_view subject = Subject(rule, key);
  const int64_t now_ms = Now();
  KeyTable::Ref ref = table_.Find(subject);
  FixedWindow window;
  if (ref != KeyTable::kNone) window = {table_.Count(ref), table_.End(ref)};
  now->ticket = ticket;
  now->ending = Ending::kAnswered;
  now->decision = FixedWindowCheck(rule, cost, now_ms, &window);
  if (ref != KeyTable::kNone) {
    // Also after a denial: the window may have been cut. One that has ended stays as it was.
    if (window.ends_at_ms >= 0) table_.Set(ref, window.used, window.ends_at_ms);
  } else if (now->decision.allowed) {
    ref = table_.Insert(subject, now_ms);
    table_.Set(ref, window.used, window.ends_at_ms);
  }
  return true;
}

bool MemoryStore::Peek(const Rule& rule, std::string_view key, Ticket ticket, Outcome* now) {
  const KeyTable::Ref ref = table_.Find(Subject(rule, key));
  const int64_t now_ms = Now();
  const bool running = ref != KeyTable::kNone && now_ms <= table_.End(ref);
  const int64_t rest = running ? std::min(rule.window_ms, table_.End(ref) - now_ms) : rule.window_ms;
  *now = {ticket, Ending::kAnswered, FixedWindowPeek(rule, running ? table_.Count(ref) : 0, rest)};
  return true;
}

bool MemoryStore::Reset(const Rule& rule, std::string_view key, Ticket ticket, Outcome* now) {
  const KeyTable::Ref ref = table_.Find(Subject(rule, key));
  *now = {ticket, Ending::kAnswered, {}};
  if (ref == KeyTable::kNone) return true;
  now->decision.used = Now() <= table_.End(ref) ? 1 : 0;
  table_.Erase(ref);
  return true;
}

void MemoryStore::List(const ListRequest& request) {
  Page page;
  page.ticket = request.ticket;
  // Encoded as ids are; the glob's own characters are not among those that are encoded.
  std::string match;
  AppendEncoded(request.match, &match);
  const int64_t now_ms = Now();
  KeyTable::Ref ref = static_cast<KeyTable::Ref>(std::strtoul(request.cursor.c_str(), nullptr, 10));
  for (int64_t seen = 0; seen < request.page_size; ++seen, ++ref) {
    ref = table_.Next(ref);
    if (ref == KeyTable::kNone) break;
    const std::string_view subject = table_.Key(ref);
    if (now_ms > table_.End(ref) || !GlobMatch(match, subject)) continue;
    page.entries.push_back({prefix_ + std::string(subject), table_.Count(ref), table_.End(ref) - now_ms});
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
