#include "net/dial.h"

#include <vector>

#include "net/failed_stream.h"
#include "net/tcp_stream.h"
#include "net/tls_stream.h"

namespace spillway {
namespace {

// The name that a server's certificate has to be for. A unix socket's is Node's: localhost.
std::string NameOf(const Endpoint& endpoint, const TlsConfig& tls) {
  if (!tls.servername.empty()) return tls.servername;
  return endpoint.path.empty() ? endpoint.host : "localhost";
}

class Dialer {
 public:
  Dialer(HandleScope* scope, OpenSsl::Find find) : scope_(scope), find_(find) {}

  std::unique_ptr<Stream> Dial(const Endpoint& endpoint, const TlsConfig& tls, StreamEvents* events) {
    if (!tls.enabled) return std::make_unique<TcpStream>(scope_, endpoint, events);
    std::string error;
    std::string server = AddressOf(endpoint);
    std::shared_ptr<TlsContext> context = ContextFor(tls, &error);
    TlsConnection connection;
    if (context == nullptr || !context->NewConnection(NameOf(endpoint, tls), server, &connection, &error)) {
      return std::make_unique<FailedStream>(scope_, endpoint, error, events);
    }
    return std::make_unique<TlsStream>(scope_, std::move(context), connection, endpoint, std::move(server), events);
  }

 private:
  struct Known {
    TlsConfig tls;
    std::shared_ptr<TlsContext> context;
  };

  std::shared_ptr<TlsContext> ContextFor(const TlsConfig& tls, std::string* error) {
    for (const Known& known : known_) {
      if (known.tls == tls) return known.context;
    }
    std::shared_ptr<TlsContext> context = TlsContext::Make(tls, find_, error);
    if (context != nullptr) known_.push_back({tls, context});
    return context;
  }

  HandleScope* scope_;
  const OpenSsl::Find find_;
  std::vector<Known> known_;  // one, or two with sentinels
};

}  // namespace

DialTo MakeDial(HandleScope* scope, OpenSsl::Find find) {
  const auto dialer = std::make_shared<Dialer>(scope, find);
  return [dialer](const Endpoint& endpoint, const TlsConfig& tls, StreamEvents* events) {
    return dialer->Dial(endpoint, tls, events);
  };
}

}  // namespace spillway
