// Commands that are no checks, on one server: what brings their page, and when nothing does.
#include "asides_asking.h"
#include "redis_fixture.h"

namespace spillway {
namespace {

class AsidesTest : public RedisStoreTest {
 protected:
  void Open() {
    Healthy();
    Turn();
    Connect();
  }
  void AskFor(const AsideRequest& request) {
    store_->Ask(request);
    Turn();
  }
  // The only page so far ended so.
  void ExpectEnd(Status status) {
    ASSERT_EQ(pages_.size(), 1U);
    EXPECT_EQ(pages_[0].ticket, kTicket);
    EXPECT_EQ(pages_[0].status, status);
    EXPECT_TRUE(pages_[0].entries.empty());
  }
};

TEST_F(AsidesTest, OneIsAnsweredByTheTextsOfItsReply) {
  Open();
  AskFor(Get("p:a"));
  EXPECT_EQ(CountOf(sent_, kGet), 1U);
  EXPECT_TRUE(pages_.empty());
  Say(Bulk("text"));
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].status, Status::kAnswered);
  EXPECT_EQ(TextsOf(pages_[0]), std::vector<std::string>({"text"}));
}

TEST_F(AsidesTest, AReplyOfAnyTypeIsTexts) {
  Open();
  const std::vector<std::pair<std::string, std::vector<std::string>>> replies = {
      {"$-1\r\n", {""}},
      {"*-1\r\n", {""}},
      {"*0\r\n", {}},
      {Integer(-3), {"-3"}},
      {"+OK\r\n", {"OK"}},
      {Array({Bulk("a"), "$-1\r\n", Integer(5)}), {"a", "", "5"}},
      {Array({Array({Bulk("a")}), Bulk("b")}), {"a", "b"}},
  };
  for (const auto& [reply, texts] : replies) {
    pages_.clear();
    AskFor(Get("p:a"));
    Say(reply);
    ASSERT_EQ(pages_.size(), 1U) << reply;
    EXPECT_EQ(pages_[0].status, Status::kAnswered) << reply;
    EXPECT_EQ(TextsOf(pages_[0]), texts) << reply;
  }
}

TEST_F(AsidesTest, OnesOfATurnLeaveBesideChecksInOneWriteAndEachGetsItsOwnReply) {
  Open();
  Check(1);
  store_->Ask(Get("p:a", 8));
  store_->Ask(Get("p:b", 9));
  Turn();
  EXPECT_EQ(CountOf(sent_, kGet), 2U);
  EXPECT_EQ(CountOf(sent_, "INCR"), 1U);
  EXPECT_EQ(store_->GetStats().round_trips, 1);
  EXPECT_LT(sent_.find(kGet), sent_.find("INCR"));
  Say(Bulk("first") + Bulk("second") + Time() + ":-2\r\n:1\r\n:1\r\n");
  ASSERT_EQ(pages_.size(), 2U);
  EXPECT_EQ(pages_[0].ticket, 8U);
  EXPECT_EQ(TextsOf(pages_[0]), std::vector<std::string>({"first"}));
  EXPECT_EQ(pages_[1].ticket, 9U);
  EXPECT_EQ(TextsOf(pages_[1]), std::vector<std::string>({"second"}));
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
}

TEST_F(AsidesTest, AnErrorIsTheEndAndTheStoreSaysIt) {
  for (const char* error : {"-NOPERM this user has no permissions", "-OOM command not allowed", "-BUSY a script",
                            "-LOADING Redis is loading", "-WRONGTYPE Operation against a key"}) {
    SCOPED_TRACE(error);
    pages_.clear();
    if (dials_ == 0) Open();
    sent_.clear();
    AskFor(Get("p:a"));
    Say(error + std::string("\r\n"));
    ExpectEnd(Status::kRefused);
    EXPECT_EQ(store_->GetStats().last_error, error + 1);
    EXPECT_EQ(CountOf(sent_, kGet), 1U) << "it is not asked again";
  }
}

TEST_F(AsidesTest, AScriptThatIsNotKnownIsSentOnceWithItsSource) {
  Open();
  AskFor(Call("p:a"));
  EXPECT_EQ(CountOf(sent_, "EVALSHA"), 1U);
  sent_.clear();
  Say("-NOSCRIPT No matching script.\r\n");
  EXPECT_EQ(CountOf(sent_, "\r\nEVAL\r\n$8\r\nreturn 1\r\n"), 1U);
  sent_.clear();
  Say("-NOSCRIPT No matching script.\r\n");
  EXPECT_EQ(sent_, "");
  ExpectEnd(Status::kRefused);
}

TEST_F(AsidesTest, OneThatWasWrittenAndLostMayHaveBeenDoneAndIsNotWrittenAgain) {
  Open();
  clock_.now_ms += 100;
  AskFor(Call("p:a"));
  stream_->events->OnClosed("reset");
  Turn();
  ExpectEnd(Status::kDisconnected);
  Advance(100);
  Connect();
  EXPECT_EQ(CountOf(sent_, "EVAL"), 0U);
  ExpectEnd(Status::kDisconnected);
}

TEST_F(AsidesTest, OneThatCouldNotBeWrittenWaitsForTheNextConnection) {
  Open();
  clock_.now_ms += 100;
  stream_->events->OnClosed("reset");
  AskFor(Get("p:a"));
  EXPECT_TRUE(pages_.empty());
  Advance(200);
  ASSERT_NE(stream_, nullptr);
  stream_->events->OnOpen();
  EXPECT_EQ(CountOf(sent_, kGet), 0U) << "not before the login is over";
  Say(Info("7.0.15"));
  EXPECT_EQ(CountOf(sent_, kGet), 1U);
  Say(Bulk("text"));
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].status, Status::kAnswered);
}

TEST_F(AsidesTest, OneThatNoLoginCameForWasNotSent) {
  AskFor(Get("p:a"));
  EXPECT_EQ(dials_, 1) << "the first of all connects";
  stream_->events->OnOpen();
  Advance(kTimeoutMs - 1);
  EXPECT_TRUE(pages_.empty());
  Advance(1);
  ExpectEnd(Status::kBreakerOpen);
  Say(Info("7.0.15"));
  EXPECT_EQ(CountOf(sent_, kGet), 0U);
}

TEST_F(AsidesTest, AReplyBehindTheDeadlineIsReadForNobody) {
  Open();
  AskFor(Get("p:a"));
  Advance(kTimeoutMs - 1);
  EXPECT_TRUE(pages_.empty());
  Advance(1);
  ExpectEnd(Status::kTimedOut);
  store_->Ask(Get("p:b", 8));
  Turn();
  Say(Bulk("late") + Bulk("in time"));
  ASSERT_EQ(pages_.size(), 2U);
  EXPECT_EQ(TextsOf(pages_[1]), std::vector<std::string>({"in time"}));
}

TEST_F(AsidesTest, ALoopThatWasBlockedBehindTheCallTakesNothingOfItsTime) {
  Open();
  store_->Ask(Get("p:a"));
  clock_.now_ms += 10 * kTimeoutMs;
  Turn();
  EXPECT_EQ(CountOf(sent_, kGet), 1U);
  EXPECT_TRUE(pages_.empty());
  Say(Bulk("text"));
  ASSERT_EQ(pages_.size(), 1U);
  EXPECT_EQ(pages_[0].status, Status::kAnswered);
}

TEST_F(AsidesTest, AServerThatStopsAnsweringLosesItsConnectionThoughNobodyChecks) {
  Open();
  AskFor(Get("p:a"));
  Advance(kTimeoutMs);
  ExpectEnd(Status::kTimedOut);
  Advance(2000 - kTimeoutMs);
  EXPECT_EQ(stream_, nullptr);
  EXPECT_FALSE(store_->GetStats().connected);
}

TEST_F(AsidesTest, CloseEndsThemWhereverTheyStand) {
  Open();
  AskFor(Get("p:a", 8));
  stream_->stuck_bytes = size_t{2} << 20;
  AskFor(Get("p:b", 9));
  EXPECT_EQ(CountOf(sent_, kGet), 1U) << "the server does not read";
  store_->Close();
  Keep();
  ASSERT_EQ(pages_.size(), 2U);
  EXPECT_EQ(pages_[0].status, Status::kClosed);
  EXPECT_EQ(pages_[1].status, Status::kClosed);
  Say(Bulk("late"));
  EXPECT_EQ(pages_.size(), 2U);
}

TEST_F(AsidesTest, AThousandWaitAndTheNextIsRefusedAtOnce) {
  for (int i = 0; i < 1024; ++i) store_->Ask(Get("p:a", 8));
  Turn();
  EXPECT_TRUE(pages_.empty());
  AskFor(Get("p:a"));
  ExpectEnd(Status::kQueueFull);
  Connect();
  pages_.clear();
  std::string replies;
  for (int i = 0; i < 1024; ++i) replies += Bulk("text");
  Say(replies);
  EXPECT_EQ(pages_.size(), 1024U);
}

TEST_F(AsidesTest, AReplicaIsLeftAndAnotherConnectionIsMade) {
  Open();
  AskFor(Call("p:a"));
  Say("-READONLY You can't write against a read only replica.\r\n");
  ExpectEnd(Status::kRefused);
  EXPECT_EQ(stream_, nullptr);
}

TEST_F(AsidesTest, WhoIsNotLoggedInAnyMoreLogsInAgain) {
  Open();
  AskFor(Get("p:a"));
  Say("-NOAUTH Authentication required.\r\n");
  ExpectEnd(Status::kRefused);
  EXPECT_EQ(stream_, nullptr);
}

TEST_F(AsidesTest, OnlyWhatKeepsTheProcessDoes) {
  Open();
  uv_unref(reinterpret_cast<uv_handle_t*>(&server_));
  AskFor(Get("p:a"));
  EXPECT_FALSE(uv_loop_alive(&loop_));
  AsideRequest kept = Get("p:b");
  kept.keeps_process = true;
  AskFor(kept);
  EXPECT_TRUE(uv_loop_alive(&loop_));
  Say(Bulk("") + Bulk(""));
  EXPECT_FALSE(uv_loop_alive(&loop_));
}

}  // namespace
}  // namespace spillway
