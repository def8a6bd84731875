#ifndef TORCHTAPE_VIEWER_SRC_VERBS_ARGUMENTS_H_
#define TORCHTAPE_VIEWER_SRC_VERBS_ARGUMENTS_H_

// The command line.

#include <string>
#include <vector>

#include "torchtape/viewer/record.h"
#include "torchtape/viewer/verbs.h"

namespace torchtape::viewer {

using Verb = absl::StatusOr<Outcome> (*)(const Log&, const VerbOptions&,
                                         std::ostream&);

struct Arguments {
  Verb verb = nullptr;  // null: there is nothing to do but print `text`
  std::string log_path;
  std::vector<std::string> log_paths;  // of `report`: the first is `log_path`
  std::string output_path;             // empty: standard output
  bool follow = false;      // show it again while it is being recorded
  bool says_where = false;  // print the output path: the user did not name it
  bool recover = false;     // the verb that changes files; then `verb` is null
  bool record = false;      // the verb that runs a program; the same
  RecordOptions record_options;
  VerbOptions options;

  std::string text;   // help or version, or what is wrong with the arguments
  int exit_code = 0;  // with `text`: 0 if the user asked for it, else 2
};

Arguments ParseArguments(int argc, const char* const* argv);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_VERBS_ARGUMENTS_H_
