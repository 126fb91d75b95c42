#include "redis_store/outbox.h"

#include "redis_store/forms/form.h"

namespace spillway {
namespace {

constexpr size_t kBytesPerWrite = size_t{256} * 1024;

// Appends the commands; answers how many replies they will bring.
int Encode(Command* command, std::string* out) {
  command->replies_seen = 0;
  if (!command->error.empty()) command->error.clear();
  command->asked = command->check->op == Op::kPeek ? 0 : command->check->waiters();
  command->form->encode(command, out);
  const int replies = command->form->replies(*command);
  return command->asking ? 2 * replies : replies;
}

}  // namespace

void Outbox::Route(Command* command) {
  Node* node = topology_->Of(command->check->key());
  if (node != nullptr) {
    Queue(node, command);
  } else {
    Push(&unrouted_, command);
  }
}

void Outbox::Queue(Node* node, Command* command) {
  command->node = node;
  command->check->generation = node->standing.breaker().generation();
  Push(&node->queue, command);
}

void Outbox::Push(std::deque<ReplySink*>* queue, Command* command) {
  queue->push_back(command);
  command->queued = true;
  ++queued_;
}

Command* Outbox::Pop(std::deque<ReplySink*>* queue) {
  auto* command = static_cast<Command*>(queue->front());
  queue->pop_front();
  command->queued = false;
  --queued_;
  if (command->check->abandoned) --abandoned_;
  return command;
}

void Outbox::Delay(Command* command, int64_t at_ms) {
  command->retry_at_ms = at_ms;
  delayed_.push_back(command);
}

Command* Outbox::TakeDelayed(int64_t now_ms) {
  while (!delayed_.empty() && delayed_.front()->retry_at_ms <= now_ms) {
    Command* command = delayed_.front();
    delayed_.pop_front();
    if (!command->check->abandoned) return command;
    pool_->Recycle(command->check);
  }
  return nullptr;
}

std::vector<Command*> Outbox::TakeMisplaced() {
  std::vector<Command*> taken;
  while (!unrouted_.empty()) taken.push_back(Pop(&unrouted_));
  for (Node* node : topology_->all()) {
    for (size_t left = node->queue.size(); left > 0; --left) {
      Command* command = Pop(&node->queue);
      if (command->asking) {
        Queue(node, command);
      } else {
        taken.push_back(command);
      }
    }
  }
  return taken;
}

void Outbox::Send(Node* node, int64_t now_ms) {
  Client& client = node->client;
  bool timed = false;
  while (!node->queue.empty() && client.ready() && !client.congested()) {
    Command* command = Pop(&node->queue);
    if (command->check->abandoned) {
      pool_->Recycle(command->check);
      continue;
    }
    Write(node, command, now_ms, &timed);
    if (client.out()->size() >= kBytesPerWrite) Flush(&client);
  }
  if (client.ready()) Flush(&client);
}

void Outbox::Flush(Client* client) {
  if (!client->out()->empty()) ++round_trips_;
  client->Flush();
}

void Outbox::Write(Node* node, Command* command, int64_t now_ms, bool* timed) {
  Client& client = node->client;
  if (command->form == nullptr) {
    const bool denied = windows_->Denied(command->check->hash, now_ms);
    command->form = &ChooseForm(*command, client.capabilities(), denied);
  }
  const Form& form = *command->form;
  if (form.needs_time && !*timed) {
    *timed = true;
    AppendTime(client.out());
    client.Expect(&node->flush_time, 1);
    ++commands_;
  }
  if (form.gives_back != nullptr && node->BringsSource(form.gives_back)) command->send_source = true;
  const int replies = Encode(command, client.out());
  commands_ += replies;
  client.Expect(command, replies);
}

void Outbox::Abandon(PendingCheck* check) {
  check->abandoned = true;
  if (check->command.queued) ++abandoned_;
}

// Wherever they stand: one in front may have much more time than those behind it. Not one by one, because each costs a
// walk: once they are an eighth of what is queued, which is how much more memory they may take.
void Outbox::DropAbandoned() {
  if (abandoned_ == 0 || abandoned_ * 8 < queued_) return;
  const auto drop = [this](std::deque<ReplySink*>* queue) {
    for (size_t left = queue->size(); left > 0; --left) {
      Command* command = Pop(queue);
      if (command->check->abandoned) {
        pool_->Recycle(command->check);
      } else {
        Push(queue, command);
      }
    }
  };
  drop(&unrouted_);
  for (Node* node : topology_->all()) drop(&node->queue);
}

}  // namespace spillway
