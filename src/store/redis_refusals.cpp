// What it means to RedisStore's requests when no answer comes: an error reply, a lost connection.
#include "store/redis_store.h"

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
    Again(request, request->lane);
    return;
  }
  if (TellsOfCluster(refusal)) {
    lanes_.Recognize(std::string_view(request->error).substr(0, request->error.find(' ')));
    // It was sent before that, to what seemed a single server.
    if (lanes_.clustered() && Split(request)) return;
  }
  if (Redirect(request, refusal)) return;
  if (refusal == Refusal::kForeign) {
    // That key alone is out of order: neither the server nor what else is counted.
    Fail(request, Ending::kForeign);
    return;
  }
  const std::string error = Presentable(request->error);
  lanes_.Note(error);
  const bool no_master = refusal == Refusal::kNoMaster;
  lanes_.Doubt(refusal);
  if (no_master && !lanes_.clustered()) {
    request->lane->standing.Misled(error);
    request->lane->client.Leave(error);
  }
  if ((refusal == Refusal::kWait || no_master) && !request->abandoned) {
    if (lanes_.clustered() && IsTryAgain(error) && request->rules->size() > 1) {
      // Its keys are on their way to another node, not all of them at once: each by itself can be found.
      SplitByKey(request);
      return;
    }
    request->lane->standing.PutOff(error);
    request->asking = false;
    request->retry_at_ms = clock_->NowMs() + kRetryMs;
    // Chosen anew when it is sent: the server may be another by then.
    if (request->call == Call::kPlain) request->call = Call::kScript;
    refused_.push_back(request);
    turn_.Request();
    return;
  }
  Lane* lane = request->lane;
  const bool passing = refusal == Refusal::kWait || no_master || refusal == Refusal::kLogin;
  if (request->charges() && !passing) lane->standing.Refused(error, request->rule().probe);
  Fail(request, Ending::kRefused);
  if (refusal == Refusal::kLogin) lane->client.LoginLost(error);
}

bool RedisStore::Redirect(Request* request, Refusal refusal) {
  if (!lanes_.clustered() || (refusal != Refusal::kMoved && refusal != Refusal::kAsk)) return false;
  Lane* lane = lanes_.Redirected(refusal, request->error, *request->lane);
  if (lane == nullptr || request->hops == kMaxHops) return false;
  ++request->hops;
  request->asking = refusal == Refusal::kAsk;
  // Where a slot arrives, its scripts may never have run.
  if (request->asking) request->send_source = true;
  if (request->call == Call::kPlain) request->call = Call::kScript;
  Again(request, lane);
  return true;
}

void RedisStore::Again(Request* request, Lane* lane) {
  if (request->abandoned) {
    Recycle(request);
    return;
  }
  // Its deadline runs on: it goes to the queue, not to `asked_`, and behind what has been asked before.
  QueueAsked(clock_->NowMs());
  Queue(lane, request);
  turn_.Request();
}

void RedisStore::OnLost(Request* request) { Fail(request, Ending::kDisconnected); }

void RedisStore::Fail(Request* request, Ending ending) {
  Request* whole = request->whole;
  if (whole != nullptr) {
    SettleAll(whole, ending);
    request->whole = nullptr;
    Abandon(whole);
  }
  SettleAll(request, ending);
  Recycle(request);
}

}  // namespace spillway
