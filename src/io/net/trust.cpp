#include "net/trust.h"

#include <string_view>

namespace spillway {

bool Trust::Read(const OpenSsl& ssl, const std::string& pem) {
  BIO* bio = ssl.BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long bytes = 0;
  while (ssl.PEM_read_bio(bio, &name, &header, &data, &bytes) == 1) {
    const std::string_view kind = name;
    if (kind == "CERTIFICATE" || kind == "X509 CERTIFICATE" || kind == "TRUSTED CERTIFICATE") {
      roots_.push_back({std::string(reinterpret_cast<char*>(data), static_cast<size_t>(bytes)), false, false});
    }
    for (void* part : {static_cast<void*>(name), static_cast<void*>(header), static_cast<void*>(data)}) {
      ssl.CRYPTO_free(part, "", 0);
    }
  }
  ssl.BIO_free(bio);
  ssl.ERR_clear_error();
  return !roots_.empty();
}

void Trust::AddFor(const OpenSsl& ssl, X509_STORE_CTX* chain, X509_STORE* store) {
  if (added_ == roots_.size()) return;
  bool leads_up = false;
  const auto* shown = reinterpret_cast<const OPENSSL_STACK*>(ssl.X509_STORE_CTX_get0_untrusted(chain));
  for (int i = 0; i < ssl.OPENSSL_sk_num(shown); ++i) {
    leads_up = AddIssuersOf(ssl, static_cast<X509*>(ssl.OPENSSL_sk_value(shown, i)), store) || leads_up;
  }
  // A name may be written in another way than in the root. Rare, and then they are all read.
  if (!leads_up) AddAll(ssl, store);
}

void Trust::AddAll(const OpenSsl& ssl, X509_STORE* store) {
  for (Root& root : roots_) Add(ssl, &root, store);
}

// By the bytes of the name, wherever they stand: who is taken too many is trusted all the same.
bool Trust::AddIssuersOf(const OpenSsl& ssl, X509* certificate, X509_STORE* store) {
  unsigned char* bytes = nullptr;
  const int length = ssl.i2d_X509_NAME(ssl.X509_get_issuer_name(certificate), &bytes);
  if (length <= 0) return false;
  bool leads_up = false;
  const std::string_view name(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
  for (Root& root : roots_) {
    if (root.der.find(name) != std::string::npos) leads_up = Add(ssl, &root, store) || leads_up;
  }
  ssl.CRYPTO_free(bytes, "", 0);
  return leads_up;
}

bool Trust::Add(const OpenSsl& ssl, Root* root, X509_STORE* store) {
  if (root->added) return root->leads_up;
  root->added = true;
  ++added_;
  const auto* at = reinterpret_cast<const unsigned char*>(root->der.data());
  X509* certificate = ssl.d2i_X509(nullptr, &at, static_cast<long>(root->der.size()));
  if (certificate == nullptr) return false;
  ssl.X509_STORE_add_cert(store, certificate);
  const bool own =
      ssl.X509_NAME_cmp(ssl.X509_get_subject_name(certificate), ssl.X509_get_issuer_name(certificate)) == 0;
  // It may be an intermediate authority, that leads to a further one.
  root->leads_up = own || AddIssuersOf(ssl, certificate, store);
  ssl.X509_free(certificate);
  return root->leads_up;
}

}  // namespace spillway
