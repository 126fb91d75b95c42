#include "redis_store/refusals.h"

#include <string>

#include "redis_store/forms/form.h"

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

// The server may be another by the time that it is sent.
void ChooseAnew(Command* command) {
  if (command->form->chosen_anew) command->form = nullptr;
}

}  // namespace

Remedy Refusals::Find(Command* command) {
  PendingCheck* check = command->check;
  const Refusal refusal = Classify(command->error);
  const bool charges = command->form->charges && check->op != Op::kPeek;
  if (refusal == Refusal::kNoScript && !command->send_source) {
    command->send_source = true;
    return Remedy::kAgain;
  }
  if (TellsOfCluster(refusal)) {
    topology_->Recognize(std::string_view(command->error).substr(0, command->error.find(' ')));
    // It was sent before that, to what seemed a single server.
    if (topology_->clustered() && scatter_->Split(check)) return Remedy::kLater;
  }
  if (Redirect(command, refusal)) return Remedy::kAgain;
  if (refusal == Refusal::kForeign) return Remedy::kForeign;
  const std::string error = Presentable(command->error);
  Node* node = command->node;
  topology_->SetLastError(error);
  topology_->Doubt(refusal);
  const bool no_master = refusal == Refusal::kNoMaster;
  if (no_master && !topology_->clustered()) {
    node->standing.Misled(error);
    node->client.Leave(error);
  }
  const bool for_the_moment = refusal == Refusal::kWait || no_master;
  if (for_the_moment && PutOff(command, error)) return Remedy::kLater;
  if (charges && !for_the_moment && refusal != Refusal::kLogin) node->standing.Refused(error, check->rule().probe);
  return Remedy::kEnd;
}

bool Refusals::PutOff(Command* command, std::string_view error) {
  PendingCheck* check = command->check;
  if (check->abandoned) return false;
  if (topology_->clustered() && IsTryAgain(error) && check->rules->size() > 1) {
    // Its keys are on their way to another node, not all of them at once: each by itself can be found.
    scatter_->SplitByKey(check);
    return true;
  }
  command->node->standing.PutOff(std::string(error));
  command->asking = false;
  ChooseAnew(command);
  outbox_->Delay(command, clock_->NowMs() + kRetryMs);
  return true;
}

bool Refusals::Redirect(Command* command, Refusal refusal) {
  if (!topology_->clustered() || (refusal != Refusal::kMoved && refusal != Refusal::kAsk)) return false;
  Node* node = topology_->Redirected(refusal, command->error, *command->node);
  if (node == nullptr || command->hops == kMaxHops) return false;
  ++command->hops;
  command->node = node;
  command->asking = refusal == Refusal::kAsk;
  // Where a slot arrives, its scripts may never have run.
  if (command->asking) command->send_source = true;
  ChooseAnew(command);
  return true;
}

}  // namespace spillway
