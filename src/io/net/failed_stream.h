#pragma once

#include <string>

#include "net/endpoint.h"
#include "net/handle.h"
#include "net/stream.h"

namespace spillway {

// A stream that never opens, for a reason that is known before anything was tried.
class FailedStream : public Stream {
 public:
  // `events` outlives the stream.
  FailedStream(HandleScope* scope, const Endpoint& endpoint, std::string reason, StreamEvents* events)
      : address_(AddressOf(endpoint)), reason_(std::move(reason)), events_(events), later_(scope, this, uv_timer_init) {
    const auto fail = [](uv_timer_t* timer) {
      auto* stream = static_cast<FailedStream*>(timer->data);
      if (stream != nullptr) stream->events_->OnClosed(stream->reason_);
    };
    uv_timer_start(later_.get(), fail, 0, 0);
  }

  void Write(std::string* out) override { out->clear(); }
  size_t unsent() const override { return 0; }
  std::string address() const override { return address_; }

 private:
  const std::string address_;
  const std::string reason_;
  StreamEvents* events_;
  Handle<uv_timer_t> later_;
};

}  // namespace spillway
