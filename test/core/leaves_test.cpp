// The small pieces without state: keys, globs, rules, backoff, deadlines.
#include <gtest/gtest.h>

#include <set>

#include "glob.h"
#include "hash.h"
#include "key.h"
#include "redis/backoff.h"
#include "redis/refusal.h"
#include "redis_store/deadlines.h"
#include "rule.h"

namespace spillway {
namespace {

std::string Encoded(std::string_view id) {
  std::string key;
  AppendEncoded(id, &key);
  return key;
}

TEST(Key, EncodesWhatWouldBreakOutOfAKey) {
  EXPECT_EQ(Encoded("org-123"), "org-123");
  EXPECT_EQ(Encoded("{a}"), "%7Ba%7D");
  EXPECT_EQ(Encoded("100%"), "100%25");
  EXPECT_EQ(Encoded("a\r\nb"), "a%0D%0Ab");
  EXPECT_EQ(Encoded(std::string_view("\0", 1)), "%00");
  EXPECT_EQ(Encoded("\xC3\xA9*[x]"), "\xC3\xA9*[x]");
}

TEST(Key, IsInjective) {
  std::set<std::string> keys;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const char id[2] = {static_cast<char>(a), static_cast<char>(b)};
      ASSERT_TRUE(keys.insert(Encoded({id, 2})).second);
    }
  }
}

TEST(Glob, MatchesAsScanDoes) {
  EXPECT_TRUE(GlobMatch("*", ""));
  EXPECT_TRUE(GlobMatch("org-*", "org-1"));
  EXPECT_FALSE(GlobMatch("org-*", "or"));
  EXPECT_TRUE(GlobMatch("*a*b*c", "xxaxxbxxc"));
  EXPECT_FALSE(GlobMatch("*a*b*c", "xxaxxcxxb"));
  EXPECT_TRUE(GlobMatch("o?g", "org"));
  EXPECT_TRUE(GlobMatch("[a-c]x[^0-9]", "bxz"));
  EXPECT_FALSE(GlobMatch("[a-c]x[^0-9]", "bx5"));
  EXPECT_TRUE(GlobMatch("\\*", "*"));
  EXPECT_FALSE(GlobMatch("\\*", "a"));
  EXPECT_FALSE(GlobMatch("", "a"));
  // Exponential in a careless matcher.
  EXPECT_FALSE(GlobMatch("a*a*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST(Glob, ALiteralMatchesOnlyItself) {
  std::string pattern;
  AppendGlobLiteral("a*b[c]\\?", &pattern);
  EXPECT_TRUE(GlobMatch(pattern, "a*b[c]\\?"));
  EXPECT_FALSE(GlobMatch(pattern, "aXb[c]\\?"));
}

TEST(Rule, RefusesNumbersThatAnAlgorithmCannotHold) {
  const Rule good{"p:", Algorithm::kFixedWindow, 100, 1000, 250, ""};
  EXPECT_EQ(Validate(good), "");
  const auto refused = [&](auto change) {
    Rule rule = good;
    change(&rule);
    return !Validate(rule).empty();
  };
  EXPECT_TRUE(refused([](Rule* rule) { rule->limit = -1; }));
  EXPECT_TRUE(refused([](Rule* rule) { rule->limit = int64_t{1} << 53; }));
  EXPECT_TRUE(refused([](Rule* rule) { rule->window_ms = 0; }));
  EXPECT_TRUE(refused([](Rule* rule) { rule->window_ms = kMaxWindowMs + 1; }));
  EXPECT_TRUE(refused([](Rule* rule) { rule->timeout_ms = 0; }));
}

TEST(Backoff, GrowsToTwoSecondsWithFullJitterAndNeverGivesUp) {
  Backoff backoff(42, 2000);
  int64_t longest = 0;
  for (int i = 0; i < 10000; ++i) {
    const int64_t delay = backoff.NextDelayMs(false);
    ASSERT_GE(delay, 1);
    ASSERT_LE(delay, i < 6 ? 50 << i : 2000);
    longest = std::max(longest, delay);
  }
  EXPECT_GT(longest, 1900);
  backoff.Reset();
  EXPECT_LE(backoff.NextDelayMs(false), 50);
}

TEST(Backoff, AConnectionOfNoUseDoesNotStartItAnew) {
  Backoff backoff(42, 500);
  int64_t longest = 0;
  for (int i = 0; i < 200; ++i) {
    longest = std::max(longest, backoff.NextDelayMs(false));
    backoff.Reset();
    backoff.Relapse();
  }
  EXPECT_GT(longest, 400);
  EXPECT_LE(longest, 500);
  backoff.Reset();
  EXPECT_LE(backoff.NextDelayMs(false), 50);
}

TEST(Backoff, ARefusedLoginWaitsASecondAtLeast) {
  Backoff backoff(7, 2000);
  for (int i = 0; i < 100; ++i) ASSERT_GE(backoff.NextDelayMs(true), 1000);
}

TEST(Refusal, IsClassifiedByItsFirstWord) {
  EXPECT_EQ(Classify("NOSCRIPT No matching script"), Refusal::kNoScript);
  EXPECT_EQ(Classify("LOADING Redis is loading the dataset in memory"), Refusal::kWait);
  EXPECT_EQ(Classify("BUSY Redis is busy running a script"), Refusal::kWait);
  EXPECT_EQ(Classify("BUSYGROUP exists"), Refusal::kFinal);
  EXPECT_EQ(Classify("READONLY You can't write against a read only replica."), Refusal::kNoMaster);
  EXPECT_EQ(Classify("MASTERDOWN Link with MASTER is down"), Refusal::kNoMaster);
  EXPECT_EQ(Classify("ERR Error running script (call to f_0): @user_script:1: -READONLY You can't write"),
            Refusal::kNoMaster);
  EXPECT_EQ(Classify("ERR Error running script (call to f_0): @user_script:1: -OOM"), Refusal::kFinal);
  EXPECT_EQ(Classify("NOAUTH Authentication required."), Refusal::kLogin);
  EXPECT_EQ(Classify("WRONGTYPE Operation against a key"), Refusal::kForeign);
  EXPECT_EQ(Classify("ERR Error running script (call to f_0): @user_script:1: WRONGTYPE Operation against a key"),
            Refusal::kForeign);
  EXPECT_EQ(Classify("OOM command not allowed"), Refusal::kFinal);
  EXPECT_EQ(Classify("OOM command not allowed"), Refusal::kFinal);
}

TEST(Refusal, NamesNoUser) {
  EXPECT_EQ(Presentable("NOPERM User app has no permissions to run the 'incr' command"),
            "NOPERM this user has no permissions to run the 'incr' command");
  EXPECT_EQ(Presentable("NOPERM No permissions to access a key"), "NOPERM No permissions to access a key");
}

TEST(Refusal, NeverShowsTheArgumentsOfAnUnknownCommand) {
  const std::string shown = Presentable("ERR unknown command 'AUTH', with args beginning with: 'hunter2' ");
  EXPECT_EQ(shown, "ERR unknown command 'AUTH'");
}

struct Item : Expiring {
  int id = 0;
};

TEST(Deadlines, AreTakenWhenDueAcrossTimeouts) {
  Deadlines deadlines;
  Item items[4];
  deadlines.Add(&items[0], 0, 100);
  deadlines.Add(&items[1], 10, 50);
  deadlines.Add(&items[2], 20, 100);
  deadlines.Add(&items[3], 30, 50);
  EXPECT_EQ(deadlines.Earliest(), 60);
  EXPECT_EQ(deadlines.TakeDue(59), nullptr);
  EXPECT_EQ(deadlines.TakeDue(60), &items[1]);
  Deadlines::Remove(&items[3]);
  Deadlines::Remove(&items[3]);
  EXPECT_EQ(deadlines.Earliest(), 100);
  std::set<Expiring*> due;
  while (Expiring* item = deadlines.TakeDue(1000)) due.insert(item);
  EXPECT_EQ(due, (std::set<Expiring*>{&items[0], &items[2]}));
  EXPECT_EQ(deadlines.Earliest(), INT64_MAX);
}

TEST(Hash, DependsOnEveryByteAndTheSeed) {
  std::set<uint64_t> hashes;
  std::string text(40, 'x');
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = 'y';
    hashes.insert(Hash(changed, 1));
    hashes.insert(Hash(changed, 2));
    hashes.insert(Hash(text.substr(0, i), 1));
  }
  EXPECT_EQ(hashes.size(), 120U);
}

}  // namespace
}  // namespace spillway
