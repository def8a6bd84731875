#include "source/isolated.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace torchtape::viewer {
namespace {

using Clock = std::chrono::steady_clock;

// Longer messages are a sign that the other side has gone mad.
constexpr uint64_t kMaxMessage = uint64_t{64} << 20;

// Sanitizers map far more memory than they use.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCanLimitMemory = false;
#else
constexpr bool kCanLimitMemory = true;
#endif

// Fails without SIGPIPE if the other side is gone.
bool Send(int socket, const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool SendMessage(int socket, const std::string& message) {
  const uint64_t size = message.size();
  return Send(socket, &size, sizeof size) &&
         Send(socket, message.data(), message.size());
}

bool WaitForInput(int socket, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd wanted = {socket, POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// Waits for as long as it takes if there is no deadline.
bool Receive(int socket, const Clock::time_point* deadline, void* bytes,
             size_t size) {
  char* at = static_cast<char*>(bytes);
  while (size > 0) {
    if (deadline != nullptr && !WaitForInput(socket, *deadline)) return false;
    const ssize_t received = recv(socket, at, size, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return false;
    at += received;
    size -= static_cast<size_t>(received);
  }
  return true;
}

bool ReceiveMessage(int socket, const Clock::time_point* deadline,
                    std::string* message) {
  uint64_t size = 0;
  if (!Receive(socket, deadline, &size, sizeof size)) return false;
  if (size > kMaxMessage) return false;
  message->resize(size);
  return Receive(socket, deadline, message->data(), size);
}

// A crash here is expected: it is nobody's news, and leaves no core file.
void Restrict(const IsolationLimits& limits) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  const rlimit memory = {limits.memory_bytes, limits.memory_bytes};
  if (kCanLimitMemory) setrlimit(RLIMIT_DATA, &memory);
}

}  // namespace

// Ends without destructors: they belong to the process it was copied from.
void Isolated::Serve(int socket) const {
  Restrict(limits_);
  try {
    std::string question;
    while (ReceiveMessage(socket, nullptr, &question)) {
      if (!SendMessage(socket, function_(question))) break;
    }
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

bool Isolated::Start() {
  if (process_ > 0) return true;
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return false;
  }
  process_ = fork();
  if (process_ == 0) {
    close(sockets[0]);
    Serve(sockets[1]);
  }
  close(sockets[1]);
  socket_ = sockets[0];
  if (process_ > 0) return true;
  Stop();
  return false;
}

void Isolated::Stop() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  if (process_ <= 0) return;
  kill(process_, SIGKILL);
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
}

std::optional<std::string> Isolated::Ask(const std::string& question) {
  if (!Start()) return std::nullopt;
  const auto deadline =
      Clock::now() + std::chrono::milliseconds(limits_.answer_ms);
  std::string answer;
  if (SendMessage(socket_, question) &&
      ReceiveMessage(socket_, &deadline, &answer)) {
    return answer;
  }
  Stop();
  return std::nullopt;
}

}  // namespace torchtape::viewer
