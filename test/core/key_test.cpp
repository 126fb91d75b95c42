// The keys that TypeScript composes, too: test/unit/keys.test.ts runs the same cases.
#include "key.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace spillway {
namespace {

TEST(Keys, AreThoseOfTheVectors) {
  std::ifstream file(std::string(SPILLWAY_VECTORS) + "/keys.json");
  const nlohmann::json vectors = nlohmann::json::parse(file);
  ASSERT_FALSE(vectors.empty());
  for (const nlohmann::json& vector : vectors) {
    const std::string prefix = vector["prefix"];
    const std::string subject = vector["subject"];
    const std::string part = vector["part"];
    const std::string expected = vector["key"];

    std::string composed = KeyFront(prefix, part);
    AppendEncoded(subject, &composed);
    composed += KeyTail(part);
    EXPECT_EQ(composed, expected);

    const Rule rule{prefix, Algorithm::kFixedWindow, 1, 1000, 250, part};
    std::string key = "what was there before";
    WriteKey(rule, subject, &key);
    EXPECT_EQ(key, expected);

    WriteShortKey(rule, subject, &key);
    std::string whole = part.empty() ? "" : "{";
    whole.append(prefix).append(key);
    EXPECT_EQ(whole, expected);
  }
}

}  // namespace
}  // namespace spillway
