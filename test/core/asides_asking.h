#pragma once

#include <string>
#include <vector>

#include "store.h"

namespace spillway {

inline constexpr int64_t kTimeoutMs = 300;
inline constexpr Ticket kTicket = 7;
inline constexpr const char* kGet = "\r\nGET\r\n";

inline AsideRequest Get(const std::string& key, Ticket ticket = kTicket) {
  AsideRequest request;
  request.arguments = {"GET", key};
  request.key = key;
  request.timeout_ms = kTimeoutMs;
  request.ticket = ticket;
  return request;
}

inline AsideRequest Call(const std::string& key) {
  AsideRequest request = Get(key);
  request.arguments = {"EVALSHA", "abc", "1", key};
  request.source = "return 1";
  return request;
}

inline std::vector<std::string> TextsOf(const Page& page) {
  std::vector<std::string> texts;
  texts.reserve(page.entries.size());
  for (const Page::Entry& entry : page.entries) texts.push_back(entry.key);
  return texts;
}

}  // namespace spillway
