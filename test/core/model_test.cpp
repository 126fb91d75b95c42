// Random sequences of everything that can be asked, against a plain model of what should be answered.
#include <random>

#include "memory_fixture.h"
#include "reference_model.h"

namespace spillway {
namespace {

class Sequence {
 public:
  Sequence(unsigned seed, const std::vector<Algorithm>& algorithms) : random_(seed) {
    for (size_t i = 0; i < algorithms.size(); ++i) {
      Rule rule = MakeRule(algorithms[i], 0, 1, i == 0 ? "" : "r" + std::to_string(i));
      rule.shadow = algorithms.size() > 1 && Draw(4) == 0;
      rules_.push_back(rule);
      SetWindow(&rules_[i]);
      SetLimit(&rules_[i]);
    }
    models_.resize(rules_.size());
  }

  void Step() {
    Pass();
    if (Draw(12) == 0) SetLimit(&rules_[Draw(rules_.size())]);
    if (Draw(60) == 0) SetWindow(&rules_[Draw(rules_.size())]);
    const uint64_t drawn = Draw(100);
    if (drawn < 60) return Ask(Op::kCheck);
    if (drawn < 75) return Ask(Op::kPeek);
    if (drawn < 83) return Ask(Op::kPenalize);
    if (drawn < 95) return Refund();
    if (drawn < 98) return Block();
    Reset();
  }

 private:
  struct Charge {
    std::vector<Rule> rules;
    int64_t units;
    std::vector<int64_t> marks;
    std::vector<ReferenceModel::Receipt> receipts;
  };

  uint64_t Draw(uint64_t below) { return random_() % below; }

  void SetLimit(Rule* rule) {
    rule->limit = static_cast<int64_t>(Draw(8) == 0 ? Draw(2) : Draw(30));
    rule->burst = rule->limit == 0 ? 0 : static_cast<int64_t>(Draw(40));
  }
  void SetWindow(Rule* rule) {
    static constexpr int64_t kWindows[] = {1, 2, 9, 10, 11, 30, 95, 100, 101, 237};
    rule->window_ms = kWindows[Draw(10)];
  }
  // Mostly a little, often to an exact boundary of the first rule.
  void Pass() {
    const int64_t window = rules_[0].window_ms;
    const int64_t steps[] = {0, 0, 1, 1, 2, window / 10, window / 3, window - 1, window, window + 1, window + 2};
    memory_.clock.now_ms += steps[Draw(11)];
  }

  void Ask(Op op) {
    const int64_t now = memory_.now();
    const int64_t units = static_cast<int64_t>(Draw(3) == 0 ? 1 + Draw(12) : 1);
    std::vector<ReferenceModel> before = models_;
    std::vector<ReferenceModel>& models = op == Op::kPeek ? before : models_;
    bool admitted = true;
    std::vector<bool> fits;
    for (size_t i = 0; i < rules_.size(); ++i) {
      models[i].Touch(rules_[i], now);
      fits.push_back(!models[i].Blocked(now) && models[i].Room(rules_[i], now, now) >= units);
      if (!fits[i] && !rules_[i].shadow) admitted = false;
    }
    Charge charge{rules_, units, {}, {}};
    for (size_t i = 0; i < rules_.size(); ++i) {
      const bool counts = op == Op::kPenalize ? !models[i].Blocked(now) : op == Op::kCheck && admitted && fits[i];
      charge.receipts.push_back(counts ? models[i].Charge(rules_[i], units, now) : ReferenceModel::Receipt{-1, -1, -1});
    }
    const std::vector<Decision> decisions = memory_.Ask(op, rules_, units);
    for (size_t i = 0; i < rules_.size(); ++i) {
      SCOPED_TRACE("rule " + std::to_string(i) + " algorithm " + std::to_string(static_cast<int>(rules_[i].algorithm)));
      const Decision& decision = decisions[i];
      const int64_t capacity = rules_[i].capacity();
      const int64_t room = models[i].Blocked(now) ? 0 : models[i].Room(rules_[i], now, now);
      ASSERT_EQ(decision.allowed, fits[i]);
      ASSERT_EQ(decision.limit, capacity);
      ASSERT_EQ(decision.remaining, std::max<int64_t>(0, room));
      ASSERT_EQ(decision.used, capacity - room);
      ASSERT_EQ(decision.reset_in_ms, models[i].Reset(rules_[i], now));
      ASSERT_EQ(decision.retry_after_ms, fits[i] ? 0 : models[i].Retry(rules_[i], units, now));
      ASSERT_EQ(decision.blocked, models[i].Blocked(now));
      charge.marks.push_back(charge.receipts[i].at < 0 ? -1 : decision.mark);
    }
    if (op != Op::kPeek) charges_.push_back(charge);
  }

  void Refund() {
    if (charges_.empty()) return;
    const size_t back = std::min<size_t>(charges_.size(), 1 + Draw(6));
    const Charge& charge = charges_[charges_.size() - back];
    int64_t taken = 0;
    for (size_t i = 0; i < rules_.size(); ++i) {
      if (charge.receipts[i].at < 0) continue;
      taken += models_[i].Refund(charge.rules[i], charge.units, charge.receipts[i], memory_.now()) ? 1 : 0;
    }
    ASSERT_EQ(memory_.Refund(charge.rules, charge.units, charge.marks), taken);
  }

  void Block() {
    const int64_t ms = 1 + static_cast<int64_t>(Draw(50));
    for (ReferenceModel& model : models_) model.Block(memory_.now(), ms);
    memory_.Block(rules_, ms);
  }

  void Reset() {
    for (ReferenceModel& model : models_) model = ReferenceModel();
    memory_.Reset(rules_);
  }

  std::mt19937_64 random_;
  Memory memory_;
  std::vector<Rule> rules_;
  std::vector<ReferenceModel> models_;
  std::vector<Charge> charges_;
};

void Play(const std::vector<Algorithm>& algorithms, unsigned seed) {
  Sequence sequence(seed, algorithms);
  for (int step = 0; step < 400; ++step) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " step " + std::to_string(step));
    sequence.Step();
    if (testing::Test::HasFatalFailure()) return;
  }
}

class Model : public testing::TestWithParam<Algorithm> {};

TEST_P(Model, AgreesOverRandomSequences) {
  const unsigned seed = std::random_device()();
  for (unsigned i = 0; i < 400 && !HasFatalFailure(); ++i) Play({GetParam()}, seed + i);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, Model, testing::ValuesIn(kAlgorithms));

TEST(ModelOfManyRules, AgreesOverRandomSequences) {
  std::mt19937 random(std::random_device{}());
  for (unsigned i = 0; i < 300 && !testing::Test::HasFatalFailure(); ++i) {
    std::vector<Algorithm> algorithms;
    for (size_t rules = 1 + random() % kMaxRules; rules > 0; --rules) algorithms.push_back(kAlgorithms[random() % 4]);
    const auto seed = static_cast<unsigned>(random());
    SCOPED_TRACE("rules " + std::to_string(algorithms.size()) + " drawn for " + std::to_string(seed));
    Play(algorithms, seed);
  }
}

}  // namespace
}  // namespace spillway
