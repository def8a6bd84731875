#ifndef TORCHTAPE_VIEWER_RECORD_H_
#define TORCHTAPE_VIEWER_RECORD_H_

// Runs a program that knows nothing of torchtape with the recorder in it. This
// only sets variables and becomes the program: what records it is a library of
// the SDK's that the loader takes in first (LD_PRELOAD).

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace torchtape::viewer {

struct RecordOptions {
  std::vector<std::string> command;  // a program, found as a shell does; words
  std::string log_path = "run.tape";
  // Record programs that it starts, too, each into a log of its own.
  bool children = false;
  // TORCHTAPE_* variables for the tracker, without the prefix, and their
  // values.
  std::vector<std::pair<std::string, std::string>> variables;
};

// Replaces this process by the program: its number, standard streams, signals
// and exit code are the program's. Returns only if that fails:
//   InvalidArgument     no command
//   NotFound            no such program, no folder for the log, or no recorder
//                       in this installation
//   PermissionDenied    the program cannot be run
absl::Status RecordProgram(const RecordOptions& options);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_RECORD_H_
