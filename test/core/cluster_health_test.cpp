// What a store of a cluster says of itself: one node that does not count is enough, and is named.
#include "cluster_fixture.h"

namespace spillway {
namespace {

const char kOom[] = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

TEST_F(ClusterStoreTest, OneNodeThatRefusesMakesUnhealthyAndIsNamed) {
  Open();
  EXPECT_TRUE(Healthy());
  Check(high_, 1);
  Turn();
  Say(2, Thrice(kOom));
  EXPECT_EQ(store_->GetStats().trouble, "h:2: OOM command not allowed when used memory > 'maxmemory'.");
  Check(low_, 2);
  Turn();
  Say(1, kTime + std::string(":-2\r\n:1\r\n:1\r\n"));
  EXPECT_FALSE(Healthy()) << "what another node counts says nothing of this one";
}

TEST_F(ClusterStoreTest, AskedAloneEachNodeIsCharged) {
  Open();
  Advance(500);
  EXPECT_EQ(CountOf(sent(1), "INCR"), 1U);
  EXPECT_EQ(CountOf(sent(2), "INCR"), 1U);
  Say(1, Thrice(":1\r\n"));
  Say(2, Thrice(kOom));
  EXPECT_FALSE(Healthy());
  EXPECT_EQ(store_->GetStats().trouble.substr(0, 5), "h:2: ");
  Forget();
  Advance(500);
  Say(2, kTime + std::string(":-2\r\n:1\r\n:1\r\n"));
  EXPECT_TRUE(Healthy());
}

TEST_F(ClusterStoreTest, WhyNoNodeCanBeAskedIsKeptWhileTheNextIsDialled) {
  Healthy();
  Turn();
  for (int i = 0; i < 6; ++i) {
    for (auto& [port, node] : nodes_) {
      if (node.stream != nullptr) node.stream->events->OnRefused("AUTH was refused: WRONGPASS");
    }
    Advance(300);
    const std::string trouble = store_->GetStats().trouble;
    EXPECT_NE(trouble.find(": AUTH was refused: WRONGPASS"), std::string::npos) << i << ' ' << trouble;
  }
}

TEST_F(ClusterStoreTest, UntilItsMapIsKnownItIsInTrouble) {
  EXPECT_EQ(store_->GetStats().trouble, "not connected yet");
  Healthy();
  Turn();
  EXPECT_EQ(store_->GetStats().trouble, "h:1: not connected yet");
  Connect(1);
  EXPECT_EQ(store_->GetStats().trouble, "some slots of the cluster have no node");
  Say(1, Halves(1, 2));
  Connect(2);
  EXPECT_EQ(store_->GetStats().trouble, "");
}

}  // namespace
}  // namespace spillway
