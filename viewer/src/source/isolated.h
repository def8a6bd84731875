#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_ISOLATED_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_ISOLATED_H_

// Answers questions in a process of its own. Whatever goes wrong there - a
// crash, an endless loop, too much memory - costs an answer and nothing else.
//
//   Isolated parser([](const std::string& question) { return Parse(question);
//   },
//                   {});
//   std::optional<std::string> answer = parser.Ask("some bytes");
//
// The process keeps what it has learned. One that was lost is replaced at the
// next question.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace torchtape::viewer {

struct IsolationLimits {
  int answer_ms = 60000;  // for each question
  uint64_t memory_bytes = uint64_t{4}
                          << 30;  // files that are mapped not counted
};

class Isolated {
 public:
  using Function = std::function<std::string(const std::string& question)>;

  Isolated(Function function, const IsolationLimits& limits)
      : function_(std::move(function)), limits_(limits) {}
  ~Isolated() { Stop(); }
  Isolated(const Isolated&) = delete;
  Isolated& operator=(const Isolated&) = delete;

  // Starts the process, which the first question would do else. It is a copy of
  // this one with a single thread: what other threads held at that time stays
  // held in it for ever, so it is best started before there are any. False if
  // there is no process.
  bool Start();

  // Nullopt if the process did not survive the question.
  std::optional<std::string> Ask(const std::string& question);

 private:
  void Stop();
  [[noreturn]] void Serve(int socket) const;

  const Function function_;
  const IsolationLimits limits_;
  pid_t process_ = -1;
  int socket_ = -1;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_ISOLATED_H_
