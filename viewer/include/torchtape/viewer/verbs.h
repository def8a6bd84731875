#ifndef TORCHTAPE_VIEWER_VERBS_H_
#define TORCHTAPE_VIEWER_VERBS_H_

// What `torchtape` can do with a log, each verb as a function. README.md shows
// their output and describes their JSON.
//
//   absl::StatusOr<Log> log = OpenLog("run.tape");
//   absl::StatusOr<Outcome> outcome = Summary(*log, {}, std::cout);
//
// Any bytes are acceptable. A damaged log is shown as far as it can be read,
// and `Outcome::notes` says what is missing. All verbs fail with
//   InvalidArgument   not a torchtape log, or an empty file
//   Unimplemented     written by a newer major version
//   DataLoss          nothing in it can be read
//   Unavailable       the source cannot be read
//   OutOfRange        the log does not hold `VerbOptions::steps`
//
// Memory follows one chunk and what is shown, never the log.

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "torchtape/format/byte_source.h"
#include "torchtape/viewer/step_range.h"

namespace torchtape::viewer {

struct Log {
  std::string name;  // for headings and messages
  std::shared_ptr<format::ByteSource> source;
  bool is_being_recorded = false;
  // What opening it found out, for Outcome::notes.
  std::vector<std::string> notes;
  // What of its journal is damaged.
  std::vector<std::string> journal_problems;
};

// Opens a file. If its run was killed, the log is given as if it had been
// finished: what the journal beside it holds is there too. The files stay as
// they are. Fails as format::OpenFile().
absl::StatusOr<Log> OpenLog(const std::string& path);

struct VerbOptions {
  // Summary, Dump, Report; Export takes one step, by default the last that is
  // whole.
  StepRange steps;
  // Summary, Dump, Export: read all of the log although only some steps are
  // asked for. Slower; tells of damage anywhere.
  bool whole = false;
  // Summary: "self", "total", "count", "mean" or "name".
  std::string sort = "self";
  // Summary: what its tables are of, "op", "source", "work", "waits", "device"
  // or "path".
  std::string by = "op";
  // Summary by source or waits, Dump, Export, Report: folders with executables,
  // libraries or debug files, looked into before the places where the program
  // had them.
  std::vector<std::string> symbols;
  // Rows of each table of Summary, lines of Dump; 0: as fits.
  size_t top = 0;
  // Summary, Dump: only names that contain this.
  std::string filter;
  bool json = false;
  // Export: level of abstraction, 0 (everything) to 3 (layers).
  int level = 0;
  // ExportPicture: "svg", "png" or "dot"; paths of modules that are shown with
  // what is inside, and of those around them. Without any, a model that is
  // alone.
  std::string format = "svg";
  std::vector<std::string> open;
  bool open_all = false;
  // Summary: headings in bold.
  bool colour = false;
  // Called now and then; may be empty.
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> progress;
};

struct Outcome {
  int exit_code = 0;
  // What the reader of the output should know of the log: damage, an end that
  // is missing. One line each, without newline.
  std::vector<std::string> notes;
};

// Facts of the run, counts, losses and cost.
absl::StatusOr<Outcome> Info(const Log& log, const VerbOptions& options,
                             std::ostream& out);

// Where the time and the memory went.
absl::StatusOr<Outcome> Summary(const Log& log, const VerbOptions& options,
                                std::ostream& out);

// All events, one a line.
absl::StatusOr<Outcome> Dump(const Log& log, const VerbOptions& options,
                             std::ostream& out);

// Whether the log is whole. The exit code is 1 if it is damaged or unfinished.
absl::StatusOr<Outcome> Check(const Log& log, const VerbOptions& options,
                              std::ostream& out);

// Finishes the log of a run that was killed, with what its journal holds:
// writes it to `to_path`, or in its own place if that is empty, and deletes the
// journal then. Fails as format::RecoverFile().
absl::StatusOr<Outcome> RecoverLog(const std::string& path,
                                   const std::string& to_path);

// One step as a graph in JSON.
absl::StatusOr<Outcome> ExportJson(const Log& log, const VerbOptions& options,
                                   std::ostream& out);

// One step as a still picture: forward ops and modules from top to bottom, each
// with its backward pass beside it. Also fails with
//   Unimplemented     this build draws no SVG and PNG
//   NotFound          the models have no module of a path in `options.open`
//   ResourceExhausted there is too much to draw
absl::StatusOr<Outcome> ExportPicture(const Log& log,
                                      const VerbOptions& options,
                                      std::ostream& out);

// The run as one HTML file that needs no network. Reads the log twice; memory
// is bounded as for the others, but for what is kept of at most a million
// events. Also fails with
//   Unimplemented     this build has no report
absl::StatusOr<Outcome> Report(const Log& log, const VerbOptions& options,
                               std::ostream& out);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_VERBS_H_
