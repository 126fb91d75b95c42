#pragma once

#include <cstdint>
#include <vector>

namespace spillway {

// Something with a deadline: a link of one of the lists below. The list does not own it.
class Expiring {
 public:
  virtual ~Expiring() = default;
  int64_t deadline_ms() const { return deadline_ms_; }
  bool linked() const { return next_ != nullptr; }

 private:
  friend class Deadlines;
  Expiring* next_ = nullptr;
  Expiring* previous_ = nullptr;
  int64_t deadline_ms_ = 0;
};

// Deadlines in order. Checks that share a timeout expire in the order in which they came, so each timeout in use has a
// list of its own, and adding and removing are O(1).
class Deadlines {
 public:
  Deadlines() = default;
  ~Deadlines();
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  void Add(Expiring* item, int64_t now_ms, int64_t timeout_ms);
  static void Remove(Expiring* item);
  // Takes out one item whose deadline has passed, or null.
  Expiring* TakeDue(int64_t now_ms);
  // INT64_MAX when there is none.
  int64_t Earliest() const;

 private:
  struct Head : Expiring {};
  struct Line {
    int64_t timeout_ms;
    Head* head;  // of a ring: its neighbours are the first and the last item
  };
  std::vector<Line> lines_;
};

}  // namespace spillway
