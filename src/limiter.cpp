#include "limiter.h"

#include "key.h"

namespace spillway {

std::string_view Limiter::KeyOf(uint32_t rule, std::string_view id) {
  key_.assign(rules_[rule]->prefix);
  AppendEncoded(id, &key_);
  return key_;
}

}  // namespace spillway
