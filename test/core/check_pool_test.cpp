#include "redis_store/check_pool.h"

#include <gtest/gtest.h>

#include "memory_fixture.h"

namespace spillway {
namespace {

class Nobody : public CommandEvents {
  void OnStep(Command*, Step) override {}
  void OnLost(Command*) override {}
};

class CheckPoolTest : public ::testing::Test {
 protected:
  std::vector<PendingCheck*> Use(size_t count) {
    std::vector<PendingCheck*> used;
    for (size_t i = 0; i < count; ++i) used.push_back(pool_.New(Op::kCheck, rules_, 1));
    return used;
  }
  void Recycle(const std::vector<PendingCheck*>& used) {
    for (PendingCheck* check : used) pool_.Recycle(check);
  }

  const RuleSet rules_{MakeRule(Algorithm::kFixedWindow, 3, 1000)};
  Nobody nobody_;
  CheckPool pool_{&nobody_};
};

TEST_F(CheckPoolTest, UsesItsMemoryAgainAndHoldsTheRulesMeanwhile) {
  const std::vector<PendingCheck*> first = Use(10);
  EXPECT_TRUE(rules_.held());
  Recycle(first);
  EXPECT_FALSE(rules_.held());
  Recycle(Use(10));
  EXPECT_EQ(pool_.all().size(), 10U);
}

TEST_F(CheckPoolTest, FreesWhatAnOutageHasPiledUpOnceItIsOver) {
  const std::vector<PendingCheck*> kept = Use(5);
  Recycle(Use(60000));
  pool_.Shrink(1000);
  EXPECT_EQ(pool_.all().size(), 60005U) << "it was in use since the last look";
  pool_.Shrink(1999);
  EXPECT_EQ(pool_.all().size(), 60005U) << "a second has not passed";
  pool_.Shrink(2000);
  EXPECT_EQ(pool_.all().size(), 1024U);
  for (PendingCheck* check : kept) EXPECT_EQ(check->rules, &rules_);
  Recycle(kept);
  Recycle(Use(1024));
  EXPECT_EQ(pool_.all().size(), 1024U);
}

TEST_F(CheckPoolTest, KeepsWhatSteadyTrafficNeeds) {
  for (int64_t second = 1; second <= 5; ++second) {
    Recycle(Use(20000));
    pool_.Shrink(second * 1000);
    EXPECT_EQ(pool_.all().size(), 20000U);
  }
}

}  // namespace
}  // namespace spillway
