#include "net/dial.h"

#include "net/tcp_stream.h"

namespace spillway {

DialTo MakeDial(HandleScope* scope) {
  return [scope](const Endpoint& endpoint, const TlsConfig&, StreamEvents* events) -> std::unique_ptr<Stream> {
    return std::make_unique<TcpStream>(scope, endpoint, events);
  };
}

}  // namespace spillway
