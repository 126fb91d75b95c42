#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace spillway {

// What a fuzzer gives, read from the front; behind its end there are zeros.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool done() const { return at_ == end_; }
  uint8_t Byte() { return done() ? 0 : *at_++; }
  // A number below `below`, which is at most 256.
  size_t Below(size_t below) { return Byte() % below; }
  bool Coin() { return Byte() % 2 == 1; }
  uint64_t Word() {
    uint64_t word = 0;
    for (int i = 0; i < 8; ++i) word = word << 8 | Byte();
    return word;
  }
  std::string Text(size_t bytes) {
    const auto left = static_cast<size_t>(end_ - at_);
    std::string text(reinterpret_cast<const char*>(at_), bytes < left ? bytes : left);
    at_ += text.size();
    return text;
  }
  std::string Rest() { return Text(static_cast<size_t>(end_ - at_)); }

  // A number as replies and options hold them: mostly a small one, else at or beside a bound.
  int64_t Number() {
    static constexpr int64_t kBounds[] = {0,
                                          250,
                                          1000,
                                          60000,
                                          60001,
                                          10000,
                                          1700000000000,
                                          1700000060000,
                                          8640000000000000,
                                          315360000000,
                                          int64_t{1} << 31,
                                          (int64_t{1} << 53) - (int64_t{1} << 32),
                                          int64_t{1} << 53,
                                          int64_t{1} << 54,
                                          INT64_MAX - 8,
                                          INT64_MIN + 8};
    const uint8_t kind = Byte();
    if (kind < 0xc0) return static_cast<int64_t>(kind % 16) - (kind < 0xa0 ? 0 : 8);
    if (kind < 0xf8) return kBounds[kind % 16] + (static_cast<int64_t>(Below(16)) - 8);
    return static_cast<int64_t>(Word());
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// What always holds: a fuzzer, and a replay of its corpus, end where it does not.
inline void Require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "Broken: %s\n", promise);
  std::abort();
}

}  // namespace spillway
