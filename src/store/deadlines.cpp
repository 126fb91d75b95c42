#include "store/deadlines.h"

#include <algorithm>

namespace spillway {

Deadlines::~Deadlines() {
  for (const Lane& lane : lanes_) delete lane.head;
}

void Deadlines::Add(Expiring* item, int64_t now_ms, int64_t timeout_ms) {
  auto lane = std::find_if(lanes_.begin(), lanes_.end(), [&](const Lane& at) { return at.timeout_ms == timeout_ms; });
  if (lane == lanes_.end()) {
    auto* head = new Head;
    head->next_ = head->previous_ = head;
    lane = lanes_.insert(lane, {timeout_ms, head});
  }
  Expiring* head = lane->head;
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
  for (const Lane& lane : lanes_) {
    Expiring* first = lane.head->next_;
    if (first == lane.head || first->deadline_ms_ > now_ms) continue;
    Remove(first);
    return first;
  }
  return nullptr;
}

int64_t Deadlines::Earliest() const {
  int64_t earliest = INT64_MAX;
  for (const Lane& lane : lanes_) {
    if (lane.head->next_ != lane.head) earliest = std::min(earliest, lane.head->next_->deadline_ms_);
  }
  return earliest;
}

}  // namespace spillway
