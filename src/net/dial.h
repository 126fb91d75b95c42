#pragma once

#include <functional>
#include <memory>

#include "net/endpoint.h"
#include "net/handle.h"
#include "net/stream.h"
#include "net/tls_config.h"

namespace spillway {

// Makes the stream to an endpoint. It opens, or fails, in an event of a later loop turn, whatever was asked for.
using DialTo = std::function<std::unique_ptr<Stream>(const Endpoint&, const TlsConfig&, StreamEvents*)>;

// The real thing: TCP or a unix socket. `scope` outlives the function and its streams.
DialTo MakeDial(HandleScope* scope);

}  // namespace spillway
