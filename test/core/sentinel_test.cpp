// The dial by way of sentinels, without sockets: every answer, every refusal, every order of events.
#include "redis/sentinel.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

using Act = SentinelDial::Act;

const std::string kAddress = "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7001\r\n";
const std::string kSubscribed = "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n";

std::string Bulk(const std::string& text) { return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }
std::string Switch(const std::string& payload) {
  return "*3\r\n" + Bulk("message") + Bulk("+switch-master") + Bulk(payload);
}

class SentinelTest : public ::testing::Test {
 protected:
  Act Say(const std::string& bytes, SentinelDial* dial) {
    ReplyReader reader(1 << 20);
    reader.Feed(bytes.data(), bytes.size());
    EXPECT_EQ(reader.Read(), ReplyReader::Next::kReply) << bytes;
    return dial->OnReply(reader.reply());
  }
  Act Say(const std::string& bytes) { return Say(bytes, &dial_); }
  // What is sent at the opening.
  std::string Open(SentinelDial* dial) {
    std::string out;
    dial->OnOpen(&out);
    return out;
  }
  std::string Open() { return Open(&dial_); }
  void OpenMaster() {
    ASSERT_EQ(dial_.Start(), Act::kAsk);
    Open();
    ASSERT_EQ(Say(kAddress), Act::kOpen);
  }
  void Listen() {
    OpenMaster();
    ASSERT_EQ(Say(kSubscribed), Act::kNothing);
  }
  std::vector<int> Order() const {
    std::vector<int> ports;
    for (const Endpoint& sentinel : order_.sentinels()) ports.push_back(sentinel.port);
    return ports;
  }

  const std::string name_ = "mymaster";
  const Login login_{};
  SentinelOrder order_{{{"s", 1, ""}, {"s", 2, ""}, {"s", 3, ""}}};
  SentinelDial dial_{name_, login_, &order_};
};

TEST_F(SentinelTest, AsksForTheMasterAndListensInOneWrite) {
  EXPECT_EQ(dial_.Start(), Act::kAsk);
  EXPECT_EQ(dial_.sentinel().port, 1);
  EXPECT_EQ(Open(),
            "*3\r\n$8\r\nSENTINEL\r\n$23\r\nGET-MASTER-ADDR-BY-NAME\r\n$8\r\nmymaster\r\n"
            "*2\r\n$9\r\nSUBSCRIBE\r\n$14\r\n+switch-master\r\n");
  EXPECT_EQ(Say(kAddress), Act::kOpen);
  EXPECT_EQ(dial_.master(), (Endpoint{"127.0.0.1", 7001, ""}));
  EXPECT_EQ(Say(kSubscribed), Act::kNothing);
  EXPECT_EQ(Order(), (std::vector<int>{1, 2, 3}));
}

TEST_F(SentinelTest, LogsInToTheSentinelsWithTheirOwnCredentials) {
  const Login login{"watcher", "own-secret", 0, "spillway", false};
  SentinelDial dial(name_, login, &order_);
  dial.Start();
  EXPECT_EQ(Open(&dial).find("*3\r\n$4\r\nAUTH\r\n$7\r\nwatcher\r\n$10\r\nown-secret\r\n"
                             "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$8\r\nspillway\r\n*3\r\n$8\r\nSENTINEL\r\n"),
            0U);
  EXPECT_EQ(Say("+OK\r\n", &dial), Act::kNothing);
  EXPECT_EQ(Say("-NOPERM no client\r\n", &dial), Act::kNothing) << "a name is welcome, not needed";
  EXPECT_EQ(Say(kAddress, &dial), Act::kOpen);
}

TEST_F(SentinelTest, TheNextOneIsAskedWhereOneDoesNotAnswer) {
  dial_.Start();
  EXPECT_EQ(dial_.OnGone("connection refused"), Act::kAsk) << "never opened";
  EXPECT_EQ(dial_.sentinel().port, 2);
  Open();
  EXPECT_EQ(dial_.OnGone("reset by peer"), Act::kAsk) << "opened, never answered";
  EXPECT_EQ(dial_.sentinel().port, 3);
  Open();
  EXPECT_EQ(Say(kAddress), Act::kOpen);
  EXPECT_EQ(Order(), (std::vector<int>{3, 1, 2})) << "the one that answered is asked first the next time";
}

TEST_F(SentinelTest, OneThatIsSilentIsLeftWhenItsTimeIsUp) {
  dial_.Start();
  EXPECT_EQ(dial_.OnTime(), Act::kAsk) << "while connecting";
  Open();
  EXPECT_EQ(dial_.OnTime(), Act::kAsk) << "while answering";
  EXPECT_EQ(dial_.sentinel().port, 3);
  EXPECT_EQ(dial_.OnTime(), Act::kFail);
  EXPECT_EQ(dial_.error(), "no sentinel answers: no answer within the time limit");
  EXPECT_FALSE(dial_.login_refused());
}

TEST_F(SentinelTest, NoSentinelAnswersAndNameUnknownAreDifferentErrors) {
  dial_.Start();
  dial_.OnGone("connection refused");
  dial_.OnGone("connection refused");
  EXPECT_EQ(dial_.OnGone("connection refused"), Act::kFail);
  EXPECT_EQ(dial_.error(), "no sentinel answers: connection refused");

  SentinelDial other(name_, login_, &order_);
  other.Start();
  Open(&other);
  EXPECT_EQ(Say("*-1\r\n", &other), Act::kAsk) << "the next one may know it";
  EXPECT_EQ(other.OnGone("connection refused"), Act::kAsk);
  EXPECT_EQ(other.OnGone("connection refused"), Act::kFail);
  EXPECT_EQ(other.error(), "the sentinels know no master named mymaster");
  EXPECT_EQ(Order(), (std::vector<int>{1, 2, 3}));
}

TEST_F(SentinelTest, OneThatDoesNotKnowTheNameIsNoReasonToGiveUp) {
  dial_.Start();
  Open();
  EXPECT_EQ(Say("*-1\r\n"), Act::kAsk);
  Open();
  EXPECT_EQ(Say(kAddress), Act::kOpen);
  EXPECT_EQ(Order(), (std::vector<int>{2, 1, 3}));
}

TEST_F(SentinelTest, ARefusedLoginIsSaidWithoutTheSecretAndWorthAPause) {
  const Login login{"", "own-secret", 0, "", false};
  SentinelOrder order({{"s", 1, ""}, {"s", 2, ""}});
  SentinelDial dial(name_, login, &order);
  dial.Start();
  Open(&dial);
  EXPECT_EQ(Say("-ERR unknown command 'AUTH', with args beginning with: 'own-secret'\r\n", &dial), Act::kAsk);
  EXPECT_EQ(dial.OnGone("connection refused"), Act::kFail);
  EXPECT_EQ(dial.error(), "no sentinel told the master: AUTH was refused: ERR");
  EXPECT_TRUE(dial.login_refused());
}

TEST_F(SentinelTest, AMissingLoginIsARefusedOneAtEveryStep) {
  for (const int before : {0, 1}) {
    const Login login{"", "", 0, "spillway", false};
    SentinelOrder order({{"s", 1, ""}});
    SentinelDial dial(name_, login, &order);
    dial.Start();
    Open(&dial);
    for (int i = 0; i < before; ++i) EXPECT_EQ(Say("+OK\r\n", &dial), Act::kNothing);
    EXPECT_EQ(Say("-NOAUTH Authentication required.\r\n", &dial), Act::kFail);
    EXPECT_TRUE(dial.login_refused());
    EXPECT_EQ(dial.error(), "no sentinel told the master: NOAUTH Authentication required.");
  }
}

TEST_F(SentinelTest, AnyOtherErrorReplyMovesOnAndIsTold) {
  dial_.Start();
  Open();
  EXPECT_EQ(Say("-ERR unknown command 'SENTINEL', with args beginning with: 'GET'\r\n"), Act::kAsk);
  dial_.OnGone("connection refused");
  EXPECT_EQ(dial_.OnGone("connection refused"), Act::kFail);
  EXPECT_EQ(dial_.error(), "no sentinel told the master: ERR unknown command 'SENTINEL'");
  EXPECT_FALSE(dial_.login_refused());
}

TEST_F(SentinelTest, AnAddressInAnUnknownShapeIsNone) {
  for (const char* bytes :
       {"*2\r\n$0\r\n\r\n$4\r\n7001\r\n", "*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\nh\r\n$3\r\n70x\r\n", "*1\r\n$1\r\nh\r\n", "+OK\r\n", ":1\r\n", "*0\r\n",
        "*2\r\n$1\r\nh\r\n$-1\r\n", "*3\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\n1\r\n"}) {
    SentinelOrder order({{"s", 1, ""}});
    SentinelDial dial(name_, login_, &order);
    dial.Start();
    Open(&dial);
    EXPECT_EQ(Say(bytes, &dial), Act::kFail) << bytes;
    EXPECT_EQ(dial.error(), "no sentinel answers: an address in an unknown shape") << bytes;
  }
}

TEST_F(SentinelTest, APromotionEndsTheConnectionToTheOldMaster) {
  Listen();
  EXPECT_EQ(Say(Switch("mymaster 127.0.0.1 7001 127.0.0.1 7002")), Act::kFail);
  EXPECT_EQ(dial_.error(), "the sentinels have promoted another master");
  EXPECT_FALSE(dial_.login_refused());
}

TEST_F(SentinelTest, APromotionIsHeardBeforeTheMasterIsReached) {
  OpenMaster();
  EXPECT_EQ(Say(kSubscribed), Act::kNothing);
  EXPECT_EQ(Say(Switch("mymaster 127.0.0.1 7001 10.0.0.2 7001")), Act::kFail);
}

TEST_F(SentinelTest, WhatIsNotOurPromotionMeansNothing) {
  Listen();
  EXPECT_EQ(Say(Switch("mymaster2 127.0.0.1 7001 127.0.0.1 7002")), Act::kNothing) << "another set";
  EXPECT_EQ(Say(Switch("mymaster 127.0.0.1 7009 127.0.0.1 7001")), Act::kNothing) << "we are there already";
  for (const char* payload : {"", "mymaster", "mymaster a 1", "mymaster a 1 b", "mymaster a 1 b x", "mymaster  "}) {
    EXPECT_EQ(Say(Switch(payload)), Act::kNothing) << payload;
  }
  for (const char* bytes : {"+PONG\r\n", ":1\r\n", "*-1\r\n", "*0\r\n", "*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n"}) {
    EXPECT_EQ(Say(bytes), Act::kNothing) << bytes;
  }
}

TEST_F(SentinelTest, TheOneThatTellsOfAPromotionIsAskedFirst) {
  dial_.Start();
  dial_.OnGone("connection refused");
  Open();
  Say(kAddress);
  Say(kSubscribed);
  dial_.OnMisled();
  ASSERT_EQ(Order(), (std::vector<int>{1, 3, 2}));
  Say(Switch("mymaster 127.0.0.1 7001 127.0.0.1 7002"));
  EXPECT_EQ(Order(), (std::vector<int>{2, 1, 3}));
}

TEST_F(SentinelTest, WhoNamedAReplicaIsAskedLast) {
  OpenMaster();
  dial_.OnMisled();
  EXPECT_EQ(Order(), (std::vector<int>{2, 3, 1}));
  SentinelDial again(name_, login_, &order_);
  again.Start();
  EXPECT_EQ(again.sentinel().port, 2);
}

TEST_F(SentinelTest, WithAllSentinelsGoneTheMasterStays) {
  Listen();
  Act act = dial_.OnGone("the server closed the connection");
  for (int port : {2, 3, 1, 2, 3, 1, 2}) {
    ASSERT_EQ(act, Act::kRest);
    ASSERT_EQ(dial_.OnTime(), Act::kAsk);
    EXPECT_EQ(dial_.sentinel().port, port);
    act = dial_.OnGone("connection refused");
  }
  EXPECT_EQ(act, Act::kRest);
  EXPECT_EQ(dial_.master().port, 7001);
}

TEST_F(SentinelTest, ListensToAnotherOneWithoutAskingAgain) {
  Listen();
  dial_.OnGone("the server closed the connection");
  ASSERT_EQ(dial_.OnTime(), Act::kAsk);
  // A stale one would name another master; a promotion is news, an address is not.
  EXPECT_EQ(Open(), "*2\r\n$9\r\nSUBSCRIBE\r\n$14\r\n+switch-master\r\n");
  EXPECT_EQ(Say(kSubscribed), Act::kNothing);
  EXPECT_EQ(dial_.OnTime(), Act::kNothing) << "it listens: the limit for its answer is void";
  EXPECT_EQ(Say(Switch("mymaster 127.0.0.1 7001 127.0.0.1 7002")), Act::kFail);
}

TEST_F(SentinelTest, OneThatIsSilentWhileWeWantToListenIsLeft) {
  OpenMaster();
  EXPECT_EQ(dial_.OnTime(), Act::kRest) << "it named the master and did not confirm";
  EXPECT_EQ(dial_.OnTime(), Act::kAsk);
  EXPECT_EQ(dial_.OnTime(), Act::kRest) << "the next one is not even reached";
  EXPECT_EQ(dial_.OnTime(), Act::kAsk);
  Open();
  EXPECT_EQ(dial_.OnTime(), Act::kRest) << "the last one is reached and says nothing";
}

TEST_F(SentinelTest, WhereListeningIsForbiddenItIsNotTriedAgain) {
  OpenMaster();
  EXPECT_EQ(Say("-NOPERM this user has no permissions\r\n"), Act::kRest);
  EXPECT_EQ(dial_.OnTime(), Act::kNothing);
}

TEST_F(SentinelTest, ALoginThatIsRefusedWhileTheMasterStandsIsTriedWithTheNext) {
  Listen();
  dial_.OnGone("the server closed the connection");
  dial_.OnTime();
  Open();
  EXPECT_EQ(Say("-NOAUTH Authentication required.\r\n"), Act::kRest);
  EXPECT_EQ(dial_.OnTime(), Act::kAsk);
}

TEST_F(SentinelTest, AnotherDialMayReorderTheSentinelsMeanwhile) {
  dial_.Start();
  order_.Answered({"s", 3, ""});
  EXPECT_EQ(dial_.OnGone("connection refused"), Act::kAsk);
  EXPECT_EQ(dial_.sentinel().port, 2) << "each is asked once";
  EXPECT_EQ(dial_.OnGone("connection refused"), Act::kAsk);
  EXPECT_EQ(dial_.sentinel().port, 3);
  Open();
  EXPECT_EQ(Say(kAddress), Act::kOpen);
  EXPECT_EQ(Order(), (std::vector<int>{3, 1, 2}));
}

TEST_F(SentinelTest, TheOrderKnowsOnlyItsOwn) {
  order_.Answered({"elsewhere", 3, ""});
  order_.Misled({"elsewhere", 1, ""});
  EXPECT_EQ(Order(), (std::vector<int>{1, 2, 3}));
}

}  // namespace
}  // namespace spillway
