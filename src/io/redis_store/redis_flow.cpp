// How RedisStore's requests flow: asked, queued in a node, written, and ended at their deadlines.
#include <algorithm>

#include "redis_store/redis_store.h"

namespace spillway {
namespace {

constexpr size_t kBytesPerWrite = size_t{256} * 1024;
// PEXPIRETIME and PEXPIRE NX came with this version.
constexpr int64_t kPlainFormMajor = 7;

int64_t MajorOf(const std::string& version) {
  int64_t major = 0;
  return ParseInteger(std::string_view(version).substr(0, version.find('.')), &major) ? major : 0;
}

// Units beyond a limit near 2^53 would look like a block until they are taken back.
bool MayBePlain(const Request& request) {
  return request.call == Call::kScript && request.cost == 1 && request.waiters() > 0 && !request.no_plain &&
         request.rule().limit > 0 && request.rule().limit <= kMostCounted;
}

}  // namespace

int64_t RedisStore::OnFlush() {
  const int64_t now_ms = clock_->NowMs();
  QueueAsked(now_ms);
  while (!refused_.empty() && refused_.front()->retry_at_ms <= now_ms) {
    Request* request = refused_.front();
    refused_.pop_front();
    if (request->abandoned) {
      Recycle(request);
    } else {
      Dispatch(request);
    }
  }
  topology_.Flush(now_ms);
  FollowTopology();
  for (Node* node : topology_.all()) Send(node, now_ms);
  scan_.Flush(now_ms);
  return NextWake();
}

int64_t RedisStore::NextWake() const {
  const int64_t retry_ms = refused_.empty() ? INT64_MAX : refused_.front()->retry_at_ms;
  return std::min({deadlines_.Earliest(), retry_ms, topology_.NextTick(), scan_.NextTick()});
}

// A deadline counts from here, not from each call: within one turn JavaScript could not have seen an answer anyway. What
// nobody waits for (a take-back, say) has one too: it is not kept for ever.
void RedisStore::QueueAsked(int64_t now_ms) {
  for (Request* request : asked_) {
    deadlines_.Add(request, now_ms, request->rule().timeout_ms);
    Dispatch(request);
  }
  asked_.clear();
  turn_table_.Clear();
}

void RedisStore::Dispatch(Request* request) {
  if (!topology_.clustered() || !Split(request)) Route(request);
}

void RedisStore::FollowTopology() {
  const std::string by = topology_.TakeRecognized();
  if (!by.empty())
    results_->events.push_back({Event::Kind::kClustered, AddressOf(topology_.given()), "recognized by " + by});
  if (topology_.TakeRemapped()) Reroute();
}

void RedisStore::Route(Request* request) {
  Node* node = topology_.Of(request->key());
  if (node != nullptr) {
    Queue(node, request);
  } else {
    QueueIn(&unrouted_, request);
  }
}

// What waits goes where its slot is now, but for what an ASK has sent where it is.
void RedisStore::Reroute() {
  std::vector<Request*> waiting;
  while (!unrouted_.empty()) waiting.push_back(Unqueue(&unrouted_));
  for (Node* node : topology_.all()) {
    for (size_t left = node->queue.size(); left > 0; --left) {
      Request* request = Unqueue(&node->queue);
      if (request->asking) {
        Queue(node, request);
      } else {
        waiting.push_back(request);
      }
    }
  }
  for (Request* request : waiting) Dispatch(request);
}

void RedisStore::Queue(Node* node, Request* request) {
  request->node = node;
  QueueIn(&node->queue, request);
}

void RedisStore::QueueIn(std::deque<Request*>* queue, Request* request) {
  queue->push_back(request);
  request->queued = true;
  ++queued_;
}

Request* RedisStore::Unqueue(std::deque<Request*>* queue) {
  Request* request = queue->front();
  queue->pop_front();
  request->queued = false;
  --queued_;
  if (request->abandoned) --stale_;
  return request;
}

void RedisStore::Send(Node* node, int64_t now_ms) {
  Client& client = node->client;
  if (!client.ready()) return;
  const bool plain_form = MajorOf(client.server_version()) >= kPlainFormMajor;
  bool timed = false;
  while (!node->queue.empty() && client.ready() && !client.congested()) {
    Request* request = Unqueue(&node->queue);
    if (request->abandoned) {
      Recycle(request);
      continue;
    }
    if (plain_form && MayBePlain(*request) && denied_.Until(request->hash) < now_ms) {
      request->call = Call::kPlain;
    }
    if (request->call == Call::kPlain && !timed) {
      timed = true;
      EncodeTime(client.out());
      client.Expect(&node->flush_time, 1);
    }
    const bool gives_back = request->call == Call::kTakeBack || request->call == Call::kRefund;
    if (gives_back && node->BringsSource(request->call)) request->send_source = true;
    client.Expect(request, Encode(request, client.out()));
    if (client.out()->size() >= kBytesPerWrite) client.Flush();
  }
  client.Flush();
}

int64_t RedisStore::OnTurnEnd() {
  const int64_t now_ms = clock_->NowMs();
  topology_.Tick(now_ms);
  scan_.Tick(now_ms);
  EndOverdue(now_ms);
  DropStale();
  // What was asked while reading (a take-back, a script's source) leaves at once: the process may end after this turn.
  QueueAsked(now_ms);
  FollowTopology();
  for (Node* node : topology_.all()) {
    node->standing.EndTurn(now_ms);
    Send(node, now_ms);
    // What waits for a reconnection, or for a server that reads again, is woken by those; a refusal by its time.
    if (node->client.ready() && !node->queue.empty() && !node->client.congested()) turn_.Request();
  }
  if (waiting_ == 0 && scan_.idle()) turn_.LetGo();
  const int64_t next = NextWake();
  // Last: it may destroy this store.
  if (!results_->empty()) deliver_();
  return next;
}

void RedisStore::EndOverdue(int64_t now_ms) {
  while (Expiring* due = deadlines_.TakeDue(now_ms)) {
    auto* request = static_cast<Request*>(due);
    timeouts_ += static_cast<int64_t>(request->tickets.size());
    NoteLate(*request);
    SettleAll(request, Status::kTimedOut);
    if (request->parts.empty()) {
      SetAbandoned(request);
    } else {
      Abandon(request);
    }
  }
}

void RedisStore::NoteLate(const Request& request) {
  for (const Request* part : request.parts) {
    if (!part->answered) NoteLate(*part);
  }
  if (!request.parts.empty() || !topology_.Has(request.node)) return;
  request.node->standing.Late(request.rule().timeout_ms);
}

void RedisStore::SetAbandoned(Request* request) {
  request->abandoned = true;
  if (request->queued) ++stale_;
}

// Wherever they stand: one in front may have much more time than those behind it. Not one by one, because each costs a
// walk: once they are an eighth of what is queued, which is how much more memory they may take.
void RedisStore::DropStale() {
  if (stale_ == 0 || stale_ * 8 < queued_) return;
  const auto drop = [this](std::deque<Request*>* queue) {
    for (size_t left = queue->size(); left > 0; --left) {
      Request* request = Unqueue(queue);
      if (request->abandoned) {
        Recycle(request);
      } else {
        QueueIn(queue, request);
      }
    }
  };
  drop(&unrouted_);
  for (Node* node : topology_.all()) drop(&node->queue);
}

}  // namespace spillway
