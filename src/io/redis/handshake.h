#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "redis/capabilities.h"
#include "redis/resp.h"

namespace spillway {

struct Login {
  std::string username;  // empty: the default user
  std::string password;  // empty: no AUTH
  int64_t db = 0;        // 0: no SELECT
  std::string client_name;
  bool to_master = false;  // a replica will not do
};

// Appends AUTH; `login` has a password.
void AppendAuth(const Login& login, std::string* out);
// The error reply to it, presentable and without what we logged in with.
std::string RefusedLogin(const Login& login, std::string_view error);

// The first commands of a connection, as a machine without a socket: AUTH, CLIENT SETNAME, SELECT, ROLE and INFO in one
// write; replies in, a verdict out.
class Handshake {
 public:
  enum class Verdict : uint8_t { kMore, kReady, kFailed };

  // Appends the commands to *out. `login` outlives the handshake.
  Handshake(const Login& login, std::string* out);

  Verdict OnReply(const Reply& reply);

  // After kFailed, and after a close in mid-handshake: the last error reply, presentable. Empty when there was none.
  const std::string& error() const { return error_; }
  // The failure was a refused login, which a quick retry will not mend.
  bool login_refused() const { return login_refused_; }
  // The failure was a server that is no master.
  bool no_master() const { return no_master_; }
  const Capabilities& capabilities() const { return capabilities_; }

 private:
  enum class Step : uint8_t { kAuth, kSetName, kSelect, kRole, kInfo, kMemory };

  const Login& login_;
  std::vector<Step> steps_;
  size_t at_ = 0;
  std::string error_;
  bool login_refused_ = false;
  bool no_master_ = false;
  Capabilities capabilities_;
};

}  // namespace spillway
