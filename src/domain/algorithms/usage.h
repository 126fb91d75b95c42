#pragma once

#include <algorithm>
#include <cstdint>

#include "rule.h"

namespace spillway {

// What every algorithm says of a key's state under a rule at one moment.
struct Usage {
  int64_t room;      // units that fit; negative after a penalty or under a smaller limit than before
  int64_t reset_ms;  // until nothing is counted any more
  int64_t mark;      // see Decision::mark
};

// A penalty takes no more units than keep the count of them exact.
inline int64_t Chargeable(const Rule& rule, int64_t room, int64_t units) {
  const int64_t used = rule.capacity() - room;
  return std::min(units, kMaxLimit - used);
}

}  // namespace spillway
