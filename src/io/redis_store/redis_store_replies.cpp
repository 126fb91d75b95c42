// What becomes of commands: the steps that replies take them, refusals, and the ends of those that bring no answer.
#include <string>

#include "redis_store/redis_store.h"

namespace spillway {
namespace {

// Nobody waits for its answer any more.
bool IsLate(const PendingCheck& check) { return check.abandoned || (check.is_part && check.whole == nullptr); }

}  // namespace

void RedisStore::OnStep(Command* command, Step step) {
  PendingCheck* check = command->check;
  for (int i = 0; i < reading.follow_up_count; ++i) Follow(*check, reading.follow_ups[i]);
  reading.follow_up_count = 0;
  switch (step) {
    case Step::kMore:
      return;
    case Step::kAgain:
      Again(command);
      return;
    case Step::kRefused:
      Refused(command);
      return;
    case Step::kWindow:
      Answered(*command);
      TakeWindow(check);
      return;
    case Step::kDecision:
      Answered(*command);
      tickets_.Answer(check, reading.decision);
      pool_.Recycle(check);
      return;
    case Step::kRules:
      Answered(*command);
      if (check->numbers[0] > 0) Counted(*command);
      break;
    case Step::kNumber:
      Answered(*command);
      check->numbers.assign(1, reading.number);
      TakeNumber(check);
      return;
  }
  PendingCheck* whole = check->is_part ? scatter_.TakeAnswer(check) : check;
  if (whole == nullptr) return;
  tickets_.AnswerRules(whole, whole == check ? check->numbers : scatter_.joined());
  pool_.Recycle(whole);
}

void RedisStore::Follow(const PendingCheck& check, const FollowUp& next) {
  PendingCheck* made = pool_.New(Op::kCheck, *check.rules, next.units);
  made->command.form = next.form;
  made->keys[0].assign(check.key());
  made->hash = check.hash;
  made->marks.assign(next.marks, next.marks + 2);
  Ask(made);
}

void RedisStore::TakeWindow(PendingCheck* check) {
  const WindowReading& window = reading.window;
  if (window.admitted > 0 || reading.charged) Counted(check->command);
  reading.charged = false;
  const bool waited = !check->tickets.empty();
  tickets_.Admit(check, window);
  if (check->tickets.empty()) {
    if (waited && window.admitted > 0) windows_.Forget(check->hash);
    pool_.Recycle(check);
    return;
  }
  const int64_t now_ms = clock_->NowMs();
  windows_.Deny(check->hash, now_ms + window.rest_ms, now_ms);
  if (!window.end_known) {
    // How long to wait is not known: the script, behind a take-back, can say.
    check->command.form = nullptr;
    check->command.by_script = true;
    Again(&check->command);
    return;
  }
  tickets_.Deny(check, window);
  pool_.Recycle(check);
}

void RedisStore::TakeNumber(PendingCheck* check) {
  PendingCheck* whole = check->is_part ? scatter_.TakeAnswer(check) : check;
  if (whole == nullptr) return;
  // What was denied may be admitted again, or what was admitted denied.
  if (whole->op != Op::kCheck) windows_.Forget(whole->hash);
  Decision decision;
  decision.used = whole == check ? check->numbers[0] : scatter_.joined()[0];
  tickets_.Answer(whole, decision);
  pool_.Recycle(whole);
}

// A charge that is answered too late was of no use to its caller, and a denial shows only that the key could be read.
void RedisStore::Counted(const Command& command) {
  const PendingCheck& check = *command.check;
  if (check.op != Op::kPeek && !IsLate(check)) command.node->standing.Counted(check.rule().probe);
}

void RedisStore::Answered(const Command& command) {
  command.node->standing.Answered(IsLate(*command.check), command.check->generation);
}

void RedisStore::Refused(Command* command) {
  Node* node = command->node;
  const Refusal refusal = Classify(command->error);
  // An error is an answer, but for those that say that none can be given at the moment.
  if (refusal != Refusal::kWait && refusal != Refusal::kNoMaster && refusal != Refusal::kLogin) Answered(*command);
  switch (refusals_.Find(command)) {
    case Remedy::kAgain:
      Again(command);
      return;
    case Remedy::kLater:
      turn_.Request();
      return;
    case Remedy::kForeign:
      End(command->check, Status::kForeign);
      return;
    case Remedy::kEnd:
      break;
  }
  const std::string error = command->error;
  End(command->check, Status::kRefused);
  if (refusal == Refusal::kLogin) node->client.LoginLost(Presentable(error));
}

void RedisStore::End(PendingCheck* check, Status status) {
  PendingCheck* whole = check->whole;
  if (whole != nullptr) {
    tickets_.End(whole, status);
    check->whole = nullptr;
    scatter_.Abandon(whole);
  }
  tickets_.End(check, status);
  pool_.Recycle(check);
}

void RedisStore::EndOverdue(int64_t now_ms) {
  while (Expiring* due = deadlines_.TakeDue(now_ms)) {
    auto* check = static_cast<PendingCheck*>(due);
    TellLate(*check, check->deadline_ms() - check->rule().timeout_ms);
    tickets_.End(check, Status::kTimedOut);
    if (check->parts.empty()) {
      outbox_.Abandon(check);
    } else {
      scatter_.Abandon(check);
    }
  }
}

void RedisStore::TellLate(const PendingCheck& check, int64_t asked_ms) {
  for (const PendingCheck* part : check.parts) {
    if (!part->answered) TellLate(*part, asked_ms);
  }
  if (!check.parts.empty()) return;
  Node* node = check.command.node;
  const int64_t timeout_ms = check.rule().timeout_ms;
  if (node == nullptr) {
    topology_.Unplaced(asked_ms, clock_->NowMs());
  } else if (topology_.Has(node)) {
    node->standing.Late(timeout_ms, asked_ms, check.generation);
  }
}

}  // namespace spillway
