// torchtape: reads the logs that the torchtape SDK writes.

#include <cstdlib>
#include <exception>
#include <iostream>

#include "arguments.h"
#include "output.h"
#include "progress.h"
#include "text_escape.h"

namespace torchtape::viewer {
namespace {

// A message about a flag needs no file, and one about opening names it already.
int Fail(const Arguments& arguments, const absl::Status& status) {
  const std::string file = arguments.log_path + ": ";
  std::cerr << "torchtape: ";
  if (status.code() != absl::StatusCode::kOutOfRange &&
      status.message().substr(0, file.size()) != file) {
    std::cerr << EscapeText(file);
  }
  std::cerr << EscapeText(status.message()) << '\n';
  return 1;
}

absl::StatusOr<Outcome> RunVerb(const Arguments& arguments, std::ostream& out) {
  absl::StatusOr<Log> log = OpenLog(arguments.log_path);
  if (!log.ok()) return log.status();
  VerbOptions options = arguments.options;
  options.colour = arguments.output_path.empty() && StdoutIsTerminal() &&
                   std::getenv("NO_COLOR") == nullptr;
  Progress progress;
  if (StderrIsTerminal()) {
    options.progress = [&progress](uint64_t done, uint64_t total) {
      progress.Update(done, total);
    };
  }
  return arguments.verb(*log, options, out);
}

void PrintNotes(const Arguments& arguments, const Outcome& outcome) {
  for (const std::string& note : outcome.notes) {
    std::cerr << "torchtape: " << EscapeText(arguments.log_path) << ": "
              << EscapeText(note) << '\n';
  }
}

int Recover(const Arguments& arguments) {
  absl::StatusOr<Outcome> outcome =
      RecoverLog(arguments.log_path, arguments.output_path);
  if (!outcome.ok()) return Fail(arguments, outcome.status());
  PrintNotes(arguments, *outcome);
  return outcome->exit_code;
}

int Main(const Arguments& arguments) {
  if (arguments.recover) return Recover(arguments);
  if (arguments.verb == nullptr) {
    (arguments.exit_code == 0 ? std::cout : std::cerr) << arguments.text;
    return arguments.exit_code;
  }
  Output output(arguments.output_path);
  absl::StatusOr<Outcome> outcome = RunVerb(arguments, output.stream());
  if (!outcome.ok()) return Fail(arguments, outcome.status());
  absl::Status written = output.Commit();
  if (!written.ok()) {
    std::cerr << "torchtape: " << EscapeText(written.message()) << '\n';
    return 1;
  }
  if (arguments.says_where) {
    std::cout << EscapeText(arguments.output_path) << '\n';
  }
  PrintNotes(arguments, *outcome);
  return outcome->exit_code;
}

}  // namespace
}  // namespace torchtape::viewer

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  try {
    return torchtape::viewer::Main(
        torchtape::viewer::ParseArguments(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "torchtape: " << error.what() << '\n';
    return 1;
  }
}
