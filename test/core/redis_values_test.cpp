// RedisStore on one server: keys that hold something else than a count, and replies that cannot be.
#include <limits>

#include "redis_fixture.h"
#include "replies.h"

namespace spillway {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

class RedisValues : public RedisStoreTest {
 protected:
  // Asks, and has the first command written.
  void CheckAndConnect() {
    Check(1);
    Turn();
    Connect();
  }
  static std::string Plain(const std::string& expiry, const std::string& count, const std::string& given) {
    return Time() + expiry + count + given;
  }
};

TEST_F(RedisValues, AKeyThatHoldsSomethingElseIsForeignAndNoFailureOfTheServer) {
  CheckAndConnect();
  Say(Plain(Integer(-2), Integer(1), Integer(1)));
  for (const char* error :
       {"-WRONGTYPE Operation against a key\r\n", "-WRONGTYPE the key does not hold a counter\r\n"}) {
    Check(2, 2);
    Turn();
    Say(error);
    EXPECT_EQ(outcomes_.back().status, Status::kForeign);
  }
  EXPECT_EQ(store_->GetStats().foreign, 2);
  EXPECT_EQ(store_->GetStats().last_error, "");
  EXPECT_TRUE(Healthy());
  EXPECT_EQ(outcomes_.size(), 3U);
}

TEST_F(RedisValues, TextThatIncrRefusesIsReadByTheScriptBehindItsOldExpiry) {
  CheckAndConnect();
  for (const char* error :
       {"-ERR value is not an integer or out of range\r\n", "-ERR increment or decrement would overflow\r\n"}) {
    outcomes_.clear();
    sent_.clear();
    Say(Plain(Integer(-1), error, Integer(1)));
    Turn();
    EXPECT_LT(sent_.find("PERSIST"), sent_.find("EVALSHA")) << sent_;
    EXPECT_EQ(CountOf(sent_, "INCR"), 0U) << "not once more";
    EXPECT_TRUE(outcomes_.empty());
    Say(":1\r\n" + Array({Integer(1), Integer(3), Integer(60000), Integer(1700000059999)}));
    ASSERT_EQ(outcomes_.size(), 1U);
    EXPECT_TRUE(outcomes_[0].decision.allowed);
    EXPECT_EQ(outcomes_[0].decision.remaining, 0);
    Check(2);
    Turn();
  }
}

TEST_F(RedisValues, ABlockIsOneWhereverItsMarkWasMovedAndKeepsWhatWasAdded) {
  CheckAndConnect();
  for (const int64_t moved : {kBlocked + 1, kBlocked + 2, kBlocked + 100001, kMax}) {
    SCOPED_TRACE(moved);
    outcomes_.clear();
    sent_.clear();
    Say(Plain(Integer(1700000029999), Integer(moved), Integer(0)));
    ASSERT_EQ(outcomes_.size(), 1U);
    EXPECT_FALSE(outcomes_[0].decision.allowed);
    EXPECT_TRUE(outcomes_[0].decision.blocked);
    EXPECT_EQ(outcomes_[0].decision.retry_after_ms, 30000);
    EXPECT_EQ(sent_, "") << "nothing is taken back";
    // After a reset, plain commands again.
    const std::string key = "p:k";
    AskAbout(Op::kReset, rules_, {key}, 1, 2);
    Turn();
    Say(Integer(1));
    sent_.clear();
    Check(2);
    Turn();
    ASSERT_EQ(CountOf(sent_, "INCR"), 1U);
  }
}

TEST_F(RedisValues, ALookTakesAnyIntegerFromTheMarkOnForABlock) {
  CheckAndConnect();
  Say(Plain(Integer(-2), Integer(1), Integer(1)));
  const std::string key = "p:k";
  for (const char* text : {"9007199254740992", "9007199254740993", "9223372036854775807"}) {
    AskAbout(Op::kPeek, rules_, {key}, 1, 2);
    Turn();
    Say(Bulk(text) + Integer(7199999));
    EXPECT_TRUE(outcomes_.back().decision.blocked) << text;
    EXPECT_EQ(outcomes_.back().decision.retry_after_ms, 7200000);
  }
  for (const char* text : {"{}", "007", "-0", "1.0", "12345678901234567890", "-9007199254740992", ""}) {
    outcomes_.clear();
    sent_.clear();
    AskAbout(Op::kPeek, rules_, {key}, 1, 2);
    Turn();
    Say(Bulk(text) + Integer(-1));
    Turn();
    EXPECT_EQ(CountOf(sent_, "EVALSHA"), 1U) << "the script reads it: " << text;
    Say("-WRONGTYPE the key does not hold a counter\r\n");
    ASSERT_EQ(outcomes_.size(), 1U);
    EXPECT_EQ(outcomes_[0].status, Status::kForeign);
  }
}

// What may not stand where an integer, or an array of them, is due.
const std::string kOther[] = {"+OK\r\n", "$1\r\n1\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "*2\r\n:1\r\n:2\r\n", "-\r\n"};

TEST_F(RedisValues, APlainReplyOfAnotherTypeIsNoAnswer) {
  CheckAndConnect();
  for (const std::string& other : kOther) {
    const bool error = other[0] == '-';
    for (const std::string& replies :
         {Integer(-2) + other + Integer(error ? 0 : 1), error ? "" : other + Integer(1) + Integer(1),
          error ? "" : Integer(1700000029999) + Integer(1) + other, Integer(kMin) + Integer(1) + Integer(1),
          Integer(-2) + Integer(kMin) + Integer(1), Integer(-2) + Integer(-kBlocked) + Integer(1)}) {
      if (replies.empty()) continue;
      SCOPED_TRACE(replies);
      outcomes_.clear();
      Say(Time() + replies);
      ASSERT_EQ(outcomes_.size(), 1U);
      EXPECT_EQ(outcomes_[0].status, Status::kRefused);
      EXPECT_EQ(store_->GetStats().last_error.substr(0, 4), "ERR ");
      Check(2);
      Turn();
    }
  }
}

TEST_F(RedisValues, AnyTimeOfTheServerLeavesTheWaitWithinTheWindow) {
  CheckAndConnect();
  for (const char* time : {"*2\r\n$19\r\n9223372036854775807\r\n$19\r\n9223372036854775807\r\n",
                           "*2\r\n$20\r\n-9223372036854775808\r\n$1\r\n0\r\n", "+OK\r\n", "*-1\r\n", "-\r\n"}) {
    for (const int64_t ends : {int64_t{1700000029999}, int64_t{0}, kMax}) {
      SCOPED_TRACE(time);
      outcomes_.clear();
      Say(time + Integer(ends) + Integer(2) + Integer(0));
      ASSERT_EQ(outcomes_.size(), 1U);
      EXPECT_TRUE(outcomes_[0].decision.allowed);
      EXPECT_LE(outcomes_[0].decision.reset_in_ms, 60000);
      EXPECT_GT(outcomes_[0].decision.reset_in_ms, 0);
      Turn();
      Check(2);
      Turn();
    }
  }
}

TEST_F(RedisValues, AScriptsReplyThatCannotBeIsNoAnswer) {
  CheckAndConnect();
  Say(Plain(Integer(-2), Integer(1), Integer(1)));
  const auto four = [](int64_t a, int64_t b, int64_t c, int64_t d) {
    return Array({Integer(a), Integer(b), Integer(c), Integer(d)});
  };
  std::vector<std::string> replies(std::begin(kOther), std::end(kOther));
  for (const int64_t bad : {kMin, int64_t{-1}, int64_t{2}, kMax}) replies.push_back(four(bad, 2, 60000, 1700000060000));
  for (const int64_t bad : {kMin, -kBlocked - 1, kBlocked + 1, kMax, int64_t{4}}) {
    replies.push_back(four(1, bad, 60000, 1700000060000));
  }
  for (const int64_t bad : {kMin, int64_t{-1}, kBlocked + 1, kMax}) {
    replies.push_back(four(1, 2, bad, 1700000060000));
    replies.push_back(four(1, 2, 60000, bad));
  }
  replies.push_back(Array({Integer(1), Integer(2), Integer(60000), Bulk("1700000060000")}));
  replies.push_back(Array({Integer(1), Integer(2), Integer(60000)}));
  for (const std::string& reply : replies) {
    SCOPED_TRACE(reply);
    outcomes_.clear();
    Check(2, 2);
    Turn();
    Say(reply);
    ASSERT_EQ(outcomes_.size(), 1U);
    EXPECT_EQ(outcomes_[0].status, Status::kRefused);
  }
}

TEST_F(RedisValues, ALayeredReplyThatCannotBeIsNoAnswer) {
  CheckAndConnect();
  Say(Plain(Integer(-2), Integer(1), Integer(1)));
  const RuleSet windows{rules_[0], rules_[0]};
  Rule log = rules_[0];
  log.algorithm = Algorithm::kSlidingLog;
  const RuleSet mixed{rules_[0], log};
  const std::vector<std::string> keys = {"p:k", "{p:k}:two"};
  // What each script may say: units or checks, the time, then its numbers for each rule.
  const std::vector<int64_t> of_windows{2, 1700000000000, 0, 1700000059999, 1, 1700000059999};
  const std::vector<int64_t> of_mixed{1, 1, 60000, 0, 1700000059999, 0, 1, 1, 60000, 0, 1700000000000, 0, 1};
  const auto array = [](const std::vector<int64_t>& numbers) {
    std::vector<std::string> items;
    items.reserve(numbers.size());
    for (const int64_t number : numbers) items.push_back(Integer(number));
    return Array(items);
  };
  for (const auto& [rules, numbers] : {std::make_pair(&windows, of_windows), std::make_pair(&mixed, of_mixed)}) {
    const auto ask = [&, rules = rules](const std::string& reply) {
      outcomes_.clear();
      AskAbout(Op::kCheck, *rules, keys, 2, 2);
      Turn();
      Say(reply);
      ASSERT_FALSE(outcomes_.empty());
    };
    ask(array(numbers));
    EXPECT_EQ(outcomes_[0].status, Status::kAnswered);
    for (size_t i = 0; i < numbers.size(); ++i) {
      for (const int64_t bad : {kMin, kMax}) {
        SCOPED_TRACE(std::to_string(i) + ": " + std::to_string(bad));
        std::vector<int64_t> said = numbers;
        said[i] = bad;
        ask(array(said));
        EXPECT_EQ(outcomes_[0].status, Status::kRefused);
      }
    }
    for (const std::string& other : kOther) {
      ask(other);
      EXPECT_EQ(outcomes_[0].status, Status::kRefused) << other;
    }
  }
}

TEST_F(RedisValues, ALayeredReplyThatContradictsItselfIsNoAnswer) {
  CheckAndConnect();
  Say(Plain(Integer(-2), Integer(1), Integer(1)));
  Rule log = rules_[0];
  log.algorithm = Algorithm::kSlidingLog;
  const RuleSet rules{log};
  // {admitted, room, reset, wait, mark, blocked, fits}
  const auto reply = [](int64_t room, int64_t blocked) {
    return Array(
        {Integer(1), Integer(room), Integer(60000), Integer(0), Integer(1700000000000), Integer(blocked), Integer(1)});
  };
  const auto ask = [&](const std::string& said) {
    outcomes_.clear();
    AskAbout(Op::kCheck, rules, {"p:k"}, 1, 2);
    Turn();
    Say(said);
    return outcomes_.size() == 1 ? outcomes_[0].status : Status::kTimedOut;
  };
  EXPECT_EQ(ask(reply(2, 0)), Status::kAnswered);
  EXPECT_EQ(ask(reply(-1, 0)), Status::kRefused) << "it admits what it has no room for";
  EXPECT_EQ(ask(reply(0, 1)), Status::kRefused) << "it admits a key that is blocked";
}

TEST_F(RedisValues, AChangeOfKeysIsDoneWhereTheServerSaysSoInItsWords) {
  CheckAndConnect();
  Say(Plain(Integer(-2), Integer(1), Integer(1)));
  const std::string key = "p:k";
  const int64_t mark = -1;
  const auto end_of = [&](const std::string& reply) {
    outcomes_.clear();
    Turn();
    Say(reply);
    return outcomes_.empty() ? Status::kClosed : outcomes_[0].status;
  };
  std::vector<std::string> replies(std::begin(kOther), std::end(kOther));
  for (const int64_t bad : {kMin, int64_t{-1}, int64_t{2}, kMax}) replies.push_back(Integer(bad));
  for (const std::string& reply : replies) {
    SCOPED_TRACE(reply);
    AskAbout(Op::kRefund, rules_, {key}, 1, 2, &mark);
    EXPECT_EQ(end_of(reply), Status::kRefused);
    AskAbout(Op::kReset, rules_, {key}, 1, 3);
    EXPECT_EQ(end_of(reply), Status::kRefused);
    AskAbout(Op::kBlock, rules_, {key}, 1000, 4);
    EXPECT_EQ(end_of(reply), reply == "+OK\r\n" ? Status::kAnswered : Status::kRefused);
  }
}

}  // namespace
}  // namespace spillway
