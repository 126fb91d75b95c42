#include "redis_store/key_scan.h"

#include <algorithm>
#include <unordered_set>

#include "key.h"
#include "redis/refusal.h"
#include "redis_store/forms/read.h"
#include "scripts.h"

namespace spillway {
namespace {

constexpr int64_t kIdleMs = 10000;
// Between two pages checks have the server, and this thread, for themselves.
constexpr int64_t kPauseMs = 1;
// A page's keys and values are held at once.
constexpr size_t kMaxPageBytes = size_t{16} << 20;

// What a cursor of a cluster's listing begins with; SCAN's own stands behind it.
std::string NameOf(const Endpoint& server) { return AddressOf(server) + " "; }

bool StartsWith(const std::string& text, const std::string& start) { return text.compare(0, start.size(), start) == 0; }

}  // namespace

KeyScan::KeyScan(const ClientConfig& config, Topology* topology, const Clock* clock, Results* results,
                 std::function<void()> on_change, std::function<void(const std::string&)> note)
    : config_(config),
      topology_(topology),
      clock_(clock),
      results_(results),
      on_change_(std::move(on_change)),
      note_(std::move(note)) {
  config_.max_reply_bytes = kMaxPageBytes;
}

void KeyScan::Flush(int64_t now_ms) {
  if (pages_.empty()) return;
  if (deadline_ms_ == INT64_MAX) deadline_ms_ = now_ms + kPageTimeoutMs;
  if (step_ == Step::kNone) {
    paused_ = now_ms < idle_since_ms_ + kPauseMs;
    if (paused_ || !Choose() || !client_->ready() || Recognize()) return;
    Scan();
  } else if (step_ == Step::kValues && !asked_) {
    AskValues();
  } else if (step_ == Step::kTexts && !asked_) {
    AskTexts();
  }
  client_->Flush();
}

bool KeyScan::Choose() {
  const std::string& cursor = pages_.front().cursor;
  const std::vector<Endpoint> servers = topology_->Servers();
  if (servers.empty()) {
    if (!topology_->denied().empty()) {
      note_(topology_->denied());
      Finish(Status::kRefused);
    }
    return false;
  }
  const auto at = std::find_if(servers.begin(), servers.end(), [&](const Endpoint& server) {
    return !topology_->clustered() || cursor.empty() || StartsWith(cursor, NameOf(server));
  });
  if (at == servers.end()) {
    note_("a server left the cluster while its keys were listed");
    Finish(Status::kRefused);
    return false;
  }
  const Endpoint to = topology_->IsHome(*at) && !misled_ ? topology_->given() : *at;
  server_ = *at;
  if (client_ == nullptr || dialled_ != to) {
    dialled_ = to;
    client_ = std::make_unique<Client>(config_, topology_->DialOf(to), clock_, on_change_);
    chosen_ = false;
  }
  if (!chosen_) {
    chosen_ = true;
    failures_before_ = client_->reconnects();
    client_->Start();
  }
  return true;
}

bool KeyScan::Recognize() {
  if (topology_->clustered() || !client_->capabilities().cluster_mode) return false;
  topology_->Recognize("INFO");
  topology_->Start();
  return topology_->clustered();
}

void KeyScan::Scan() {
  clustered_ = topology_->clustered();
  id_asked_ = topology_->IsHome(server_) && dialled_ != server_;
  stranger_ = false;
  if (id_asked_) {
    AppendCommand({"CLUSTER", "MYID"}, client_->out());
    client_->Expect(this, 1);
  }
  const ListRequest& request = pages_.front();
  page_ = Page{};
  page_.ticket = request.ticket;
  std::string cursor = request.cursor;
  if (topology_->clustered() && !cursor.empty()) cursor.erase(0, NameOf(server_).size());
  std::string pattern;
  AppendGlobLiteral(KeyFront(request.prefix, request.part), &pattern);
  // Encoded as ids are; the glob's own characters are not among those that are encoded.
  AppendEncoded(request.match, &pattern);
  AppendGlobLiteral(KeyTail(request.part), &pattern);
  AppendCommand({"SCAN", cursor.empty() ? "0" : cursor, "MATCH", pattern, "COUNT", std::to_string(request.page_size)},
                client_->out());
  client_->Expect(this, 1);
  step_ = Step::kScan;
}

void KeyScan::AskValues() {
  asked_ = true;
  for (const std::string& key : keys_) {
    AppendCommand({"GET", key}, client_->out());
    AppendCommand({"PTTL", key}, client_->out());
  }
  client_->Expect(this, static_cast<int>(2 * keys_.size()));
}

void KeyScan::AskTexts() {
  asked_ = true;
  // The first brings the script, the others find it there.
  bool first = true;
  for (const Page::Entry& entry : texts_) {
    AppendCommand({first ? "EVAL" : "EVALSHA", first ? k_count_alone.source : k_count_alone.sha1, "1", entry.key},
                  client_->out());
    first = false;
  }
  client_->Expect(this, static_cast<int>(texts_.size()));
}

std::string KeyScan::After(const std::string& cursor) const {
  if (!topology_->clustered()) return cursor == "0" ? "" : cursor;
  if (cursor != "0") return NameOf(server_) + cursor;
  const std::vector<Endpoint> servers = topology_->Servers();
  const auto at = std::upper_bound(servers.begin(), servers.end(), server_, Topology::Before);
  return at == servers.end() ? "" : NameOf(*at) + "0";
}

void KeyScan::OnReply(const Reply& reply) {
  if (id_asked_) {
    id_asked_ = false;
    stranger_ = reply.text() != topology_->home_id();
  } else if (step_ == Step::kScan) {
    TakeKeys(reply);
  } else if (step_ == Step::kValues) {
    TakeValue(reply);
  } else {
    TakeText(reply);
  }
}

void KeyScan::TakeKeys(const Reply& reply) {
  if (stranger_) {
    misled_ = true;
    step_ = Step::kNone;
    chosen_ = false;
    idle_since_ms_ = clock_->NowMs();
    on_change_();
    return;
  }
  if (clustered_ != topology_->clustered()) {
    note_("a cluster was recognized while its keys were listed");
    Finish(Status::kRefused);
    return;
  }
  if (reply.size() < 3 || reply.type(2) != Reply::Type::kArray) {
    note_(reply.IsError() ? Presentable(reply.text()) : "SCAN was answered in an unknown shape");
    Finish(Status::kRefused);
    return;
  }
  page_.cursor = After(std::string(reply.text(1)));
  keys_.clear();
  // SCAN may name a key twice in one page.
  std::unordered_set<std::string_view> seen;
  const std::string reserved = KeyFront(pages_.front().prefix, pages_.front().part) + "%";
  for (size_t i = 3; i < reply.size(); ++i) {
    const std::string_view key = reply.text(i);
    // `%` and no digit: the package's own keys. Ids are encoded with two digits.
    const bool own = key.substr(0, reserved.size()) == reserved && key.size() > reserved.size() &&
                     !(key[reserved.size()] >= '0' && key[reserved.size()] <= '9');
    if (!own && seen.insert(key).second) keys_.emplace_back(key);
  }
  values_seen_ = 0;
  texts_.clear();
  asked_ = false;
  step_ = Step::kValues;
  if (pages_.front().names_only) {
    for (std::string& key : keys_) page_.entries.push_back({std::move(key)});
    keys_.clear();
  }
  if (keys_.empty()) {
    Finish(Status::kAnswered);
  } else {
    on_change_();
  }
}

void KeyScan::TakeValue(const Reply& reply) {
  const size_t at = values_seen_++;
  if (at % 2 == 0) {
    // Gone by now, or not a counter of ours: not listed.
    countable_ = reply.type() == Reply::Type::kString;
    is_text_ = countable_ && !ParseCount(reply.text(), &count_);
  } else if (countable_ && reply.type() == Reply::Type::kInteger && reply.integer() != -2) {
    // A key lives through the millisecond of its expiry.
    const int64_t rest = reply.integer() < 0 ? 0 : std::min(reply.integer(), kMaxLimit) + 1;
    (is_text_ ? texts_ : page_.entries).push_back({keys_[at / 2], is_text_ ? 0 : count_, rest});
  }
  if (values_seen_ < 2 * keys_.size()) return;
  if (texts_.empty()) {
    Finish(Status::kAnswered);
    return;
  }
  step_ = Step::kTexts;
  asked_ = false;
  values_seen_ = 0;
  on_change_();
}

void KeyScan::TakeText(const Reply& reply) {
  Page::Entry& entry = texts_[values_seen_++];
  if (reply.type() == Reply::Type::kInteger) {
    entry.count = std::clamp(reply.integer(), -kBlocked, kBlocked);
    page_.entries.push_back(std::move(entry));
  }
  if (values_seen_ == texts_.size()) Finish(Status::kAnswered);
}

void KeyScan::OnLost() {
  // The loss is told for each command that was due; the page ends once.
  if (step_ == Step::kNone) return;
  note_(client_->last_error());
  Finish(Status::kDisconnected);
}

void KeyScan::Finish(Status status) {
  if (status != Status::kAnswered) {
    page_ = Page{};
    page_.ticket = pages_.front().ticket;
  }
  page_.status = status;
  results_->pages.push_back(std::move(page_));
  pages_.pop_front();
  step_ = Step::kNone;
  deadline_ms_ = INT64_MAX;
  chosen_ = false;
  idle_since_ms_ = clock_->NowMs();
  on_change_();
}

void KeyScan::Tick(int64_t now_ms) {
  if (client_ != nullptr) client_->Tick(now_ms);
  if (pages_.empty()) {
    if (now_ms - idle_since_ms_ >= kIdleMs) client_.reset();
    return;
  }
  if (deadline_ms_ == INT64_MAX) return;
  if (chosen_ && !client_->ready() && client_->reconnects() > failures_before_) {
    note_(client_->last_error());
    Finish(Status::kDisconnected);
  } else if (now_ms >= deadline_ms_) {
    // Replies that are still due must not be taken for those of the next page.
    client_.reset();
    Finish(Status::kTimedOut);
  }
}

int64_t KeyScan::NextTick() const {
  int64_t next = client_ == nullptr ? INT64_MAX : client_->NextTick();
  // One that has not begun, because the one in front has just ended, begins behind the pause.
  const bool begun = deadline_ms_ != INT64_MAX && !paused_;
  if (!pages_.empty()) next = std::min(next, begun ? deadline_ms_ : idle_since_ms_ + kPauseMs);
  if (pages_.empty() && client_ != nullptr) next = std::min(next, idle_since_ms_ + kIdleMs);
  return next;
}

void KeyScan::Close() {
  client_.reset();
  while (!pages_.empty()) Finish(Status::kClosed);
}

}  // namespace spillway
