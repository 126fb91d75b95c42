#include "redis/capabilities.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

Capabilities Of(const std::string& info) {
  Capabilities capabilities;
  ReadServerSection(info, &capabilities);
  return capabilities;
}

TEST(Capabilities, AreThoseOfTheVersion) {
  struct Case {
    const char* version;
    bool expiry_nx, increx;
  };
  for (const Case& one : {Case{"6.2.14", false, false}, Case{"7.0.0", true, false}, Case{"7.4.2", true, false},
                          Case{"8.7.9", true, false}, Case{"8.8.0", true, true}, Case{"8.10.0", true, true},
                          Case{"9.0.0", true, true}, Case{"10.1", true, true}, Case{"255.255.255", true, true},
                          Case{"", false, false}, Case{"unstable", false, false}}) {
    SCOPED_TRACE(one.version);
    const Capabilities capabilities = Of("# Server\r\nredis_version:" + std::string(one.version) + "\r\n");
    EXPECT_EQ(capabilities.version, one.version);
    EXPECT_EQ(capabilities.expiry_nx, one.expiry_nx);
    EXPECT_EQ(capabilities.increx, one.increx);
  }
}

TEST(Capabilities, ValkeyHasVersionsOfItsOwn) {
  const std::string stands_for = "redis_version:7.2.4\r\n";
  EXPECT_TRUE(Of(stands_for + "valkey_version:8.0.1\r\n").expiry_nx);
  EXPECT_FALSE(Of(stands_for + "valkey_version:9.1.9\r\n").increx);
  EXPECT_TRUE(Of(stands_for + "valkey_version:9.2.0\r\n").increx);
  EXPECT_FALSE(Of("redis_version:9.0.0\r\nvalkey_version:8.0.1\r\n").increx);
}

TEST(Capabilities, AreNoneWhereNothingIsSaid) {
  EXPECT_FALSE(Of("").expiry_nx);
  EXPECT_FALSE(Of("").increx);
  EXPECT_FALSE(Of("").cluster_mode);
  EXPECT_TRUE(Of("redis_mode:cluster\r\n").cluster_mode);
}

}  // namespace
}  // namespace spillway
