// torchtape: reads the logs that the torchtape SDK writes.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "output/output.h"
#include "output/progress.h"
#include "output/text_escape.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/recovery.h"
#include "torchtape/viewer/rank_logs.h"
#include "verbs/arguments.h"
#include "verbs/follow.h"

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

// Calls `run` with the options that the place of the output asks for.
template <typename Run>
absl::StatusOr<Outcome> WithOptions(const Arguments& arguments, Run run) {
  VerbOptions options = arguments.options;
  options.colour = arguments.output_path.empty() && StdoutIsTerminal() &&
                   std::getenv("NO_COLOR") == nullptr;
  Progress progress;
  if (StderrIsTerminal()) {
    options.progress = [&progress](uint64_t done, uint64_t total) {
      progress.Update(done, total);
    };
  }
  return run(options);
}

absl::StatusOr<Outcome> RunVerb(const Arguments& arguments, const Log& log,
                                std::ostream& out) {
  return WithOptions(arguments, [&](const VerbOptions& options) {
    return arguments.verb(log, options, out);
  });
}

absl::StatusOr<Outcome> RunReport(const Arguments& arguments,
                                  std::ostream& out) {
  absl::StatusOr<RankLogs> ranks = OpenRanks(arguments.log_paths);
  if (!ranks.ok()) return ranks.status();
  return WithOptions(arguments, [&](const VerbOptions& options) {
    return ReportRanks(*ranks, options, out);
  });
}

// On a terminal each showing takes the place of the one before; a dump goes on.
// Showing takes a tenth of the time at most, however large the log grows.
absl::StatusOr<Outcome> FollowVerb(const Arguments& arguments,
                                   std::ostream& out) {
  const bool is_dump = arguments.verb == &Dump;
  const bool redraw = StdoutIsTerminal() && !arguments.options.json && !is_dump;
  NewSteps steps(arguments.options);
  return Follow(
      arguments.log_path,
      [&](const Log& log) {
        if (redraw) out << "\x1b[H\x1b[J";
        absl::StatusOr<Outcome> outcome =
            is_dump ? steps.Dump(log, out) : RunVerb(arguments, log, out);
        out.flush();
        return outcome;
      },
      [](double show_seconds) {
        std::this_thread::sleep_for(
            std::chrono::duration<double>(std::max(1.0, 9 * show_seconds)));
      });
}

absl::StatusOr<Outcome> RunVerb(const Arguments& arguments, std::ostream& out) {
  if (arguments.follow) return FollowVerb(arguments, out);
  if (!arguments.log_paths.empty()) return RunReport(arguments, out);
  absl::StatusOr<Log> log = OpenLog(arguments.log_path);
  if (!log.ok()) return log.status();
  return RunVerb(arguments, *log, out);
}

// Notes about several logs name them.
void PrintNotes(const Arguments& arguments, const Outcome& outcome) {
  const std::string log = arguments.log_paths.size() > 1
                              ? ""
                              : EscapeText(arguments.log_path) + ": ";
  for (const std::string& note : outcome.notes) {
    std::cerr << "torchtape: " << log << EscapeText(note) << '\n';
  }
}

int Recover(const Arguments& arguments) {
  absl::StatusOr<Outcome> outcome =
      RecoverLog(arguments.log_path, arguments.output_path);
  if (!outcome.ok()) return Fail(arguments, outcome.status());
  PrintNotes(arguments, *outcome);
  return outcome->exit_code;
}

// As shells and env(1) do: 127 where there is no such program, 126 where it
// cannot be run.
int Record(const Arguments& arguments) {
  const absl::Status status = RecordProgram(arguments.record_options);
  std::cerr << "torchtape: " << EscapeText(status.message()) << '\n';
  return absl::IsNotFound(status) ? 127 : 126;
}

int FailOutput(const absl::Status& status) {
  std::cerr << "torchtape: " << EscapeText(status.message()) << '\n';
  return 1;
}

// Whether it is a log, or would lie among those of a folder as one.
bool IsRead(const std::string& to, const std::string& from) {
  std::error_code none;
  const std::filesystem::path path = to;
  if (std::filesystem::is_directory(from, none)) {
    const std::filesystem::path folder =
        path.has_parent_path() ? path.parent_path() : ".";
    return path.extension() == ".tape" &&
           std::filesystem::equivalent(from, folder, none);
  }
  return std::filesystem::equivalent(from, to, none) ||
         std::filesystem::equivalent(
             format::JournalPath(format::TargetOf(from)), to, none);
}

// What a verb writes must not take the place of what it reads.
absl::Status CheckOutput(const Arguments& arguments) {
  const std::string& to = arguments.output_path;
  std::vector<std::string> logs = arguments.log_paths;
  logs.push_back(arguments.log_path);
  for (const std::string& from : logs) {
    if (!to.empty() && IsRead(to, from)) {
      return absl::InvalidArgumentError(
          absl::StrCat(to, ": is the log itself; choose another -o"));
    }
  }
  return absl::OkStatus();
}

int Main(const Arguments& arguments) {
  if (arguments.record) return Record(arguments);
  if (arguments.recover) return Recover(arguments);
  if (arguments.verb == nullptr) {
    (arguments.exit_code == 0 ? std::cout : std::cerr) << arguments.text;
    return arguments.exit_code;
  }
  const absl::Status apart = CheckOutput(arguments);
  if (!apart.ok()) return FailOutput(apart);
  Output output(arguments.output_path);
  if (!output.status().ok()) return FailOutput(output.status());
  absl::StatusOr<Outcome> outcome = RunVerb(arguments, output.stream());
  if (!outcome.ok()) return Fail(arguments, outcome.status());
  absl::Status written = output.Commit();
  if (!written.ok()) return FailOutput(written);
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
