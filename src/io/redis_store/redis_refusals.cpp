// What it means to RedisStore's requests when no answer comes: an error reply, a lost connection.
#include "redis_store/redis_store.h"

namespace spillway {
namespace {

// How long a refusal "for the moment" is waited out before asking again.
constexpr int64_t kRetryMs = 10;
constexpr int kMaxHops = 5;

// Only a node of a cluster says this.
bool TellsOfCluster(Refusal refusal) {
  return refusal == Refusal::kMoved || refusal == Refusal::kAsk || refusal == Refusal::kCrossSlot;
}

bool IsTryAgain(std::string_view error) { return error.substr(0, 8) == "TRYAGAIN"; }

}  // namespace

// Nothing was executed, so it may be asked again where that can help.
void RedisStore::Refused(Request* request) {
  const Refusal refusal = Classify(request->error);
  if (refusal == Refusal::kNoScript && !request->send_source) {
    request->send_source = true;
    Again(request, request->node);
    return;
  }
  if (TellsOfCluster(refusal)) {
    topology_.Recognize(std::string_view(request->error).substr(0, request->error.find(' ')));
    // It was sent before that, to what seemed a single server.
    if (topology_.clustered() && Split(request)) return;
  }
  if (Redirect(request, refusal)) return;
  if (refusal == Refusal::kForeign) {
    // That key alone is out of order: neither the server nor what else is counted.
    Fail(request, Status::kForeign);
    return;
  }
  const std::string error = Presentable(request->error);
  topology_.SetLastError(error);
  const bool no_master = refusal == Refusal::kNoMaster;
  topology_.Doubt(refusal);
  if (no_master && !topology_.clustered()) {
    request->node->standing.Misled(error);
    request->node->client.Leave(error);
  }
  if ((refusal == Refusal::kWait || no_master) && !request->abandoned) {
    if (topology_.clustered() && IsTryAgain(error) && request->rules->size() > 1) {
      // Its keys are on their way to another node, not all of them at once: each by itself can be found.
      SplitByKey(request);
      return;
    }
    request->node->standing.PutOff(error);
    request->asking = false;
    request->retry_at_ms = clock_->NowMs() + kRetryMs;
    // Chosen anew when it is sent: the server may be another by then.
    if (request->call == Call::kPlain) request->call = Call::kScript;
    refused_.push_back(request);
    turn_.Request();
    return;
  }
  Node* node = request->node;
  const bool passing = refusal == Refusal::kWait || no_master || refusal == Refusal::kLogin;
  if (request->charges() && !passing) node->standing.Refused(error, request->rule().probe);
  Fail(request, Status::kRefused);
  if (refusal == Refusal::kLogin) node->client.LoginLost(error);
}

bool RedisStore::Redirect(Request* request, Refusal refusal) {
  if (!topology_.clustered() || (refusal != Refusal::kMoved && refusal != Refusal::kAsk)) return false;
  Node* node = topology_.Redirected(refusal, request->error, *request->node);
  if (node == nullptr || request->hops == kMaxHops) return false;
  ++request->hops;
  request->asking = refusal == Refusal::kAsk;
  // Where a slot arrives, its scripts may never have run.
  if (request->asking) request->send_source = true;
  if (request->call == Call::kPlain) request->call = Call::kScript;
  Again(request, node);
  return true;
}

void RedisStore::Again(Request* request, Node* node) {
  if (request->abandoned) {
    Recycle(request);
    return;
  }
  // Its deadline runs on: it goes to the queue, not to `asked_`, and behind what has been asked before.
  QueueAsked(clock_->NowMs());
  Queue(node, request);
  turn_.Request();
}

void RedisStore::OnLost(Request* request) { Fail(request, Status::kDisconnected); }

void RedisStore::Fail(Request* request, Status status) {
  Request* whole = request->whole;
  if (whole != nullptr) {
    SettleAll(whole, status);
    request->whole = nullptr;
    Abandon(whole);
  }
  SettleAll(request, status);
  Recycle(request);
}

}  // namespace spillway
