#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace spillway {

// What a stream tells its owner. None of these is called from inside a call of the owner's to the stream.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void OnOpen() = 0;
  virtual void OnBytes(const char* data, size_t bytes) = 0;
  // The stream failed to open, or closed. Nothing follows. The text may live no longer than the stream.
  virtual void OnClosed(const std::string& reason) = 0;
  // The same, where a quick retry will not mend it.
  virtual void OnRefused(const std::string& reason) { OnClosed(reason); }
};

// A byte stream that is opened by making it. Destroying it closes it silently, at any moment, also inside an event.
class Stream {
 public:
  virtual ~Stream() = default;
  // Hands over all of *out (emptied) for writing in order. Only after OnOpen.
  virtual void Write(std::string* out) = 0;
  // Bytes handed over that the system has not taken yet.
  virtual size_t unsent() const = 0;
  // Where it goes, as AddressOf an endpoint; of a stream that chooses, so far as it has chosen.
  virtual std::string address() const = 0;
  // The owner found not what it wanted, such as a replica: a stream that chooses where it goes chooses anew the next time.
  virtual void RejectPeer() {}
};

}  // namespace spillway
