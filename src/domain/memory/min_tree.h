#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace spillway {

// The least of many numbers, each of which may change: a tournament.
class MinTree {
 public:
  // `size` is a power of two; all numbers are INT64_MAX at first.
  explicit MinTree(size_t size) : nodes_(2 * size, INT64_MAX) {}

  size_t size() const { return nodes_.size() / 2; }
  int64_t operator[](size_t index) const { return nodes_[size() + index]; }
  int64_t Least() const { return nodes_[1]; }
  size_t IndexOfLeast() const {
    size_t at = 1;
    while (at < size()) at = nodes_[2 * at] <= nodes_[2 * at + 1] ? 2 * at : 2 * at + 1;
    return at - size();
  }
  void Set(size_t index, int64_t value) {
    size_t at = size() + index;
    nodes_[at] = value;
    for (at /= 2; at > 0; at /= 2) {
      const int64_t least = std::min(nodes_[2 * at], nodes_[2 * at + 1]);
      if (nodes_[at] == least) return;
      nodes_[at] = least;
    }
  }
  size_t bytes() const { return nodes_.capacity() * sizeof(int64_t); }

 private:
  std::vector<int64_t> nodes_;  // the two below i are 2i and 2i + 1; the root is 1
};

}  // namespace spillway
