#include "net/tcp_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace spillway {
namespace {

constexpr size_t kReadBytes = size_t{64} * 1024;
constexpr unsigned int kKeepAliveSeconds = 60;
constexpr uint64_t kPatienceMs = 1000;

// One that does not block and that no process inherits; -1 as socket().
int OpenSocket(int family) {
#ifdef SOCK_CLOEXEC
  // In one step: another thread may start a process between two.
  return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
  const int made = socket(family, SOCK_STREAM, 0);
  if (made < 0 || (fcntl(made, F_SETFD, FD_CLOEXEC) == 0 && fcntl(made, F_SETFL, O_NONBLOCK) == 0)) return made;
  const int error = errno;
  close(made);
  errno = error;
  return -1;
#endif
}

}  // namespace

// The system may still be resolving when the stream is gone: the request owns itself.
struct TcpStream::Resolve {
  uv_getaddrinfo_t request;
  TcpStream* stream;
  HandleScope* scope;
};

TcpStream::TcpStream(HandleScope* scope, const Endpoint& endpoint, StreamEvents* events)
    : scope_(scope), endpoint_(endpoint), events_(events), buffer_(new char[kReadBytes]) {
  FindAddresses();
  if (resolve_ == nullptr) ConnectNext();
}

void TcpStream::FindAddresses() {
  Address address;
  std::memset(&address, 0, sizeof(address));
  if (!endpoint_.path.empty()) {
    auto* local = reinterpret_cast<sockaddr_un*>(&address.bytes);
    if (endpoint_.path.size() >= sizeof(local->sun_path)) {
      reason_ = uv_strerror(UV_ENAMETOOLONG);
      return;
    }
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, endpoint_.path.c_str(), endpoint_.path.size() + 1);
    address.length = sizeof(*local);
    addresses_.push_back(address);
    return;
  }
  const char* host = endpoint_.host.c_str();
  if (uv_ip4_addr(host, endpoint_.port, reinterpret_cast<sockaddr_in*>(&address.bytes)) == 0) {
    address.length = sizeof(sockaddr_in);
  } else if (uv_ip6_addr(host, endpoint_.port, reinterpret_cast<sockaddr_in6*>(&address.bytes)) == 0) {
    address.length = sizeof(sockaddr_in6);
  }
  if (address.length > 0) {
    addresses_.push_back(address);
    return;
  }
  addrinfo hints;
  std::memset(&hints, 0, sizeof(hints));
  hints.ai_socktype = SOCK_STREAM;
  resolve_ = new Resolve{{}, this, scope_};
  scope_->Add();
  const auto done = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
    auto* resolve = reinterpret_cast<Resolve*>(request);
    TcpStream* stream = resolve->stream;
    HandleScope* handles = resolve->scope;
    delete resolve;
    if (stream != nullptr) {
      stream->resolve_ = nullptr;
      stream->OnResolved(status, found);
    }
    uv_freeaddrinfo(found);
    handles->Remove();
  };
  const int status = uv_getaddrinfo(scope_->loop(), &resolve_->request, done, host, nullptr, &hints);
  if (status != 0) {
    delete resolve_;
    resolve_ = nullptr;
    scope_->Remove();
    reason_ = uv_strerror(status);
  }
}

TcpStream::~TcpStream() {
  Disconnect();
  if (resolve_ == nullptr) return;
  resolve_->stream = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&resolve_->request));
}

void TcpStream::OnResolved(int status, addrinfo* found) {
  if (status != 0) reason_ = std::string("the host name was not resolved: ") + uv_strerror(status);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Address address;
    std::memset(&address, 0, sizeof(address));
    std::memcpy(&address.bytes, at->ai_addr, at->ai_addrlen);
    address.length = at->ai_addrlen;
    const auto port = static_cast<uint16_t>(endpoint_.port);
    if (at->ai_family == AF_INET) {
      reinterpret_cast<sockaddr_in*>(&address.bytes)->sin_port = htons(port);
    } else if (at->ai_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(&address.bytes)->sin6_port = htons(port);
    } else {
      continue;
    }
    addresses_.push_back(address);
  }
  ConnectNext();
}

int TcpStream::Connect(const Address& address) {
  socket_ = OpenSocket(address.bytes.ss_family);
  if (socket_ < 0) return uv_translate_sys_error(errno);
  const auto* to = reinterpret_cast<const sockaddr*>(&address.bytes);
  if (connect(socket_, to, address.length) != 0 && errno != EINPROGRESS) {
    return uv_translate_sys_error(errno);
  }
  connecting_ = std::make_unique<Handle<uv_poll_t>>(
      scope_, this, [this](uv_loop_t* loop, uv_poll_t* poll) { return uv_poll_init_socket(loop, poll, socket_); });
  if (connecting_->status() != 0) return connecting_->status();
  uv_unref(connecting_->base());
  if (next_address_ < addresses_.size()) {
    patience_ = std::make_unique<Handle<uv_timer_t>>(scope_, this, uv_timer_init);
    uv_unref(patience_->base());
    const auto impatient = [](uv_timer_t* timer) {
      auto* stream = static_cast<TcpStream*>(timer->data);
      if (stream != nullptr) stream->OnImpatience();
    };
    uv_timer_start(patience_->get(), impatient, kPatienceMs, 0);
  }
  return uv_poll_start(connecting_->get(), UV_WRITABLE, [](uv_poll_t* poll, int, int) {
    auto* stream = static_cast<TcpStream*>(poll->data);
    if (stream != nullptr) stream->OnConnected();
  });
}

void TcpStream::ConnectNext() {
  while (next_address_ < addresses_.size()) {
    const int status = Connect(addresses_[next_address_++]);
    if (status == 0) return;
    reason_ = uv_strerror(status);
    Disconnect();
  }
  if (reason_.empty()) reason_ = "the host name has no address";
  FailLater();
}

void TcpStream::OnImpatience() {
  patience_.reset();
  // Timers come before input: after a blocked loop the answer may be there.
  pollfd ready = {socket_, POLLOUT, 0};
  if (poll(&ready, 1, 0) != 0) return;
  reason_ = uv_strerror(UV_ETIMEDOUT);
  Disconnect();
  ConnectNext();
}

void TcpStream::OnConnected() {
  int error = 0;
  socklen_t length = sizeof(error);
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length);
  int status = uv_translate_sys_error(error);
  if (status == 0) {
    connecting_.reset();
    patience_.reset();
    status = Adopt();
  }
  if (status == 0) {
    events_->OnOpen();
    return;
  }
  reason_ = uv_strerror(status);
  Disconnect();
  ConnectNext();
}

int TcpStream::Adopt() {
  int status = 0;
  if (addresses_[next_address_ - 1].bytes.ss_family == AF_UNIX) {
    const auto init = [](uv_loop_t* loop, uv_pipe_t* pipe) { return uv_pipe_init(loop, pipe, 0); };
    pipe_ = std::make_unique<Handle<uv_pipe_t>>(scope_, this, init);
    status = pipe_->status() != 0 ? pipe_->status() : uv_pipe_open(pipe_->get(), socket_);
    stream_ = pipe_->stream();
  } else {
    tcp_ = std::make_unique<Handle<uv_tcp_t>>(scope_, this, uv_tcp_init);
    status = tcp_->status() != 0 ? tcp_->status() : uv_tcp_open(tcp_->get(), socket_);
    stream_ = tcp_->stream();
  }
  if (status != 0) return status;
  socket_ = -1;
  // Without either of these a connection is still one.
  if (tcp_ != nullptr) {
    uv_tcp_nodelay(tcp_->get(), 1);
    uv_tcp_keepalive(tcp_->get(), 1, kKeepAliveSeconds);
  }
  uv_unref(reinterpret_cast<uv_handle_t*>(stream_));
  const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    auto* stream = static_cast<TcpStream*>(handle->data);
    *buffer = stream == nullptr ? uv_buf_init(nullptr, 0) : uv_buf_init(stream->buffer_.get(), kReadBytes);
  };
  return uv_read_start(stream_, allocate, [](uv_stream_t* handle, ssize_t bytes, const uv_buf_t*) {
    auto* stream = static_cast<TcpStream*>(handle->data);
    if (stream != nullptr) stream->OnRead(bytes);
  });
}

void TcpStream::OnRead(ssize_t bytes) {
  if (bytes > 0) {
    events_->OnBytes(buffer_.get(), static_cast<size_t>(bytes));
  } else if (bytes == UV_EOF) {
    Fail("the server closed the connection");
  } else if (bytes < 0) {
    Fail(uv_strerror(static_cast<int>(bytes)));
  }
}

void TcpStream::Write(std::string* out) {
  if (writing_bytes_ > 0) {
    waiting_.append(*out);
    out->clear();
    return;
  }
  uv_buf_t buffer = uv_buf_init(out->data(), static_cast<unsigned int>(out->size()));
  const int taken = uv_try_write(stream_, &buffer, 1);
  const size_t sent = taken > 0 ? static_cast<size_t>(taken) : 0;
  if (sent < out->size()) {
    // Also after an error: the queued write reports it, outside of this call.
    waiting_.assign(*out, sent, std::string::npos);
    WriteWaiting();
  }
  out->clear();
}

void TcpStream::WriteWaiting() {
  struct Outgoing {
    uv_write_t request;
    std::string bytes;  // libuv's until the callback, also when the stream is gone by then
  };
  auto* write = new Outgoing;
  write->bytes.swap(waiting_);
  uv_buf_t buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned int>(write->bytes.size()));
  writing_bytes_ = write->bytes.size();
  const int refused = uv_write(&write->request, stream_, &buffer, 1, [](uv_write_t* request, int status) {
    auto* stream = static_cast<TcpStream*>(request->handle->data);
    delete reinterpret_cast<Outgoing*>(request);
    if (stream == nullptr) return;
    stream->writing_bytes_ = 0;
    if (status != 0) {
      stream->Fail(uv_strerror(status));
    } else if (!stream->waiting_.empty()) {
      stream->WriteWaiting();
    }
  });
  if (refused == 0) return;
  // No callback will come.
  delete write;
  reason_ = uv_strerror(refused);
  FailLater();
}

void TcpStream::FailLater() {
  later_ = std::make_unique<Handle<uv_timer_t>>(scope_, this, uv_timer_init);
  const auto fail = [](uv_timer_t* timer) {
    auto* stream = static_cast<TcpStream*>(timer->data);
    if (stream != nullptr) stream->Fail(stream->reason_);
  };
  uv_timer_start(later_->get(), fail, 0, 0);
}

void TcpStream::Disconnect() {
  tcp_.reset();
  pipe_.reset();
  stream_ = nullptr;
  connecting_.reset();
  patience_.reset();
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

void TcpStream::Fail(const std::string& reason) {
  Disconnect();
  later_.reset();
  events_->OnClosed(reason);
}

}  // namespace spillway
