// Dialling where OpenSSL, libuv or the system refuses: one clear failure, outside of the call, and nothing half made.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <set>
#include <string>
#include <type_traits>

#include "net/dial.h"

namespace {

// What the last socket was asked to be.
int socket_type = 0;

}  // namespace

// In place of the C library's, for the whole program.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc names them with underscores
extern "C" int socket(int family, int type, int protocol) noexcept {
  socket_type = type;
  return static_cast<int>(syscall(SYS_socket, family, type, protocol));
}

namespace spillway {
namespace {

std::set<std::string> refusing;
int living = 0;  // what OpenSSL has handed out and not got back

// Functions of OpenSSL's types that succeed, or fail, and do nothing.
template <class F>
struct Double;
template <class R, class... Args>
struct Double<R (*)(Args...)> {
  static R Good(Args...) {
    static int anything = 0;
    if constexpr (std::is_pointer_v<R>) {
      return reinterpret_cast<R>(&anything);
    } else if constexpr (!std::is_void_v<R>) {
      return 1;
    }
  }
  static R Bad(Args...) {
    if constexpr (!std::is_void_v<R>) return R{};
  }
};

SSL* New(SSL_CTX*) {
  ++living;
  return reinterpret_cast<SSL*>(&living);
}
void Free(SSL* state) {
  if (state != nullptr) --living;
}

void* Find(const char* name) {
  const bool bad = refusing.count(name) > 0;
  const std::string wanted = name;
  if (wanted == "SSL_new" && !bad) return reinterpret_cast<void*>(&New);
  if (wanted == "SSL_free") return reinterpret_cast<void*>(&Free);
#define SPILLWAY_FIND(function)                                                 \
  if (wanted == #function) {                                                    \
    return bad ? reinterpret_cast<void*>(&Double<decltype(&::function)>::Bad)   \
               : reinterpret_cast<void*>(&Double<decltype(&::function)>::Good); \
  }
  SPILLWAY_OPENSSL_FUNCTIONS(SPILLWAY_FIND)
#undef SPILLWAY_FIND
  return nullptr;
}

struct Recorder : StreamEvents {
  explicit Recorder(uv_loop_t* of) : loop(of) {}
  void OnOpen() override {}
  void OnBytes(const char*, size_t) override {}
  // A timer that says it is followed by the wait for the next one, in the same turn.
  void OnClosed(const std::string& reason) override {
    closed = reason;
    uv_stop(loop);
  }
  uv_loop_t* const loop;
  std::string closed;
};

class DialFaultsTest : public ::testing::Test {
 protected:
  DialFaultsTest() : scope_(&loop_) {
    uv_loop_init(&loop_);
    // Streams do not keep a loop running.
    uv_timer_init(&loop_, &guard_);
    uv_timer_start(
        &guard_, [](uv_timer_t*) {}, 10000, 0);
    refusing.clear();
    living = 0;
    socket_type = 0;
  }
  ~DialFaultsTest() override {
    uv_close(reinterpret_cast<uv_handle_t*>(&guard_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
    EXPECT_EQ(living, 0);
  }

  // Why a dial by TLS failed.
  std::string Dial(const std::string& host, bool verify = true) {
    TlsConfig tls;
    tls.enabled = true;
    tls.verify = verify;
    Recorder events(&loop_);
    const std::unique_ptr<Stream> stream = MakeDial(&scope_, Find)({host, 1, ""}, tls, &events);
    EXPECT_EQ(events.closed, "") << "inside of the call";
    WaitFor(&events);
    return events.closed;
  }
  void WaitFor(Recorder* events) {
    while (events->closed.empty() && uv_run(&loop_, UV_RUN_ONCE) != 0) {
    }
  }

  uv_loop_t loop_;
  uv_timer_t guard_;
  HandleScope scope_;
};

constexpr char kNoName[] = "TLS: the server's name cannot be verified";

TEST_F(DialFaultsTest, WithoutAnythingRefusedItGetsAsFarAsTheServer) {
  EXPECT_EQ(Dial("127.0.0.1"), "connection refused");
  EXPECT_NE(socket_type, 0);
}

TEST_F(DialFaultsTest, ANameThatCannotBeVerifiedIsNotDialled) {
  // No address, so a name.
  refusing = {"X509_VERIFY_PARAM_set1_ip_asc"};
  EXPECT_EQ(Dial("localhost.invalid").find(kNoName), std::string::npos);
  socket_type = 0;
  for (const char* refused : {"SSL_set1_host", "SSL_ctrl"}) {
    refusing = {"X509_VERIFY_PARAM_set1_ip_asc", refused};
    EXPECT_EQ(Dial("127.0.0.1").find(kNoName), 0U) << refused;
  }
  refusing = {};
  for (const char* name : {"", ".example.com"}) EXPECT_EQ(Dial(name).find(kNoName), 0U) << name;
  EXPECT_EQ(socket_type, 0);
}

TEST_F(DialFaultsTest, WhereNothingIsVerifiedANameDoesNotMatter) {
  refusing = {"X509_VERIFY_PARAM_set1_ip_asc", "SSL_set1_host", "SSL_ctrl"};
  EXPECT_EQ(Dial("127.0.0.1", false), "connection refused");
}

TEST_F(DialFaultsTest, WhateverOpenSslRefusesToSetUpIsNotDialled) {
  for (const char* refused :
       {"SSL_CTX_new", "SSL_CTX_ctrl", "SSL_CTX_set_default_verify_paths", "SSL_new", "BIO_new"}) {
    refusing = {refused};
    EXPECT_EQ(Dial("127.0.0.1").find("TLS"), 0U) << refused;
    EXPECT_EQ(socket_type, 0) << refused;
  }
}

TEST_F(DialFaultsTest, AHandleThatCouldNotBeMadeIsNotClosed) {
  {
    const Handle<uv_poll_t> refused(&scope_, nullptr, [](uv_loop_t*, uv_poll_t*) { return UV_ENOSPC; });
  }
  uv_run(&loop_, UV_RUN_NOWAIT);
  bool empty = false;
  scope_.WhenEmpty([&] { empty = true; });
  EXPECT_TRUE(empty);
}

TEST_F(DialFaultsTest, ASocketThatLibuvDoesNotTakeIsAFailedConnection) {
  // libuv believes that this number is in use: the socket that it stood for was closed behind its back.
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  uv_poll_t stale;
  ASSERT_EQ(uv_poll_init_socket(&loop_, &stale, pair[0]), 0);
  ASSERT_EQ(uv_poll_start(&stale, UV_READABLE, [](uv_poll_t*, int, int) {}), 0);
  uv_run(&loop_, UV_RUN_NOWAIT);
  close(pair[0]);
  Recorder events(&loop_);
  {
    const std::unique_ptr<Stream> stream = MakeDial(&scope_)({"127.0.0.1", 1, ""}, {}, &events);
    // Before the loop goes on, which would stumble over it.
    uv_close(reinterpret_cast<uv_handle_t*>(&stale), nullptr);
    WaitFor(&events);
    EXPECT_EQ(events.closed, "file already exists");
  }
  close(pair[1]);
}

#ifdef SOCK_CLOEXEC
TEST_F(DialFaultsTest, AProcessThatIsStartedMeanwhileDoesNotInheritTheSocket) {
  Recorder events(&loop_);
  const std::unique_ptr<Stream> stream = MakeDial(&scope_)({"127.0.0.1", 1, ""}, {}, &events);
  EXPECT_NE(socket_type & SOCK_CLOEXEC, 0);
}
#endif

}  // namespace
}  // namespace spillway
