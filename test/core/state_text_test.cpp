// What is read as a state, whoever has had it in between.
#include <random>

#include "stepping.h"

namespace spillway {
namespace {

TEST(StateText, RefusesWhatNoStepWrote) {
  for (const char* text : {" ",
                           "1",
                           "1:",
                           "1:f",
                           "1:f,",
                           "1:f,5",
                           "1:f,5,",
                           "1:f,5,1,",
                           "1:f,5,1,1",
                           "1:f,5,-1",
                           "1:f,5,+1",
                           "1:f,5,01",
                           "1:f,05,1",
                           "1:f,5,1.5",
                           "1:f,5, 1",
                           "1:f,5,1 ",
                           "1:f5,1",
                           "2:f,5,1",
                           "1;f,5,1",
                           "1:g,5,1",
                           "1:F,5,1",
                           "1:f,5,9007199254740992",
                           "1:f,9007199254740992,1",
                           "1:f,5,99999999999999999999",
                           "1:b",
                           "1:b,5,1",
                           "1:w,5",
                           "1:w,5,100",
                           "1:w,5,0,3",
                           "1:w,5,100,3,0",
                           "1:w,5,100,3,1,0",
                           "1:w,5,31536000001,3",
                           "1:w,5,100,86400000000001",
                           "1:w,5,100,3,9007199254740991,1",
                           "1:w,5,100,30,1,1,1,1,1,1,1,1,1,1,1,1",
                           "1:l,5,7",
                           "1:l,5,7,0",
                           "1:l,5,7,10001",
                           "1:l,5,7,1,0,1",
                           "1:l,5,7,5000,1,5001",
                           "1:l,5,8640000000000001,1",
                           "1:l,5,8640000000000000,1,1,1",
                           "1:t,5",
                           "1:t,5,1,1",
                           "1:t,5,1,1,0",
                           "1:t,5,1,1,315360000001",
                           "1:t,5,1,8640000000000001,1",
                           "1:t,5,9007199254740992,1,1",
                           "1:t,5,1,1,1,1"}) {
    EXPECT_FALSE(IsState(text)) << text;
  }
  for (const char* text :
       {"", "1:f,5,1", "1:f,0,0", "1:f,9007199254740991,9007199254740991", "1:b,5", "1:w,5,100,3", "1:w,5,100,3,0,1",
        "1:w,5,100,30,1,1,1,1,1,1,1,1,1,1,1", "1:l,5", "1:l,5,0,10000", "1:l,5,7,1,1,1", "1:t,5,0,0,1"}) {
    EXPECT_TRUE(IsState(text)) << text;
  }
}

TEST(StateText, AnythingElseIsRefusedOrTakenForOneStateOnly) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<std::string> texts;
  for (const Algorithm algorithm : kAlgorithms) {
    for (const int64_t limit : {int64_t{3}, kMaxLogLimit}) {
      const Rule rule = MakeRule(algorithm, limit, 1000);
      Keeper keeper(1);
      for (int64_t at = 0; at < 1000; at += 90) keeper.Step(Op::kPenalize, {rule}, 1 + at, kTodayMs + at);
      texts.push_back(keeper.state(0));
      texts.push_back(Once(rule, "", kTodayMs, 70, Op::kBlock).state);
    }
  }
  for (int i = 0; i < 200000; ++i) {
    std::string text = i % 10 == 0 ? std::string(random() % 40, ' ') : texts[random() % texts.size()];
    static constexpr char kOften[] = "0123456789,,:1bfwlt9";
    for (uint64_t changes = i % 10 == 0 ? text.size() : 1 + random() % 3; changes > 0 && !text.empty(); --changes) {
      const size_t at = random() % text.size();
      const char byte = random() % 4 == 0 ? static_cast<char>(random()) : kOften[random() % (sizeof(kOften) - 1)];
      switch (random() % 4) {
        case 0:
          text.erase(at, 1 + random() % 3);
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        case 2:
          text.resize(at);
          break;
        default:
          text[at] = byte;
      }
    }
    State state;
    if (text.empty() || !ReadState(text, 0, &state)) continue;
    // A log's entries of our days do not fit where its times count from 0, and are not those of anybody's window there.
    if (state.kind != RecordKind::kSlidingLog) {
      ASSERT_EQ(WriteState(state), text);
    }
    for (const Algorithm algorithm : kAlgorithms) {
      const Rule rule = MakeRule(algorithm, 30, 1 + static_cast<int64_t>(random() % 2000));
      const int64_t units = 1 + static_cast<int64_t>(random() % 40);
      for (const Op op : {Op::kCheck, Op::kPeek, Op::kPenalize, Op::kRefund}) {
        const int64_t now_ms = random() % 4 == 0 ? static_cast<int64_t>(random() % kMaxTimeMs) : kTodayMs + 950;
        const Stepped result = Once(rule, text, now_ms, units, op, now_ms);
        ASSERT_TRUE(!result.changed || IsState(result.state)) << text << " became " << result.state;
      }
    }
  }
}

}  // namespace
}  // namespace spillway
