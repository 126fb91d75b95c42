#include "redis_store/asides.h"

#include <algorithm>
#include <utility>

#include "redis/refusal.h"
#include "redis/wire.h"

namespace spillway {
namespace {

constexpr size_t kMaxWaiting = 1024;
constexpr int kMaxHops = 5;

// The texts of a reply, those of a list one behind the other. What is nil has a count of 0.
void AppendTexts(const Reply& reply, std::vector<Page::Entry>* entries) {
  for (size_t i = 0; i < reply.size(); ++i) {
    switch (reply.type(i)) {
      case Reply::Type::kArray:
        break;
      case Reply::Type::kInteger:
        entries->push_back({std::to_string(reply.integer(i)), 1});
        break;
      case Reply::Type::kNil:
        entries->push_back({});
        break;
      default:
        entries->push_back({std::string(reply.text(i)), 1});
    }
  }
}

}  // namespace

void Asides::Add(const AsideRequest& request) {
  all_.push_back(std::make_unique<Aside>(this, request));
  if (all_.size() > kMaxWaiting) End(all_.back().get(), Status::kQueueFull);
}

void Asides::Flush(int64_t now_ms) {
  Sweep();
  for (const auto& aside : all_) {
    if (aside->deadline_ms == INT64_MAX) aside->deadline_ms = now_ms + aside->request.timeout_ms;
    if (!aside->sent) Write(aside.get());
  }
}

void Asides::Write(Aside* aside) {
  // While it waits its slot may go elsewhere; what an ASK said holds for as long as that node is there.
  if (!aside->asking || !topology_->Has(aside->node)) {
    aside->asking = false;
    aside->node = topology_->Of(aside->request.key);
  }
  if (aside->node == nullptr) return;
  Client& client = aside->node->client;
  if (!client.ready() || client.congested()) return;
  if (aside->asking) AppendCommand({"ASKING"}, client.out());
  AppendArray(aside->request.arguments.size(), client.out());
  for (const std::string& argument : aside->request.arguments) AppendBulk(argument, client.out());
  aside->sent = true;
  client.Expect(aside, aside->asking ? 2 : 1);
}

void Asides::Take(Aside* aside, const Reply& reply) {
  if (aside->asking) {
    aside->asking = false;
    return;
  }
  if (aside->abandoned) {
    aside->done = true;
    return;
  }
  if (reply.IsError()) {
    if (!Again(aside, reply)) End(aside, Status::kRefused);
    return;
  }
  Page page;
  AppendTexts(reply, &page.entries);
  Tell(aside, std::move(page));
  aside->done = true;
}

void Asides::BringSource(Aside* aside) {
  aside->request.arguments[0] = "EVAL";
  aside->request.arguments[1] = aside->request.source;
}

bool Asides::Again(Aside* aside, const Reply& reply) {
  const Refusal refusal = Classify(reply.text());
  const bool by_hash = aside->request.arguments.front() == "EVALSHA";
  Node* from = std::exchange(aside->node, nullptr);
  aside->sent = false;
  if (refusal == Refusal::kNoScript && by_hash) {
    BringSource(aside);
    return true;
  }
  if (refusal == Refusal::kMoved || refusal == Refusal::kAsk) {
    topology_->Recognize(reply.text().substr(0, reply.text().find(' ')));
    Node* to = topology_->clustered() ? topology_->Redirected(refusal, reply.text(), *from) : nullptr;
    if (to != nullptr && ++aside->hops <= kMaxHops) {
      aside->asking = refusal == Refusal::kAsk;
      aside->node = to;
      // Where a slot arrives, its scripts may never have run.
      if (aside->asking && by_hash) BringSource(aside);
      return true;
    }
  }
  const std::string error = Presentable(reply.text());
  topology_->SetLastError(error);
  topology_->Doubt(refusal);
  if (refusal == Refusal::kNoMaster && !topology_->clustered()) {
    from->standing.Misled(error);
    from->client.Leave(error);
  }
  if (refusal == Refusal::kLogin) from->client.LoginLost(error);
  return false;
}

void Asides::Tell(Aside* aside, Page page) {
  page.ticket = aside->request.ticket;
  results_->pages.push_back(std::move(page));
  aside->abandoned = true;
}

void Asides::End(Aside* aside, Status status) {
  if (!aside->abandoned) {
    Page page;
    page.status = status;
    Tell(aside, std::move(page));
  }
  // A reply that is still due keeps its place.
  aside->done = !aside->sent || status == Status::kDisconnected;
}

void Asides::Sweep() {
  const auto gone = [](const std::unique_ptr<Aside>& aside) { return aside->done; };
  all_.erase(std::remove_if(all_.begin(), all_.end(), gone), all_.end());
}

void Asides::Tick(int64_t now_ms) {
  for (const auto& aside : all_) {
    if (aside->abandoned || now_ms < aside->deadline_ms) continue;
    End(aside.get(), aside->sent ? Status::kTimedOut : Status::kBreakerOpen);
  }
  Sweep();
}

int64_t Asides::NextTick() const {
  int64_t next = INT64_MAX;
  for (const auto& aside : all_) {
    if (!aside->abandoned) next = std::min(next, aside->deadline_ms);
  }
  return next;
}

bool Asides::idle() const {
  return std::none_of(all_.begin(), all_.end(), [](const std::unique_ptr<Aside>& aside) {
    return aside->request.keeps_process && !aside->abandoned;
  });
}

void Asides::Close() {
  for (const auto& aside : all_) End(aside.get(), Status::kClosed);
}

}  // namespace spillway
