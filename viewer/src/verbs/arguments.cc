#include "verbs/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "output/text_escape.h"

namespace torchtape::viewer {
namespace {

// CLI11's own would tell of the largest double.
CLI::Validator WholeNumber(uint64_t least) {
  return CLI::Validator(
      [least](std::string& text) {
        uint64_t number = 0;
        if (absl::SimpleAtoi(text, &number) && number >= least) {
          return std::string();
        }
        return absl::StrCat(text, " is not a whole number of at least ", least);
      },
      "N");
}

#ifndef TORCHTAPE_VERSION
#define TORCHTAPE_VERSION "0.1.0"
#endif

class CommandLine {
 public:
  CommandLine() : app_("Reads the flight recorder of LibTorch training.") {
    app_.name("torchtape");
    app_.set_version_flag("--version", "torchtape " TORCHTAPE_VERSION);
    app_.require_subcommand(1);
    AddInfo();
    AddSummary();
    AddDump();
    AddCheck();
    AddExport();
    AddReport();
    AddRecover();
    AddRecord();
    // Last, as subcommands take over the one that is there.
    app_.footer(
        "A torchtape::Tracker in a program writes a log, or without one:\n"
        "  torchtape record -o run.tape -- ./train\n"
        "Of a log, finished or not:\n"
        "  torchtape summary run.tape\n"
        "  torchtape summary --by=source run.tape\n"
        "  torchtape report run.tape -o run.html\n"
        "torchtape SUBCOMMAND --help tells of each.");
  }

  Arguments Parse(int argc, const char* const* argv) {
    if (argc > 1 && absl::string_view(argv[1]) == "record") {
      argc = TakeProgram(argc, argv);
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      Explain(error);
    }
    return std::move(arguments_);
  }

 private:
  CLI::App* AddVerb(const char* name, const char* what, Verb verb) {
    CLI::App* app = app_.add_subcommand(name, what);
    app->add_option("LOG", arguments_.log_path, "the log, such as run.tape")
        ->required();
    app->callback([this, verb] { arguments_.verb = verb; });
    return app;
  }

  void AddJson(CLI::App* app) {
    app->add_flag("--json", arguments_.options.json, "print JSON");
  }

  // A range replaces an earlier one: the two flags exclude each other.
  template <typename Parser>
  CLI::Option* AddRange(CLI::App* app, const char* flag, const char* what,
                        Parser parser) {
    return app->add_option_function<std::string>(
        flag,
        [this, parser](const std::string& text) {
          absl::StatusOr<StepRange> range = parser(text);
          if (!range.ok()) {
            throw CLI::ValidationError(std::string(range.status().message()),
                                       CLI::ExitCodes::ValidationError);
          }
          arguments_.options.steps = *range;
        },
        what);
  }

  void AddSteps(CLI::App* app) {
    CLI::Option* one = AddRange(app, "--step", "only step N", ParseStep);
    one->option_text("N");
    AddRange(app, "--steps", "only steps A to B, both included", ParseSteps)
        ->option_text("A:B")
        ->excludes(one);
  }

  void AddWhole(CLI::App* app) {
    app->add_flag("--whole", arguments_.options.whole,
                  "read all of the log although only some steps are shown");
  }

  void AddSelection(CLI::App* app, const char* top) {
    AddSteps(app);
    AddWhole(app);
    app->add_option("--filter", arguments_.options.filter,
                    "only names that contain TEXT")
        ->option_text("TEXT");
    app->add_option("--top", arguments_.options.top, top)
        ->option_text("N")
        ->check(WholeNumber(1));
    AddJson(app);
  }

  // Takes one folder at a time: the log may follow.
  void AddSymbols(CLI::App* app) {
    app->add_option("--symbols", arguments_.options.symbols,
                    "look into folder DIR for the program, its libraries and "
                    "their debug files")
        ->option_text("DIR")
        ->allow_extra_args(false);
  }

  void AddFollow(CLI::App* app) {
    app->add_flag("--follow", arguments_.follow,
                  "show it again and again while it is being recorded");
  }

  void AddInfo() {
    CLI::App* app =
        AddVerb("info", "facts of the run, counts, losses and cost", Info);
    AddJson(app);
    AddFollow(app);
    AddSymbols(app);
  }

  void AddSummary() {
    CLI::App* app =
        AddVerb("summary", "where the time and the memory went", Summary);
    AddSelection(app, "at most N rows in each table");
    app->add_option("--sort", arguments_.options.sort,
                    "by self, total, count, mean or name")
        ->option_text("COLUMN")
        ->check(CLI::IsMember({"self", "total", "count", "mean", "name"}));
    app->add_option(
           "--by", arguments_.options.by,
           "what the tables are about:\n"
           "op      modules and ops; this, if left out\n"
           "source  lines of the program\n"
           "work    FLOPs and bytes of modules and ops\n"
           "waits   where the host waits for a device\n"
           "device  what devices did, and why they had nothing to do\n"
           "oom     who held what when memory ran out or the run ended\n"
           "path    the critical paths of steps")
        ->option_text("WHAT")
        ->check(CLI::IsMember(
            {"op", "source", "work", "waits", "device", "oom", "path"}));
    app->add_flag_callback(
        "--waits", [this] { arguments_.options.by = "waits"; },
        "the same as --by=waits");
    app->add_flag_callback(
        "--oom", [this] { arguments_.options.by = "oom"; },
        "the same as --by=oom");
    AddSymbols(app);
    AddFollow(app);
  }

  void AddDump() {
    CLI::App* app = AddVerb("dump", "all events as text", Dump);
    AddSelection(app, "at most N lines");
    app->add_flag("--follow", arguments_.follow,
                  "go on with each step that ends while it is being recorded")
        ->excludes("--top");
    AddSymbols(app);
  }

  void AddCheck() {
    AddJson(AddVerb("check", "whether the log is whole", Check));
  }

  void AddExport() {
    CLI::App* app = AddVerb("export", "one step as a graph", ExportJson);
    app->add_option("--to", arguments_.options.format,
                    "json; or a picture: svg, png, or dot for Graphviz")
        ->required()
        ->check(CLI::IsMember({"json", "svg", "png", "dot"}));
    app->add_option("-o,--output", arguments_.output_path,
                    "the file to write; standard output if left out")
        ->option_text("FILE");
    AddRange(app, "--step", "the step; the last whole one if left out",
             ParseStep)
        ->option_text("N");
    AddWhole(app);
    app->add_option("--level", arguments_.options.level,
                    "0 everything, 1 no views, 2 no tensor arithmetic, "
                    "3 only layers")
        ->check(CLI::Range(0, 3));
    app->add_option("--open", arguments_.options.open,
                    "in a picture: show what is inside of module PATH")
        ->option_text("PATH")
        ->allow_extra_args(false);
    app->add_flag("--open-all", arguments_.options.open_all,
                  "in a picture: show what is inside of every module");
    AddSymbols(app);
    app->callback([this] {
      const VerbOptions& options = arguments_.options;
      const bool is_picture = options.format != "json";
      if (!is_picture && (options.open_all || !options.open.empty())) {
        throw CLI::ValidationError(
            "--open is for pictures; JSON has everything",
            CLI::ExitCodes::ValidationError);
      }
      arguments_.verb = is_picture ? ExportPicture : ExportJson;
    });
  }

  void AddReport() {
    CLI::App* app = app_.add_subcommand(
        "report", "the run as one HTML file that needs no network");
    app->add_option("LOG", arguments_.log_paths,
                    "the log, such as run.tape; of several processes all their "
                    "logs, or the folder with them")
        ->required();
    app->add_option("-o,--output", arguments_.output_path,
                    "the file to write; if left out, LOG's name with .html, "
                    "here")
        ->option_text("FILE");
    AddSteps(app);
    AddSymbols(app);
    app->callback([this] {
      arguments_.verb = Report;
      arguments_.log_path = arguments_.log_paths[0];
      if (!arguments_.output_path.empty()) return;
      std::filesystem::path first = arguments_.log_path;
      if (!first.has_filename()) first = first.parent_path();
      arguments_.output_path =
          first.filename().replace_extension(".html").string();
      arguments_.says_where = true;
    });
  }

  void AddRecover() {
    CLI::App* app =
        AddVerb("recover", "finish the log of a run that was killed", nullptr);
    app->callback([this] { arguments_.recover = true; });
    app->add_option("-o,--output", arguments_.output_path,
                    "where to put the finished log; in its own place if left "
                    "out")
        ->option_text("FILE");
  }

  // A flag that sets a variable of the tracker's.
  void AddSwitch(CLI::App* app, const char* flag, const char* what,
                 const char* variable, const char* value) {
    app->add_flag_callback(
        flag,
        [this, variable, value] {
          arguments_.record_options.variables.emplace_back(variable, value);
        },
        what);
  }
  CLI::Option* AddVariable(CLI::App* app, const char* flag, const char* what,
                           const char* variable) {
    return app->add_option_function<std::string>(
        flag,
        [this, variable](const std::string& value) {
          arguments_.record_options.variables.emplace_back(variable, value);
        },
        what);
  }

  // Takes what follows "--" as it is, whatever it looks like, and returns how
  // many arguments come before.
  int TakeProgram(int argc, const char* const* argv) {
    const auto end = argv + argc;
    const auto mark = std::find(argv, end, absl::string_view("--"));
    if (mark != end) {
      arguments_.record_options.command.assign(mark + 1, end);
    }
    return static_cast<int>(mark - argv);
  }

  void AddRecord() {
    CLI::App* app = app_.add_subcommand(
        "record",
        "run a program and record it: record [options] -- PROGRAM...");
    RecordOptions& options = arguments_.record_options;
    app->add_option("-o,--output", options.log_path,
                    "the log to write; run.tape if left out")
        ->option_text("FILE");
    app->add_flag("--children", options.children,
                  "record the programs that it starts, too");
    AddVariable(app, "--schedule",
                "which steps, such as wait=5,active=3,repeat=2", "SCHEDULE");
    AddVariable(app, "--keep-last",
                "of an endless run the last 100 steps, or 512MiB, in full",
                "KEEP_LAST");
    AddVariable(app, "--op-source", "auto, taps or callbacks", "OP_SOURCE")
        ->check(CLI::IsMember({"auto", "taps", "callbacks"}));
    AddVariable(app, "--device-time",
                "what gets device times: off, steps, modules, ops or "
                "kernels",
                "DEVICE_TIME")
        ->check(CLI::IsMember({"off", "steps", "modules", "ops", "kernels"}));
    AddVariable(app, "--audit-every",
                "look at what taps see in each Nth recorded step",
                "AUDIT_EVERY")
        ->check(WholeNumber(0));
    AddVariable(app, "--sync-within-ms", "bound of what a loss of power costs",
                "SYNC_WITHIN_MS")
        ->check(WholeNumber(0));
    AddVariable(app, "--max-buffer-bytes",
                "bound of the memory for events on their way",
                "MAX_BUFFER_BYTES")
        ->check(WholeNumber(1));
    AddSwitch(app, "--device-calls", "calls of CUDA's runtime library",
              "DEVICE_CALLS", "1");
    AddSwitch(app, "--no-shapes", "no types of tensors", "SHAPES", "0");
    AddSwitch(app, "--no-identities", "not which tensor it is", "IDENTITIES",
              "0");
    AddSwitch(app, "--no-arguments", "no plain arguments", "ARGUMENTS", "0");
    AddSwitch(app, "--no-memory", "no allocations", "MEMORY", "0");
    AddSwitch(app, "--no-saved-tensors", "not what autograd keeps",
              "SAVED_TENSORS", "0");
    AddSwitch(app, "--no-backward", "no nodes of the backward pass", "BACKWARD",
              "0");
    AddSwitch(app, "--command-line", "the program's command line",
              "COMMAND_LINE", "1");
    app->allow_extras();  // told of in words of its own, below
    app->callback([this, app] {
      const std::vector<std::string> unknown = app->remaining();
      const bool has_program = !arguments_.record_options.command.empty();
      if (!unknown.empty() && !has_program && unknown[0][0] != '-') {
        throw CLI::ValidationError("put -- before the program: record -- " +
                                   unknown[0]);
      }
      if (!unknown.empty()) throw CLI::ExtrasError(unknown);
      if (!has_program) throw CLI::RequiredError("-- PROGRAM");
      arguments_.record = true;
    });
  }

  void Explain(const CLI::ParseError& error) {
    std::ostringstream out;
    const bool asked = error.get_exit_code() == 0;
    arguments_.verb = nullptr;
    arguments_.record = false;
    arguments_.exit_code = asked ? 0 : 2;
    if (asked || app_.get_subcommands().empty()) {
      app_.exit(error, out, out);
      arguments_.text =
          app_.get_subcommands().empty() && !asked
              ? absl::StrCat("torchtape: ", First(error), "\n\n", app_.help())
              : out.str();
      return;
    }
    const std::string verb = app_.get_subcommands()[0]->get_name();
    arguments_.text = absl::StrCat("torchtape: ", First(error),
                                   " (see torchtape ", verb, " --help)\n");
  }

  // The first line, safe to print.
  static std::string First(const CLI::ParseError& error) {
    const std::string what = error.what();
    return EscapeText(what.substr(0, what.find('\n')));
  }

  CLI::App app_;
  Arguments arguments_;
};

}  // namespace

Arguments ParseArguments(int argc, const char* const* argv) {
  return CommandLine().Parse(argc, argv);
}

}  // namespace torchtape::viewer
