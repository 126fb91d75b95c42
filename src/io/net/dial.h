#pragma once

#include <functional>
#include <memory>

#include "net/endpoint.h"
#include "net/handle.h"
#include "net/openssl.h"
#include "net/stream.h"
#include "net/tls_config.h"

namespace spillway {

// Makes the stream to an endpoint. It opens, or fails, in an event of a later loop turn, whatever was asked for.
using DialTo = std::function<std::unique_ptr<Stream>(const Endpoint&, const TlsConfig&, StreamEvents*)>;

// The real thing: TCP or a unix socket, and TLS over either. `scope` outlives the function and its streams. Copies of the
// function share what TLS remembers: trust that was parsed, sessions. `find` is asked at the first TLS connection.
DialTo MakeDial(HandleScope* scope, OpenSsl::Find find = OpenSsl::FindInProcess);

}  // namespace spillway
