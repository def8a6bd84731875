#ifndef TORCHTAPE_VIEWER_SRC_OUTPUT_OUTPUT_H_
#define TORCHTAPE_VIEWER_SRC_OUTPUT_OUTPUT_H_

// Where a verb's output goes: standard output, or a file that appears under its
// name only when it is whole.

#include <fstream>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"

namespace torchtape::viewer {

class Output {
 public:
  // Standard output if `path` is empty.
  explicit Output(const std::string& path);
  // Removes what was not committed.
  ~Output();

  // Why nothing can be written.
  const absl::Status& status() const { return status_; }

  std::ostream& stream();

  // Makes the output whole: an older file of that name is replaced. Fails with
  // Unavailable, and leaves nothing, if not everything could be written.
  absl::Status Commit();

 private:
  std::string path_;
  std::string partial_path_;  // empty: written in place
  absl::Status status_;
  std::ofstream file_;
};

// Whether a stream of this process goes to a terminal.
bool StdoutIsTerminal();
bool StderrIsTerminal();

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OUTPUT_OUTPUT_H_
