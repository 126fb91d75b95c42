#include "state.h"

#include <charconv>

namespace spillway {
namespace {

constexpr std::string_view kVersion = "1:";
constexpr int64_t kMaxSubWindowMs = (kMaxWindowMs + 9) / 10;
// Behind this a log's times do not fit into an entry.
constexpr int64_t kLogSpanMs = int64_t{1} << 40;

// The numbers of a text, each behind a comma.
class Numbers {
 public:
  explicit Numbers(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return at_ == end_; }
  // A number from `least` to `most`, written as WriteState writes it.
  bool Next(int64_t least, int64_t most, int64_t* value) {
    if (end_ - at_ < 2 || *at_ != ',' || at_[1] < '0' || at_[1] > '9') return false;
    const char* digits = at_ + 1;
    const auto [behind, error] = std::from_chars(digits, end_, *value);
    if (error != std::errc() || (*digits == '0' && behind != digits + 1)) return false;
    at_ = behind;
    return *value >= least && *value <= most;
  }

 private:
  const char* at_;
  const char* end_;
};

bool ReadWindow(Numbers* numbers, SlidingWindow* window) {
  if (!numbers->Next(1, kMaxSubWindowMs, &window->sub_ms)) return false;
  if (!numbers->Next(0, kMaxTimeMs / window->sub_ms, &window->newest)) return false;
  int64_t used = 0;
  int64_t last = 1;
  for (size_t i = 0; i < SlidingWindow::kSubWindows && !numbers->done(); ++i) {
    if (!numbers->Next(0, kMaxLimit - used, &window->counts[i])) return false;
    last = window->counts[i];
    used += last;
  }
  return last > 0;
}

bool ReadBucket(Numbers* numbers, TokenBucket* bucket) {
  return numbers->Next(0, kMaxLimit, &bucket->missing) && numbers->Next(0, kMaxTimeMs, &bucket->at_ms) &&
         numbers->Next(1, kMaxWindowMs, &bucket->scale_ms);
}

bool ReadLog(Numbers* numbers, State* state) {
  std::vector<SlidingLog::Entry> entries;
  int64_t at_ms = 0;
  int64_t left = kMaxLogLimit;
  for (bool first = true; !numbers->done(); first = false) {
    int64_t later_ms = 0;
    int64_t units = 0;
    if (!numbers->Next(first ? 0 : 1, kMaxTimeMs - at_ms, &later_ms) || !numbers->Next(1, left, &units)) return false;
    at_ms += later_ms;
    left -= units;
    if (at_ms >= state->since_ms && at_ms - state->since_ms < kLogSpanMs) {
      entries.push_back({at_ms - state->since_ms, units});
    }
  }
  state->log.assign(SlidingLog::BytesFor(std::max(entries.size(), kFirstLogEntries)), 0);
  SlidingLog log(state->log.data(), state->log.size());
  for (const SlidingLog::Entry& entry : entries) log.PushBack(entry);
  return true;
}

void Append(int64_t number, std::string* text) {
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  *text += ',';
  text->append(digits, static_cast<size_t>(end - digits));
}

void AppendLog(const State& state, std::string* text) {
  std::vector<uint8_t> bytes = state.log;
  const SlidingLog log(bytes.data(), bytes.size());
  int64_t before_ms = -state.since_ms;
  for (size_t i = 0; i < log.size(); ++i) {
    const SlidingLog::Entry entry = log.At(i);
    Append(entry.at_ms - before_ms, text);
    Append(entry.units, text);
    before_ms = entry.at_ms;
  }
}

}  // namespace

bool ReadState(std::string_view text, int64_t since_ms, State* state) {
  state->since_ms = since_ms;
  if (text.empty()) return true;
  if (text.size() <= kVersion.size() || text.substr(0, kVersion.size()) != kVersion) return false;
  const char letter = text[kVersion.size()];
  Numbers numbers(text.substr(kVersion.size() + 1));
  state->there = true;
  if (!numbers.Next(0, kMaxLimit, &state->end_ms)) return false;
  bool good = false;
  switch (letter) {
    case 'b':
      state->count = kBlocked;
      good = true;
      break;
    case 'f':
      good = numbers.Next(0, kMaxLimit, &state->count);
      break;
    case 'w':
      state->kind = RecordKind::kSlidingWindow;
      good = ReadWindow(&numbers, &state->window);
      break;
    case 'l':
      state->kind = RecordKind::kSlidingLog;
      good = ReadLog(&numbers, state);
      break;
    case 't':
      state->kind = RecordKind::kTokenBucket;
      good = ReadBucket(&numbers, &state->bucket);
      break;
    default:
      break;
  }
  return good && numbers.done();
}

std::string WriteState(const State& state) {
  std::string text(kVersion);
  switch (state.kind) {
    case RecordKind::kCount: {
      const bool blocked = state.count == kBlocked;
      text += blocked ? 'b' : 'f';
      Append(state.end_ms, &text);
      if (!blocked) Append(state.count, &text);
      break;
    }
    case RecordKind::kSlidingWindow: {
      text += 'w';
      Append(state.end_ms, &text);
      Append(state.window.sub_ms, &text);
      Append(state.window.newest, &text);
      size_t size = SlidingWindow::kSubWindows;
      while (size > 0 && state.window.counts[size - 1] == 0) --size;
      for (size_t i = 0; i < size; ++i) Append(state.window.counts[i], &text);
      break;
    }
    case RecordKind::kSlidingLog:
      text += 'l';
      Append(state.end_ms, &text);
      AppendLog(state, &text);
      break;
    case RecordKind::kTokenBucket:
      text += 't';
      Append(state.end_ms, &text);
      Append(state.bucket.missing, &text);
      Append(state.bucket.at_ms, &text);
      Append(state.bucket.scale_ms, &text);
      break;
  }
  return text;
}

}  // namespace spillway
