#pragma once

#include <string>

#include "net/stream.h"

namespace spillway {

// A stream that the test scripts: it writes into *sent, and *self is null once it is gone.
struct FakeStream : Stream {
  explicit FakeStream(std::string* log, StreamEvents* to, FakeStream** at) : sent(log), events(to), self(at) {
    *self = this;
  }
  ~FakeStream() override {
    if (*self == this) *self = nullptr;
  }
  void Write(std::string* out) override {
    sent->append(*out);
    out->clear();
  }
  size_t unsent() const override { return stuck_bytes; }
  std::string address() const override { return address_text; }
  std::string* sent;
  StreamEvents* events;
  FakeStream** self;
  size_t stuck_bytes = 0;
  std::string address_text = "h:1";
};

inline size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

}  // namespace spillway
