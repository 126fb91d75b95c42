// The cluster's machine, without sockets: which node has which slot, who is asked for that, and when.
#include "redis/cluster.h"

#include <gtest/gtest.h>

#include "replies.h"

namespace spillway {
namespace {

const Endpoint kSeed{"seed", 1, ""};
const Endpoint kA{"10.0.0.1", 7000, ""};
const Endpoint kB{"10.0.0.2", 7000, ""};
const Endpoint kC{"10.0.0.3", 7000, ""};
constexpr int kNone = Cluster::kNoNode;

ClusterMap Halves(const Endpoint& low, const Endpoint& high) {
  return {{{low, "a"}, {high, "b"}}, {{0, 8191, 0}, {8192, 16383, 1}}};
}

// A cluster whose seed has told that A and B have half of the slots each; both are connected.
class ClusterTest : public ::testing::Test {
 protected:
  void Map() {
    ASSERT_EQ(cluster_.NextToAsk(0), 0);
    cluster_.OnReady(0);
    ASSERT_EQ(cluster_.NextToAsk(1), 0) << "connected: asked at once";
    cluster_.OnMap(Halves(kA, kB));
    a_ = cluster_.NodeOf(0);
    b_ = cluster_.NodeOf(16383);
    cluster_.OnReady(a_);
    cluster_.OnReady(b_);
    cluster_.Forget(0);
  }
  Cluster cluster_{{kSeed}};
  int a_ = kNone;
  int b_ = kNone;
};

TEST(Slot, IsThatOfRedis) {
  EXPECT_EQ(SlotOf("123456789"), 0x31C3 % 16384);
  EXPECT_EQ(SlotOf("foo"), 12182);
  EXPECT_EQ(SlotOf(""), 0);
  EXPECT_EQ(SlotOf("ratelimit:org-123"), SlotOf("{ratelimit:org-123}:@1m"));
  EXPECT_EQ(SlotOf("a{foo}b{bar}"), SlotOf("foo"));
  EXPECT_EQ(SlotOf("{{foo}}"), SlotOf("{foo"));
  EXPECT_NE(SlotOf("{}foo"), SlotOf("{}bar")) << "an empty tag is none";
  EXPECT_NE(SlotOf("{foo"), SlotOf("foo"));
}

TEST(Slot, OfEveryLengthIsTheSameByteByByte) {
  std::string key;
  for (int length = 0; length < 64; ++length) {
    uint32_t crc = 0;
    for (const char c : key) {
      crc ^= static_cast<uint32_t>(static_cast<unsigned char>(c)) << 8;
      for (int bit = 0; bit < 8; ++bit) crc = ((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
    }
    EXPECT_EQ(SlotOf(key), crc % 16384) << length;
    key.push_back(static_cast<char>(length * 41 + 200));
  }
}

TEST(Redirection, IsReadWhateverTheHost) {
  uint16_t slot = 0;
  Endpoint to;
  ASSERT_TRUE(ReadRedirection("MOVED 3999 127.0.0.1:6381", kA, &slot, &to));
  EXPECT_EQ(slot, 3999);
  EXPECT_EQ(to, (Endpoint{"127.0.0.1", 6381, ""}));
  ASSERT_TRUE(ReadRedirection("ASK 0 ::1:6381", kA, &slot, &to));
  EXPECT_EQ(to, (Endpoint{"::1", 6381, ""}));
  ASSERT_TRUE(ReadRedirection("MOVED 1 :6381", kA, &slot, &to));
  EXPECT_EQ(to, (Endpoint{kA.host, 6381, ""})) << "no host: the one that answered";
  ASSERT_TRUE(ReadRedirection("MOVED 1 ?:6381", kA, &slot, &to));
  EXPECT_EQ(to.host, kA.host);
  ASSERT_TRUE(ReadRedirection("MOVED 1 redis-1.example:6381 more", kA, &slot, &to));
  EXPECT_EQ(to.host, "redis-1.example");
  for (const char* wrong : {"MOVED", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED 1 a",
                            "ASK 1 a:", "ASK 1 a:0", "ASK 1 a:65536", "ASK 1 a:x"}) {
    EXPECT_FALSE(ReadRedirection(wrong, kA, &slot, &to)) << wrong;
  }
}

TEST(Map, IsReadFromShards) {
  const ReplyOf reply(Array({
      Shard({Integer(0), Integer(99), Integer(200), Integer(16383)},
            {ShardNode(Bulk("10.0.0.4"), 7000, "replica"), ShardNode(Bulk("10.0.0.1"), 7000, "master")}),
      Shard({Integer(100), Integer(199)},
            {ShardNode(Bulk("10.0.0.2"), 7000, "master", "fail"), ShardNode(Bulk("10.0.0.3"), 7000, "master")}),
      Shard({}, {ShardNode("$-1\r\n", 7001, "master")}),
  }));
  ASSERT_TRUE(reply.good);
  ClusterMap map;
  ASSERT_TRUE(ReadShards(*reply, kSeed, false, &map));
  ASSERT_EQ(map.masters.size(), 3U);
  EXPECT_EQ(map.masters[0].endpoint, kA);
  EXPECT_EQ(map.masters[1].endpoint, kC) << "the one that has not failed";
  EXPECT_EQ(map.masters[2].endpoint, (Endpoint{"seed", 7001, ""})) << "nil: the host that answered";
  ASSERT_EQ(map.ranges.size(), 3U);
  EXPECT_EQ(map.ranges[1].first, 200);
  EXPECT_EQ(map.ranges[1].last, 16383);
  EXPECT_EQ(map.ranges[2].master, 1U);
}

TEST(Map, TakesThePortForTls) {
  const std::string node = Array({Bulk("port"), Integer(7000), Bulk("tls-port"), Integer(7100), Bulk("endpoint"),
                                  Bulk("10.0.0.1"), Bulk("role"), Bulk("master")});
  const ReplyOf reply(Array({Shard({Integer(0), Integer(5)}, {node})}));
  ClusterMap map;
  ASSERT_TRUE(ReadShards(*reply, kSeed, true, &map));
  EXPECT_EQ(map.masters[0].endpoint.port, 7100);
  ASSERT_TRUE(ReadShards(*reply, kSeed, false, &map));
  EXPECT_EQ(map.masters[0].endpoint.port, 7000);
}

TEST(Map, IsReadFromSlots) {
  const std::string replica = Array({Bulk("10.0.0.9"), Integer(7000), Bulk("id")});
  const ReplyOf reply(Array({
      Array(
          {Integer(0), Integer(99), Array({Bulk("10.0.0.1"), Integer(7000), Bulk("id"), Array({Bulk("h")})}), replica}),
      Array({Integer(100), Integer(199), Array({Bulk(""), Integer(7002), Bulk("id")})}),
      Array({Integer(200), Integer(16383), Array({"$-1\r\n", Integer(7002)}), replica, replica}),
  }));
  ClusterMap map;
  ASSERT_TRUE(ReadSlots(*reply, kSeed, &map));
  ASSERT_EQ(map.masters.size(), 2U);
  EXPECT_EQ(map.masters[0].endpoint, kA);
  EXPECT_EQ(map.masters[1].endpoint, (Endpoint{"seed", 7002, ""}));
  EXPECT_EQ(map.ranges.size(), 3U);
}

TEST(Map, OfAnotherShapeIsNone) {
  ClusterMap map;
  const std::string lone = Shard({Integer(0), Integer(1)}, {ShardNode(Bulk("a"), 1, "master")});
  for (const std::string& bytes : {std::string("-ERR This instance has cluster support disabled\r\n"),
                                   std::string("+OK\r\n"), std::string(":1\r\n"), std::string("*0\r\n"),
                                   Array({Integer(1)}), Array({Shard({Integer(0), Integer(16384)}, {})}),
                                   Array({Shard({Integer(0), Integer(1)}, {ShardNode(Bulk("a"), 0, "master")})}),
                                   Array({Shard({Integer(0), Integer(1)}, {ShardNode(Bulk("a"), 70000, "master")})}),
                                   Array({lone, Bulk("no shard")}), Array({Array({Integer(0), Integer(1)})}),
                                   Array({Array({Integer(0), Integer(1), Array({Bulk("a")})})})}) {
    const ReplyOf reply(bytes);
    ASSERT_TRUE(reply.good) << bytes;
    EXPECT_FALSE(ReadShards(*reply, kSeed, false, &map)) << bytes;
    EXPECT_FALSE(ReadSlots(*reply, kSeed, &map)) << bytes;
  }
}

TEST_F(ClusterTest, AMapTellsEverySlot) {
  Map();
  EXPECT_TRUE(cluster_.complete());
  EXPECT_EQ(cluster_.endpoint(a_), kA);
  EXPECT_EQ(cluster_.endpoint(b_), kB);
  EXPECT_EQ(cluster_.NodeOf(8191), a_);
  EXPECT_EQ(cluster_.NodeOf(8192), b_);
  EXPECT_FALSE(cluster_.member(0)) << "the seed has no slot: it was let go";
  EXPECT_EQ(cluster_.NextToAsk(100000), kNone) << "no doubt, no question";
  EXPECT_EQ(cluster_.NextTick(), INT64_MAX);
}

TEST_F(ClusterTest, MovedMapsItsSlotAndRaisesDoubt) {
  Map();
  const int c = cluster_.OnMoved("MOVED 5 10.0.0.3:7000", kA);
  ASSERT_NE(c, kNone);
  EXPECT_EQ(cluster_.endpoint(c), kC);
  EXPECT_EQ(cluster_.NodeOf(5), c);
  EXPECT_EQ(cluster_.NodeOf(6), a_);
  EXPECT_TRUE(cluster_.member(c));
  EXPECT_NE(cluster_.NextToAsk(2000), kNone);
  EXPECT_EQ(cluster_.OnMoved("MOVED 5", kA), kNone);
}

TEST_F(ClusterTest, AskMapsNothing) {
  Map();
  const int c = cluster_.OnAsk("ASK 5 10.0.0.3:7000", kA);
  ASSERT_NE(c, kNone);
  EXPECT_EQ(cluster_.NodeOf(5), a_);
  EXPECT_TRUE(cluster_.member(c)) << "its connection is kept";
  EXPECT_EQ(cluster_.NextToAsk(2000), kNone);
}

TEST_F(ClusterTest, TheMapIsAskedForAtMostOnceASecond) {
  Map();
  int asked = 0;
  for (int64_t now = 2000; now < 7000; ++now) {
    cluster_.Doubt();
    const int node = cluster_.NextToAsk(now);
    if (node == kNone) continue;
    ++asked;
    cluster_.OnMap(Halves(kA, kB));
  }
  EXPECT_EQ(asked, 5);
}

TEST_F(ClusterTest, ANodeThatDoesNotAnswerHoldsNothingUp) {
  Map();
  cluster_.Doubt();
  const int first = cluster_.NextToAsk(2000);
  ASSERT_NE(first, kNone);
  EXPECT_EQ(cluster_.NextTick(), 2000 + Cluster::kPatienceMs);
  EXPECT_EQ(cluster_.NextToAsk(2000 + Cluster::kPatienceMs - 1), kNone);
  const int second = cluster_.NextToAsk(2000 + Cluster::kPatienceMs);
  ASSERT_NE(second, kNone);
  EXPECT_NE(second, first);
  cluster_.OnNoMap(second);
  // The seed, which is not connected, is the last resort.
  EXPECT_EQ(cluster_.NextToAsk(2201), 0);
  cluster_.OnLost(0);
  EXPECT_EQ(cluster_.NextToAsk(2202), kNone) << "everybody has been asked in this round";
  EXPECT_EQ(cluster_.NextTick(), 3000);
  EXPECT_NE(cluster_.NextToAsk(3000), kNone);
}

TEST_F(ClusterTest, ALostMasterIsAskedAboutEverySecondUntilItsSlotsHaveAnother) {
  Map();
  cluster_.OnLost(a_);
  for (int64_t now = 2000; now < 5000; now += 1000) {
    EXPECT_EQ(cluster_.NextToAsk(now), b_) << "the one that is connected";
    cluster_.OnMap(Halves(kA, kB));
    EXPECT_EQ(cluster_.NextToAsk(now + 999), kNone);
  }
  EXPECT_EQ(cluster_.NextToAsk(5000), b_);
  cluster_.OnMap(Halves(kC, kB));
  const int c = cluster_.NodeOf(0);
  EXPECT_EQ(cluster_.endpoint(c), kC);
  cluster_.OnReady(c);
  EXPECT_FALSE(cluster_.member(a_));
  EXPECT_EQ(cluster_.NextToAsk(9000), kNone);
}

TEST_F(ClusterTest, ALostMasterWithoutSlotsIsAskedAboutToo) {
  Map();
  cluster_.OnMap({{{kA, ""}, {kB, ""}, {kC, ""}}, {{0, 8191, 0}, {8192, 16383, 1}}});
  int c = 0;
  while (!(cluster_.endpoint(c) == kC)) ++c;
  cluster_.OnReady(c);
  EXPECT_EQ(cluster_.NextToAsk(5000), kNone);
  cluster_.OnLost(c);
  ASSERT_NE(cluster_.NextToAsk(5000), kNone);
  cluster_.OnMap(Halves(kA, kB));
  EXPECT_FALSE(cluster_.member(c));
  // A connection of what has left is nobody's concern.
  cluster_.OnLost(c);
  EXPECT_EQ(cluster_.NextToAsk(9000), kNone);
}

TEST_F(ClusterTest, ASlotWithoutAMasterHasNoNode) {
  Map();
  cluster_.Doubt();
  ASSERT_NE(cluster_.NextToAsk(2000), kNone);
  cluster_.OnMap({{{kA, ""}}, {{0, 8191, 0}}});
  EXPECT_EQ(cluster_.NodeOf(8192), kNone);
  EXPECT_FALSE(cluster_.complete());
  EXPECT_NE(cluster_.NextToAsk(3000), kNone) << "until somebody has it";
}

TEST_F(ClusterTest, AFreeNumberIsUsedAgain) {
  Map();
  cluster_.Doubt();
  ASSERT_NE(cluster_.NextToAsk(2000), kNone);
  cluster_.OnMap(Halves(kB, kB));
  ASSERT_FALSE(cluster_.member(a_));
  cluster_.Forget(a_);
  EXPECT_EQ(cluster_.OnMoved("MOVED 5 10.0.0.3:7000", kB), a_);
  EXPECT_EQ(cluster_.endpoint(a_), kC);
  // A seed keeps its own: it is where one starts again.
  cluster_.Forget(0);
  EXPECT_EQ(cluster_.endpoint(0), kSeed);
}

TEST(ClusterStart, SeedsAreTriedInTurn) {
  Cluster cluster({kA, kB, kC});
  EXPECT_EQ(cluster.NextToAsk(0), 0);
  cluster.OnLost(0);
  EXPECT_EQ(cluster.NextToAsk(1), 1);
  EXPECT_EQ(cluster.NextToAsk(1 + Cluster::kPatienceMs), 2);
  // The second is there after all, while the third is silent.
  cluster.OnReady(1);
  EXPECT_EQ(cluster.NextToAsk(250), 1);
  cluster.OnNoMap(1);
  EXPECT_NE(cluster.NextToAsk(251), 1) << "not again in this round";
}

TEST(ClusterStart, ALateMapIsAsWelcome) {
  Cluster cluster({kA, kB});
  cluster.OnReady(0);
  cluster.OnReady(1);
  const int slow = cluster.NextToAsk(0);
  EXPECT_NE(cluster.NextToAsk(Cluster::kPatienceMs), slow);
  cluster.OnMap(Halves(kA, kB));
  EXPECT_TRUE(cluster.complete());
  EXPECT_EQ(cluster.NextToAsk(5000), kNone);
}

TEST(ClusterStart, NodesAreBounded) {
  Cluster cluster({kA});
  int refused = 0;
  for (int port = 1; port <= 5000; ++port) {
    const int node = cluster.OnMoved("MOVED 1 10.1.1.1:" + std::to_string(port), kA);
    if (node == kNone) ++refused;
  }
  EXPECT_EQ(refused, 5000 - static_cast<int>(Cluster::kMaxNodes) + 1);
}

}  // namespace
}  // namespace spillway
