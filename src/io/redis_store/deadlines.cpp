#include "redis_store/deadlines.h"

#include <algorithm>

namespace spillway {

Deadlines::~Deadlines() {
  for (const Line& line : lines_) delete line.head;
}

void Deadlines::Add(Expiring* item, int64_t now_ms, int64_t timeout_ms) {
  auto line = std::find_if(lines_.begin(), lines_.end(), [&](const Line& at) { return at.timeout_ms == timeout_ms; });
  if (line == lines_.end()) {
    auto* head = new Head;
    head->next_ = head->previous_ = head;
    line = lines_.insert(line, {timeout_ms, head});
  }
  Expiring* head = line->head;
  item->deadline_ms_ = now_ms + timeout_ms;
  item->previous_ = head->previous_;
  item->next_ = head;
  head->previous_->next_ = item;
  head->previous_ = item;
}

void Deadlines::Remove(Expiring* item) {
  if (item->next_ == nullptr) return;
  item->previous_->next_ = item->next_;
  item->next_->previous_ = item->previous_;
  item->next_ = item->previous_ = nullptr;
}

Expiring* Deadlines::TakeDue(int64_t now_ms) {
  for (const Line& line : lines_) {
    Expiring* first = line.head->next_;
    if (first == line.head || first->deadline_ms_ > now_ms) continue;
    Remove(first);
    return first;
  }
  return nullptr;
}

int64_t Deadlines::Earliest() const {
  int64_t earliest = INT64_MAX;
  for (const Line& line : lines_) {
    if (line.head->next_ != line.head) earliest = std::min(earliest, line.head->next_->deadline_ms_);
  }
  return earliest;
}

}  // namespace spillway
