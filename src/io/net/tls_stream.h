#pragma once

#include <memory>
#include <string>

#include "net/handle.h"
#include "net/stream.h"
#include "net/tcp_stream.h"
#include "net/tls_context.h"

namespace spillway {

// TLS over a TcpStream. It is open only after the server's certificate was verified, so nothing that is written to it can
// reach anybody else.
class TlsStream : public Stream, private StreamEvents {
 public:
  // By a connection of the context's, which becomes the stream's; `server` is the name of its session there. `events`
  // outlives the stream.
  TlsStream(HandleScope* scope, std::shared_ptr<TlsContext> context, const TlsConnection& connection,
            const Endpoint& endpoint, std::string server, StreamEvents* events);
  ~TlsStream() override;

  void Write(std::string* out) override;
  size_t unsent() const override { return below_.unsent(); }
  std::string address() const override { return below_.address(); }

 private:
  enum class State : uint8_t { kConnecting, kHandshaking, kOpen, kEnded };

  void OnOpen() override;
  void OnBytes(const char* data, size_t bytes) override;
  void OnClosed(const std::string& reason) override;
  // Goes on with what came; *gone: this was destroyed meanwhile.
  void Advance(const bool* gone);
  void Handshake();
  void ReadPlain(const bool* gone);
  // What OpenSSL wants to send goes to the stream below.
  void FlushWire();
  // Nothing of this object may be touched after these two: the owner may destroy it.
  void FailHandshake();
  void Fail(const std::string& reason);

  HandleScope* scope_;
  const std::shared_ptr<TlsContext> context_;
  const OpenSsl& ssl_;
  const std::string server_;
  StreamEvents* events_;
  State state_ = State::kConnecting;
  bool kept_ = false;     // the session
  bool* gone_ = nullptr;  // set when this is destroyed inside an event
  SSL* connection_;
  BIO* in_;   // what came and is not read yet; connection_'s
  BIO* out_;  // what is to be sent; connection_'s
  std::string wire_;
  std::unique_ptr<char[]> plain_;
  // Delivers a failure of Write, outside of it.
  std::unique_ptr<Handle<uv_timer_t>> later_;
  TcpStream below_;
};

}  // namespace spillway
