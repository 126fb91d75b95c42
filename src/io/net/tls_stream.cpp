#include "net/tls_stream.h"

namespace spillway {
namespace {

constexpr size_t kRecordBytes = size_t{16} * 1024;

}  // namespace

TlsStream::TlsStream(HandleScope* scope, std::shared_ptr<TlsContext> context, const TlsConnection& connection,
                     const Endpoint& endpoint, std::string server, StreamEvents* events)
    : scope_(scope),
      context_(std::move(context)),
      ssl_(context_->ssl()),
      server_(std::move(server)),
      events_(events),
      connection_(connection.state),
      in_(connection.in),
      out_(connection.out),
      plain_(new char[kRecordBytes]),
      below_(scope, endpoint, this) {}

TlsStream::~TlsStream() {
  if (gone_ != nullptr) *gone_ = true;
  ssl_.ERR_clear_error();
  if (state_ == State::kOpen) {
    ssl_.SSL_shutdown(connection_);
    FlushWire();
  }
  // Else OpenSSL takes a connection that was cut for an attack, and its session for spoilt.
  if (kept_) ssl_.SSL_set_shutdown(connection_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.SSL_free(connection_);
}

void TlsStream::OnOpen() {
  state_ = State::kHandshaking;
  Handshake();
}

void TlsStream::OnBytes(const char* data, size_t bytes) {
  if (state_ == State::kEnded) return;
  ssl_.BIO_write(in_, data, static_cast<int>(bytes));
  bool gone = false;
  gone_ = &gone;
  Advance(&gone);
  if (gone) return;
  gone_ = nullptr;
}

void TlsStream::Advance(const bool* gone) {
  if (state_ == State::kHandshaking) Handshake();
  if (*gone) return;
  if (state_ == State::kOpen) ReadPlain(gone);
}

void TlsStream::Handshake() {
  ssl_.ERR_clear_error();
  const int result = ssl_.SSL_do_handshake(connection_);
  const int error = ssl_.SSL_get_error(connection_, result);
  // Also an alert, that says why it ends.
  FlushWire();
  if (result == 1) {
    state_ = State::kOpen;
    events_->OnOpen();
  } else if (error != SSL_ERROR_WANT_READ) {
    FailHandshake();
  }
}

void TlsStream::FailHandshake() {
  context_->Forget(server_);
  const std::string reason = context_->TakeReason();
  if (reason == "certificate verify failed") {
    const char* why = ssl_.X509_verify_cert_error_string(ssl_.SSL_get_verify_result(connection_));
    Fail(std::string("the server's certificate was refused: ") + why);
  } else if (reason == "wrong version number" || reason == "packet length too long") {
    Fail("the TLS handshake failed: the server does not speak TLS on this port");
  } else {
    Fail("the TLS handshake failed: " + reason);
  }
}

void TlsStream::ReadPlain(const bool* gone) {
  for (;;) {
    ssl_.ERR_clear_error();
    const int result = ssl_.SSL_read(connection_, plain_.get(), static_cast<int>(kRecordBytes));
    if (result <= 0) {
      const int error = ssl_.SSL_get_error(connection_, result);
      FlushWire();
      if (error == SSL_ERROR_WANT_READ) return;
      Fail(error == SSL_ERROR_ZERO_RETURN ? "the server closed the connection"
                                          : "TLS failed: " + context_->TakeReason());
      return;
    }
    // With its first reply a server has given its session, in TLS 1.3, too.
    if (!kept_) context_->Keep(server_, connection_);
    kept_ = true;
    events_->OnBytes(plain_.get(), static_cast<size_t>(result));
    if (*gone) return;
  }
}

void TlsStream::Write(std::string* out) {
  ssl_.ERR_clear_error();
  const bool ended = state_ == State::kEnded;
  const int result = ended ? 0 : ssl_.SSL_write(connection_, out->data(), static_cast<int>(out->size()));
  out->clear();
  if (result > 0) FlushWire();
  if (result > 0 || ended) return;
  // Memory takes everything, unless the connection is broken.
  state_ = State::kEnded;
  later_ = std::make_unique<Handle<uv_timer_t>>(scope_, this, uv_timer_init);
  const auto fail = [](uv_timer_t* timer) {
    auto* stream = static_cast<TlsStream*>(timer->data);
    if (stream != nullptr) stream->Fail("TLS failed while writing");
  };
  uv_timer_start(later_->get(), fail, 0, 0);
}

void TlsStream::FlushWire() {
  const auto pending = static_cast<size_t>(ssl_.BIO_ctrl(out_, BIO_CTRL_PENDING, 0, nullptr));
  if (pending == 0) return;
  wire_.resize(pending);
  ssl_.BIO_read(out_, wire_.data(), static_cast<int>(pending));
  below_.Write(&wire_);
}

void TlsStream::OnClosed(const std::string& reason) {
  const bool handshaking = state_ == State::kHandshaking;
  Fail(handshaking ? "the TLS handshake failed: " + reason : reason);
}

void TlsStream::Fail(const std::string& reason) {
  state_ = State::kEnded;
  events_->OnClosed(reason);
}

}  // namespace spillway
