// Calls whose keys lie in several slots: what is admitted, given back, and answered when a part fails.
#include "cluster_fixture.h"

namespace spillway {
namespace {

TEST_F(ClusterStoreTest, SeveralSlotsAreAskedAtOnce) {
  Open();
  CheckBoth(1);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "EVALSHA"), 1U);
  EXPECT_EQ(CountOf(sent(2), "EVALSHA"), 1U);
  Say(1, Layered(1, 2, 1700000060000, 1));
  EXPECT_TRUE(outcomes_.empty());
  Forget();
  Say(2, Layered(1, 4, 1700000060000, 1));
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_EQ(outcomes_[0].decision.remaining, 2);
  EXPECT_EQ(outcomes_[0].behind, 1);
  EXPECT_EQ(outcomes_[1].decision.remaining, 4);
  EXPECT_EQ(sent(1) + sent(2), "") << "nothing to give back";
}

TEST_F(ClusterStoreTest, WhatOneSlotDeniesTheOthersGetBack) {
  Open();
  for (Ticket ticket = 1; ticket <= 4; ++ticket) CheckBoth(ticket);
  Turn();
  Forget();
  // Of four, the first rule admits one and the second all: three go back, from the window that was charged.
  Say(1, Layered(1, 0, 1700000060000, 1));
  Say(2, Layered(4, 1, 1700000070000, 4));
  ASSERT_EQ(outcomes_.size(), 8U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_FALSE(outcomes_[2].decision.allowed);
  EXPECT_TRUE(outcomes_[3].decision.allowed) << "by itself, the second rule would have admitted it";
  EXPECT_EQ(outcomes_[3].decision.remaining, 4) << "as it is once they are back";
  EXPECT_EQ(outcomes_[3].decision.retry_after_ms, 0);
  EXPECT_EQ(sent(1), "");
  EXPECT_EQ(CountOf(sent(2), "\r\nEVAL\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "\r\n$1\r\n3\r\n$1\r\nw\r\n"), 1U) << sent(2);
}

TEST_F(ClusterStoreTest, TheSourceOfAGiveBackGoesOutOnceAConnection) {
  Open();
  for (int round = 0; round < 3; ++round) {
    CheckBoth(1);
    Turn();
    Forget();
    Say(1, Layered(0, 0, 1700000060000, 0));
    Say(2, Layered(1, 4, 1700000070000, 1));
    EXPECT_EQ(CountOf(sent(2), "\r\nEVAL\r\n"), round == 0 ? 1U : 0U) << round;
    EXPECT_EQ(CountOf(sent(2), "EVALSHA"), round == 0 ? 0U : 1U) << round;
    Say(2, ":1\r\n");
  }
}

TEST_F(ClusterStoreTest, FixedWindowsInSeveralSlotsAreGivenBackToo) {
  Open();
  const RuleSet windows{Rule{"p:", Algorithm::kFixedWindow, 3, 60000, 250, "a", 0, false},
                        Rule{"p:", Algorithm::kFixedWindow, 5, 60000, 250, "b", 0, false}};
  const std::vector<std::string> keys = {low_, high_};
  for (Ticket ticket = 1; ticket <= 2; ++ticket) AskAbout(Op::kCheck, windows, keys, 2, ticket);
  Turn();
  Forget();
  // {units charged, now, units used before, end of the window}: one fits under the first rule, both under the second.
  Say(1, Array({Integer(2), Integer(1700000000000), Integer(0), Integer(1700000060000)}));
  Say(2, Array({Integer(4), Integer(1700000000000), Integer(1), Integer(1700000070000)}));
  ASSERT_EQ(outcomes_.size(), 4U);
  EXPECT_TRUE(outcomes_[0].decision.allowed);
  EXPECT_EQ(outcomes_[1].decision.remaining, 2);
  EXPECT_FALSE(outcomes_[2].decision.allowed);
  EXPECT_EQ(outcomes_[3].decision.remaining, 2);
  EXPECT_EQ(sent(1), "");
  EXPECT_EQ(CountOf(sent(2), "\r\n$1\r\n2\r\n$1\r\nf\r\n"), 1U) << sent(2);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
}

TEST_F(ClusterStoreTest, AShadowRuleGivesBackOnlyWhatItCounted) {
  Open();
  const RuleSet shadowed{both_[0], Rule{"p:", Algorithm::kFixedWindow, 2, 60000, 250, "s", 0, true}};
  const std::vector<std::string> keys = {low_, high_};
  for (Ticket ticket = 1; ticket <= 4; ++ticket) AskAbout(Op::kCheck, shadowed, keys, 1, ticket);
  Turn();
  Forget();
  // The shadow counts two of the four that it sees; one of them is admitted in the end.
  Say(2, Layered(4, 0, 1700000070000, 2));
  Say(1, Layered(1, 0, 1700000060000, 1));
  ASSERT_EQ(outcomes_.size(), 8U);
  EXPECT_EQ(outcomes_[1].decision.remaining, 1);
  EXPECT_EQ(CountOf(sent(2), "\r\n$1\r\n1\r\n$1\r\nf\r\n"), 1U) << sent(2);
}

TEST_F(ClusterStoreTest, APartThatFailsEndsTheCallAndTheOthersGetTheirUnitsBack) {
  Open();
  CheckBoth(1);
  Turn();
  Forget();
  Say(2, Layered(1, 4, 1700000070000, 1));
  nodes_[1].stream->events->OnClosed("reset");
  Turn();
  Turn();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kDisconnected);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
}

TEST_F(ClusterStoreTest, APartThatComesTooLateGivesItsUnitsBack) {
  Open();
  CheckBoth(1);
  Turn();
  Say(2, Layered(1, 4, 1700000070000, 1));
  Forget();
  Advance(250);
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kTimedOut);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
  Say(1, Layered(1, 2, 1700000060000, 1));
  EXPECT_EQ(CountOf(sent(1), "$13\r\n1700000060000\r\n"), 1U);
  EXPECT_EQ(outcomes_.size(), 1U);
}

TEST_F(ClusterStoreTest, APartThatIsRefusedEndsTheCallOnce) {
  Open();
  CheckBoth(1);
  Turn();
  Say(1, "-OOM command not allowed\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kRefused);
  Forget();
  Say(2, "-OOM command not allowed\r\n");
  EXPECT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(store_->GetStats().pending, 0);
}

TEST_F(ClusterStoreTest, AForeignKeyInOneSlotMakesTheCallForeignAndTheOthersGetTheirUnitsBack) {
  Open();
  CheckBoth(1);
  Turn();
  Forget();
  Say(2, Layered(1, 4, 1700000070000, 1));
  Say(1, "-WRONGTYPE the key does not hold a counter\r\n");
  Turn();
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kForeign);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
  EXPECT_EQ(store_->GetStats().foreign, 1);
}

TEST_F(ClusterStoreTest, ALookChargesNothingAndGivesNothingBack) {
  Open();
  CheckBoth(1, Op::kPeek);
  Turn();
  Forget();
  Say(1, Layered(0, 0, 1700000060000, 0));
  Say(2, Layered(0, 5, 1700000060000, 0));
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_FALSE(outcomes_[0].decision.allowed);
  EXPECT_TRUE(outcomes_[1].decision.allowed);
  EXPECT_EQ(sent(1) + sent(2), "");
}

TEST_F(ClusterStoreTest, APenaltyIsKeptWhereItWasCharged) {
  Open();
  CheckBoth(1, Op::kPenalize);
  Turn();
  Forget();
  Say(2, Layered(1, 4, 1700000060000, 1));
  Say(1, "-OOM command not allowed\r\n");
  ASSERT_EQ(outcomes_.size(), 1U);
  EXPECT_EQ(outcomes_[0].status, Status::kRefused);
  EXPECT_EQ(sent(2), "");
}

TEST_F(ClusterStoreTest, RefundBlockAndResetReachEverySlotAndAddUp) {
  Open();
  const std::vector<std::string> keys = {low_, high_};
  const int64_t marks[] = {1700000060000, 1700000070000};
  AskAbout(Op::kRefund, both_, keys, 2, 1, marks);
  AskAbout(Op::kBlock, both_, keys, 5000, 2);
  AskAbout(Op::kReset, both_, keys, 1, 3);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "$13\r\n1700000060000\r\n"), 1U);
  EXPECT_EQ(CountOf(sent(2), "$13\r\n1700000070000\r\n"), 1U);
  Say(1, ":1\r\n+OK\r\n:1\r\n");
  EXPECT_TRUE(outcomes_.empty());
  Say(2, ":1\r\n+OK\r\n:0\r\n");
  ASSERT_EQ(outcomes_.size(), 3U);
  EXPECT_EQ(outcomes_[0].decision.used, 2);
  EXPECT_EQ(outcomes_[1].status, Status::kAnswered);
  EXPECT_EQ(outcomes_[2].decision.used, 1);
}

TEST_F(ClusterStoreTest, KeysThatAreOnTheirWayAreAskedOneByOne) {
  Open();
  const RuleSet& same = both_;
  const std::vector<std::string> keys = {low_, low_};
  AskAbout(Op::kCheck, same, keys, 1, 1);
  Turn();
  EXPECT_EQ(CountOf(sent(1), "EVALSHA"), 1U) << "one slot, one script";
  Forget();
  Say(1, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
  EXPECT_EQ(CountOf(sent(1), "EVALSHA"), 2U);
  // One of them has gone ahead.
  Say(1, Ask(low_, 2) + Layered(1, 4, 1700000060000, 1));
  EXPECT_EQ(CountOf(sent(2), "ASKING"), 1U);
  Say(2, "+OK\r\n" + Layered(1, 2, 1700000060000, 1));
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[0].decision.remaining, 2);
  EXPECT_EQ(outcomes_[1].decision.remaining, 4);
}

}  // namespace
}  // namespace spillway
