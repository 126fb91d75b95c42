#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/endpoint.h"
#include "net/handle.h"
#include "net/stream.h"

namespace spillway {

// A connection by TCP or through a unix socket: resolves the host (off the loop's thread, unless it is an address), tries
// its addresses in turn (one that is silent for a second is left for the next), then reads until it closes. It never keeps a process alive, but while a name is being resolved.
class TcpStream : public Stream {
 public:
  // `events` outlives the stream.
  TcpStream(HandleScope* scope, const Endpoint& endpoint, StreamEvents* events);
  ~TcpStream() override;

  void Write(std::string* out) override;
  size_t unsent() const override { return writing_bytes_ + waiting_.size(); }
  std::string address() const override { return AddressOf(endpoint_); }

 private:
  struct Resolve;
  struct Address {
    sockaddr_storage bytes;
    socklen_t length;
  };

  // A failure is remembered, and delivered by ConnectNext.
  void FindAddresses();
  void OnResolved(int status, addrinfo* found);
  void ConnectNext();
  // Starts a connect; 0, or why not.
  int Connect(const Address& address);
  // Gives the address that is being tried up, if it is silent and there is another.
  void OnImpatience();
  void OnConnected();
  // The socket becomes a stream of libuv's, and is read; 0, or why not.
  int Adopt();
  void Disconnect();
  void OnRead(ssize_t bytes);
  void WriteWaiting();
  // Delivers reason_, outside of the call that found it.
  void FailLater();
  // Nothing of this object may be touched afterwards: the owner may destroy it.
  void Fail(const std::string& reason);

  HandleScope* scope_;
  const Endpoint endpoint_;
  StreamEvents* events_;
  // One of these, once connected; stream_ is either.
  std::unique_ptr<Handle<uv_tcp_t>> tcp_;
  std::unique_ptr<Handle<uv_pipe_t>> pipe_;
  uv_stream_t* stream_ = nullptr;
  // A connect of our own: libuv's is a request, which would keep the process alive for as long as a dial may take.
  std::unique_ptr<Handle<uv_poll_t>> connecting_;
  std::unique_ptr<Handle<uv_timer_t>> patience_;
  int socket_ = -1;  // ours until stream_ has it
  // Of FailLater.
  std::unique_ptr<Handle<uv_timer_t>> later_;
  Resolve* resolve_ = nullptr;
  std::vector<Address> addresses_;
  size_t next_address_ = 0;
  std::string reason_;
  size_t writing_bytes_ = 0;  // with libuv
  std::string waiting_;       // behind them
  std::unique_ptr<char[]> buffer_;
};

}  // namespace spillway
