#pragma once

#include <cstdint>
#include <vector>

namespace spillway {

struct PendingCheck;

// Finds the check of this loop turn that another one can join, because both ask the same; emptied at each flush.
class Coalescer {
 public:
  // Answers the check for which `same` holds, or null and the place where Put may add one.
  template <class Same>
  PendingCheck* Find(uint64_t hash, Same same) {
    if ((count_ + 1) * 2 > slots_.size()) Grow();
    for (place_ = hash & (slots_.size() - 1); slots_[place_].check != nullptr;
         place_ = (place_ + 1) & (slots_.size() - 1)) {
      if (slots_[place_].hash == hash && same(*slots_[place_].check)) return slots_[place_].check;
    }
    return nullptr;
  }
  // Directly behind a Find that found nothing.
  void Put(uint64_t hash, PendingCheck* check) {
    slots_[place_] = {hash, check};
    used_.push_back(place_);
    ++count_;
  }
  void Clear() {
    for (const size_t place : used_) slots_[place].check = nullptr;
    used_.clear();
    count_ = 0;
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    PendingCheck* check = nullptr;
  };
  void Grow() {
    std::vector<Slot> old;
    old.swap(slots_);
    slots_.resize(old.empty() ? 64 : old.size() * 2);
    used_.clear();
    for (const Slot& slot : old) {
      if (slot.check == nullptr) continue;
      size_t place = slot.hash & (slots_.size() - 1);
      while (slots_[place].check != nullptr) place = (place + 1) & (slots_.size() - 1);
      slots_[place] = slot;
      used_.push_back(place);
    }
  }

  std::vector<Slot> slots_;
  std::vector<size_t> used_;
  size_t count_ = 0;
  size_t place_ = 0;
};

}  // namespace spillway
