#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace spillway {

// Memory for a table that keeps what it took, in pieces out of large regions. Regions double up to the size of a huge page
// and are then backed by one where the system has them: a table of a million keys has no hot part, and on small pages
// nearly every look-up would first miss the translation of its address.
class Arena {
 public:
  // At least one byte, aligned to a cache line, with nothing in particular in it. Stays until the arena goes.
  uint8_t* Take(size_t bytes);

 private:
  struct Released {
    void operator()(uint8_t* region) const { std::free(region); }
  };
  struct Rest {
    uint8_t* at = nullptr;
    size_t bytes = 0;
    uint8_t* Take(size_t taken);
  };
  void Open(size_t bytes);

  std::vector<std::unique_ptr<uint8_t, Released>> regions_;
  size_t region_bytes_ = 0;
  Rest current_;
  Rest left_over_;  // of an earlier region: small pieces still fit
};

}  // namespace spillway
