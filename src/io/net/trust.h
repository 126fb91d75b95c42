#pragma once

#include <string>
#include <vector>

#include "net/openssl.h"

namespace spillway {

// Certificates that are trusted, most of them unread. OpenSSL takes a third of a millisecond to parse one, and Node's roots
// are more than a hundred: so only those become part of the store that a server's chain can lead to.
class Trust {
 public:
  // Splits a PEM text. False: there is no certificate in it.
  bool Read(const OpenSsl& ssl, const std::string& pem);
  // Puts into `store` what could have issued a certificate of the chain that is about to be verified.
  void AddFor(const OpenSsl& ssl, X509_STORE_CTX* chain, X509_STORE* store);
  // Puts all of them into it.
  void AddAll(const OpenSsl& ssl, X509_STORE* store);

 private:
  struct Root {
    std::string der;
    bool added;
    bool leads_up;  // it issued itself, or what issued it is among the roots and does
  };

  // Both answer whether a certificate that issued itself was reached.
  bool AddIssuersOf(const OpenSsl& ssl, X509* certificate, X509_STORE* store);
  bool Add(const OpenSsl& ssl, Root* root, X509_STORE* store);

  std::vector<Root> roots_;
  size_t added_ = 0;
};

}  // namespace spillway
