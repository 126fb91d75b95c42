#include "redis/resp.h"

#include <gtest/gtest.h>

#include "redis/handshake.h"
#include "redis/wire.h"
#include "replies.h"

namespace spillway {
namespace {

using Next = ReplyReader::Next;
using Type = Reply::Type;

TEST(ReplyReader, FlattensAReplyThatComesByteByByte) {
  ReplyReader reader(1 << 20);
  const std::string bytes = "*4\r\n:7\r\n$3\r\nabc\r\n*2\r\n$-1\r\n+OK\r\n-ERR no\r\n:3599999000\r\n:-12\r\n";
  std::vector<int> sizes;
  for (const char byte : bytes) {
    reader.Feed(&byte, 1);
    const Next next = reader.Read();
    ASSERT_NE(next, Next::kBroken);
    if (next != Next::kReply) continue;
    const Reply& reply = reader.reply();
    sizes.push_back(static_cast<int>(reply.size()));
    if (sizes.size() == 1) {
      EXPECT_EQ(reply.type(), Type::kArray);
      EXPECT_EQ(reply.integer(), 4);
      EXPECT_EQ(reply.integer(1), 7);
      EXPECT_EQ(reply.text(2), "abc");
      EXPECT_EQ(reply.integer(3), 2);
      EXPECT_EQ(reply.type(4), Type::kNil);
      EXPECT_EQ(reply.type(5), Type::kStatus);
      EXPECT_EQ(reply.type(6), Type::kError);
    } else {
      // The first is larger than any reply may be long, and still only a number.
      EXPECT_EQ(reply.integer(), sizes.size() == 2 ? 3599999000 : -12);
    }
  }
  EXPECT_EQ(sizes, (std::vector<int>{7, 1, 1}));
}

TEST(ReplyReader, ReadsManyRepliesOfOneFeed) {
  ReplyReader reader(1 << 20);
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += ":" + std::to_string(i) + "\r\n";
  reader.Feed(bytes.data(), bytes.size());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(reader.Read(), Next::kReply);
    ASSERT_EQ(reader.reply().integer(), i);
  }
  EXPECT_EQ(reader.Read(), Next::kNeedMore);
}

bool Breaks(const std::string& bytes, size_t max_bytes = 1 << 20) {
  ReplyReader reader(max_bytes);
  reader.Feed(bytes.data(), bytes.size());
  Next next = Next::kReply;
  while (next == Next::kReply) next = reader.Read();
  return next == Next::kBroken && !reader.error().empty();
}

TEST(ReplyReader, GivesUpOnHostileBytes) {
  EXPECT_TRUE(Breaks("*2147483647\r\n"));
  EXPECT_TRUE(Breaks("$-2\r\n"));
  // Believed, they would swallow all replies that follow.
  EXPECT_TRUE(Breaks("$9223372036854775807\r\n"));
  EXPECT_TRUE(Breaks("$1073741824\r\n:1\r\n"));
  EXPECT_TRUE(Breaks("*2\r\n:1\r\n$1048577\r\n"));
  EXPECT_TRUE(Breaks("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(Breaks(":12x\r\n"));
  std::string deep;
  for (int i = 0; i < 12; ++i) deep += "*1\r\n";
  EXPECT_TRUE(Breaks(deep + ":1\r\n"));
  EXPECT_TRUE(Breaks("+" + std::string(2 << 20, 'x')));
  // An array that never ends, element by element.
  std::string endless = "*1000000\r\n";
  for (int i = 0; i < 100000; ++i) endless += ":1\r\n";
  EXPECT_TRUE(Breaks(endless));
}

TEST(ReplyReader, TheLongestReplyThatIsReadInOnePieceIsReadInPieces) {
  const std::string longest(100, 'x');
  for (const std::string& bytes : {"+" + longest + "\r\n", Bulk(longest)}) {
    ReplyReader whole(longest.size());
    whole.Feed(bytes.data(), bytes.size());
    EXPECT_EQ(whole.Read(), Next::kReply);
    ReplyReader pieces(longest.size());
    for (size_t i = 0; i < bytes.size(); ++i) {
      pieces.Feed(&bytes[i], 1);
      EXPECT_EQ(pieces.Read(), i + 1 < bytes.size() ? Next::kNeedMore : Next::kReply) << bytes[0] << " at " << i;
    }
  }
}

Handshake::Verdict Answer(Handshake* handshake, const std::string& bytes) {
  ReplyReader reader(1 << 20);
  reader.Feed(bytes.data(), bytes.size());
  EXPECT_EQ(reader.Read(), Next::kReply);
  return handshake->OnReply(reader.reply());
}

TEST(Handshake, SendsEverythingInOneWriteAndReadsTheVersion) {
  std::string out;
  const Login login{"app", "secret", 3, "spillway", false};
  Handshake handshake(login, &out);
  EXPECT_EQ(
      out,
      "*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$6\r\nsecret\r\n*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$8\r\nspillway\r\n"
      "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n");
  EXPECT_EQ(Answer(&handshake, "+OK\r\n"), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, "-NOPERM no\r\n"), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, "+OK\r\n"), Handshake::Verdict::kMore);
  const std::string info = "# Server\r\nredis_version:7.2.4\r\nos:Linux\r\n";
  EXPECT_EQ(Answer(&handshake, Bulk(info)), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, Bulk("maxmemory:0\r\n")), Handshake::Verdict::kReady);
  EXPECT_EQ(handshake.capabilities().version, "7.2.4");
}

TEST(Handshake, AnUnreadableVersionIsNoFailure) {
  std::string out;
  const Login login{"", "", 0, "", false};
  Handshake handshake(login, &out);
  EXPECT_EQ(Answer(&handshake, "-NOPERM this user has no permissions\r\n"), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, "-NOPERM this user has no permissions\r\n"), Handshake::Verdict::kReady);
  EXPECT_EQ(handshake.capabilities().version, "");
  EXPECT_EQ(handshake.capabilities().evicts, "");
}

TEST(Handshake, LearnsWhetherKeysThatStillCountMayBeDropped) {
  const Login login{"", "", 0, "", false};
  const struct {
    std::string memory;
    std::string evicts;
  } cases[] = {
      {"maxmemory:1000000\r\nmaxmemory_policy:allkeys-lru\r\n", "allkeys-lru"},
      // Every counter has an expiry.
      {"maxmemory:1000000\r\nmaxmemory_policy:volatile-random\r\n", "volatile-random"},
      // Those that are about to end.
      {"maxmemory:1000000\r\nmaxmemory_policy:volatile-ttl\r\n", ""},
      {"maxmemory:1000000\r\nmaxmemory_policy:noeviction\r\n", ""},
      {"maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", ""},
      {"used_memory:1\r\n", ""},
  };
  for (const auto& at : cases) {
    std::string out;
    Handshake handshake(login, &out);
    EXPECT_EQ(Answer(&handshake, Bulk("redis_version:7.0.15\r\n")), Handshake::Verdict::kMore);
    EXPECT_EQ(Answer(&handshake, Bulk(at.memory)), Handshake::Verdict::kReady);
    EXPECT_EQ(handshake.capabilities().evicts, at.evicts) << at.memory;
  }
}

TEST(Handshake, ARefusedLoginFailsWithoutTheServersWords) {
  std::string out;
  const Login login{"", "hunter2", 0, "", false};
  Handshake handshake(login, &out);
  EXPECT_EQ(Answer(&handshake, "-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n"),
            Handshake::Verdict::kFailed);
  EXPECT_TRUE(handshake.login_refused());
  EXPECT_EQ(handshake.error(), "AUTH was refused: ERR");
}

TEST(Handshake, ARefusedLoginSaysWhyWhereThatIsNoSecret) {
  std::string out;
  const Login login{"app", "hunter2", 0, "", false};
  Handshake handshake(login, &out);
  EXPECT_EQ(Answer(&handshake, "-ERR max number of clients reached\r\n"), Handshake::Verdict::kFailed);
  EXPECT_EQ(handshake.error(), "AUTH was refused: ERR max number of clients reached");
}

TEST(Handshake, AMissingLoginIsSeenAtAnyStep) {
  std::string out;
  const Login login{"", "", 0, "name", false};
  Handshake handshake(login, &out);
  EXPECT_EQ(Answer(&handshake, "-NOAUTH Authentication required.\r\n"), Handshake::Verdict::kFailed);
  EXPECT_TRUE(handshake.login_refused());
}

TEST(Handshake, AReplicaWillNotDoWhereAMasterIsWanted) {
  const Login login{"", "", 0, "", true};
  for (const char* role :
       {"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n", "*2\r\n$8\r\nsentinel\r\n*0\r\n"}) {
    std::string out;
    Handshake handshake(login, &out);
    EXPECT_EQ(out, "*1\r\n$4\r\nROLE\r\n*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n");
    EXPECT_EQ(Answer(&handshake, role), Handshake::Verdict::kFailed);
    EXPECT_TRUE(handshake.no_master());
    EXPECT_FALSE(handshake.login_refused());
    EXPECT_EQ(handshake.error(), "the server is no master");
  }
  std::string out;
  Handshake handshake(login, &out);
  EXPECT_EQ(Answer(&handshake, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, Bulk("redis_version:7.0.15\r\n")), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, Bulk("maxmemory:0\r\n")), Handshake::Verdict::kReady);
  EXPECT_FALSE(handshake.no_master());
}

TEST(Handshake, WhereTheRoleMayNotBeAskedAWriteTellsLater) {
  const Login login{"", "", 0, "", true};
  std::string out;
  Handshake handshake(login, &out);
  EXPECT_EQ(Answer(&handshake, "-NOPERM this user has no permissions\r\n"), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, "-NOPERM this user has no permissions\r\n"), Handshake::Verdict::kMore);
  EXPECT_EQ(Answer(&handshake, "-NOPERM this user has no permissions\r\n"), Handshake::Verdict::kReady);
}

TEST(Calls, TimeIsReadToTheMillisecond) {
  ReplyReader reader(1 << 20);
  const std::string bytes = "*2\r\n$10\r\n1700000000\r\n$6\r\n123999\r\n";
  reader.Feed(bytes.data(), bytes.size());
  ASSERT_EQ(reader.Read(), Next::kReply);
  EXPECT_EQ(ParseTime(reader.reply()), 1700000000123);
}

}  // namespace
}  // namespace spillway
