#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace spillway {

struct Request;

// The requests of this loop turn by the hash of what they ask; emptied at each flush.
class TurnTable {
 public:
  // Answers the request for which `same` holds, or null and the place where Put may add one.
  template <class Same>
  Request* Find(uint64_t hash, Same same) {
    if ((count_ + 1) * 2 > slots_.size()) Grow();
    for (place_ = hash & (slots_.size() - 1); slots_[place_].request != nullptr;
         place_ = (place_ + 1) & (slots_.size() - 1)) {
      if (slots_[place_].hash == hash && same(*slots_[place_].request)) return slots_[place_].request;
    }
    return nullptr;
  }
  // Directly behind a Find that found nothing.
  void Put(uint64_t hash, Request* request) {
    slots_[place_] = {hash, request};
    used_.push_back(place_);
    ++count_;
  }
  void Clear() {
    for (const size_t place : used_) slots_[place].request = nullptr;
    used_.clear();
    count_ = 0;
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    Request* request = nullptr;
  };
  void Grow() {
    std::vector<Slot> old;
    old.swap(slots_);
    slots_.resize(old.empty() ? 64 : old.size() * 2);
    used_.clear();
    for (const Slot& slot : old) {
      if (slot.request == nullptr) continue;
      size_t place = slot.hash & (slots_.size() - 1);
      while (slots_[place].request != nullptr) place = (place + 1) & (slots_.size() - 1);
      slots_[place] = slot;
      used_.push_back(place);
    }
  }

  std::vector<Slot> slots_;
  std::vector<size_t> used_;
  size_t count_ = 0;
  size_t place_ = 0;
};

// Keys that were just denied, until their window ends: the next check of one asks the script, which charges nothing when
// it denies. A collision or a lost entry costs a slower form, never a wrong answer.
class DeniedKeys {
 public:
  void Add(uint64_t hash, int64_t until_ms) { At(hash) = {hash, until_ms}; }
  void Remove(uint64_t hash) {
    if (At(hash).hash == hash) At(hash) = {};
  }
  // -1: not denied.
  int64_t Until(uint64_t hash) { return At(hash).hash == hash ? At(hash).until_ms : -1; }

 private:
  struct Entry {
    uint64_t hash = 0;
    int64_t until_ms = -1;
  };
  Entry& At(uint64_t hash) { return entries_[(hash >> 20) % entries_.size()]; }
  std::array<Entry, 2048> entries_;
};

}  // namespace spillway
