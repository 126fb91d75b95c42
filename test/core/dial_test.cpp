// What dialling answers before there is a connection.
#include "net/dial.h"

#include <gtest/gtest.h>

#include <cstring>

namespace spillway {
namespace {

struct Recorder : StreamEvents {
  void OnOpen() override { opened = true; }
  void OnBytes(const char*, size_t) override {}
  void OnClosed(const std::string& reason) override { closed = reason; }
  bool opened = false;
  std::string closed;
};

class DialTest : public ::testing::Test {
 protected:
  DialTest() : scope_(&loop_) { uv_loop_init(&loop_); }
  ~DialTest() override {
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }

  uv_loop_t loop_;
  HandleScope scope_;
  Recorder events_;
};

int looked_up = 0;

void* FindNothing(const char*) {
  ++looked_up;
  return nullptr;
}

// As a runtime with another library would be: most of it is there.
void* FindAllButOne(const char* name) {
  return std::strcmp(name, "SSL_set1_host") == 0 ? nullptr : reinterpret_cast<void*>(&FindNothing);
}

TEST_F(DialTest, ARuntimeWithoutOpenSslIsOneClearErrorOutsideOfTheCall) {
  for (const auto find : {FindNothing, FindAllButOne}) {
    events_.closed.clear();
    TlsConfig tls;
    tls.enabled = true;
    const DialTo dial = MakeDial(&scope_, find);
    const std::unique_ptr<Stream> stream = dial({"127.0.0.1", 1, ""}, tls, &events_);
    EXPECT_EQ(events_.closed, "");
    uv_run(&loop_, UV_RUN_NOWAIT);
    EXPECT_FALSE(events_.opened);
    EXPECT_NE(events_.closed.find("this runtime does not export it"), std::string::npos) << events_.closed;
    EXPECT_NE(events_.closed.find(find == FindAllButOne ? "(SSL_set1_host" : "("), std::string::npos);
  }
}

TEST_F(DialTest, AFailureIsNotToldToWhoLetGo) {
  TlsConfig tls;
  tls.enabled = true;
  MakeDial(&scope_, FindNothing)({"127.0.0.1", 1, ""}, tls, &events_).reset();
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_EQ(events_.closed, "");
}

TEST_F(DialTest, WithoutTlsNothingIsLookedUp) {
  looked_up = 0;
  const std::unique_ptr<Stream> stream = MakeDial(&scope_, FindNothing)({"", 0, "/nowhere/redis.sock"}, {}, &events_);
  EXPECT_EQ(events_.closed, "");
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_NE(events_.closed, "");
  EXPECT_EQ(looked_up, 0);
}

}  // namespace
}  // namespace spillway
