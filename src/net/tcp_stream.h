#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/handle.h"
#include "net/stream.h"

namespace spillway {

// A TCP connection: resolves the host (off the loop's thread, unless it is an address), tries its addresses in turn, then
// reads until it closes. It never keeps a process alive, but while a name is being resolved.
class TcpStream : public Stream {
 public:
  // `events` outlives the stream. The host may be a name, an IPv4 or an IPv6 address without brackets.
  TcpStream(HandleScope* scope, const std::string& host, int port, StreamEvents* events);
  ~TcpStream() override;

  void Write(std::string* out) override;
  size_t unsent() const override { return writing_bytes_ + waiting_.size(); }

 private:
  struct Resolve;

  void OnResolved(int status, addrinfo* found);
  void ConnectNext();
  // Starts a connect; 0, or why not.
  int Connect(const sockaddr_storage& address);
  void OnConnected();
  void Disconnect();
  void OnRead(ssize_t bytes);
  void WriteWaiting();
  // Nothing of this object may be touched afterwards: the owner may destroy it.
  void Fail(const std::string& reason);

  HandleScope* scope_;
  const int port_;
  StreamEvents* events_;
  std::unique_ptr<Handle<uv_tcp_t>> tcp_;
  // A connect of our own: libuv's is a request, which would keep the process alive for as long as a dial may take.
  std::unique_ptr<Handle<uv_poll_t>> connecting_;
  int socket_ = -1;  // ours until tcp_ has it
  // Delivers a failure that is known at once, outside of the constructor and of Write.
  std::unique_ptr<Handle<uv_timer_t>> later_;
  Resolve* resolve_ = nullptr;
  std::vector<sockaddr_storage> addresses_;
  size_t next_address_ = 0;
  std::string reason_;
  size_t writing_bytes_ = 0;  // with libuv
  std::string waiting_;       // behind them
  std::unique_ptr<char[]> buffer_;
};

}  // namespace spillway
