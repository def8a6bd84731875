#include <errno.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "torchtape/viewer/record.h"

namespace torchtape::viewer {
namespace {

namespace fs = std::filesystem;

constexpr char kLibrary[] = "libtorchtape_preload.so";

// Beside this tool, as it is built, or where it is installed.
absl::StatusOr<std::string> FindLibrary() {
  std::error_code error;
  const fs::path tool = fs::read_symlink("/proc/self/exe", error);
  for (const char* folder : {".", "../" TORCHTAPE_PRELOAD_FOLDER}) {
    const fs::path path = tool.parent_path() / folder / kLibrary;
    if (!fs::exists(path, error)) continue;
    const std::string found = fs::canonical(path, error).string();
    // The loader takes either for the end of a name.
    if (found.find_first_of(": ") == found.npos) return found;
    return absl::NotFoundError(
        absl::StrCat(found, " cannot be preloaded from a folder of that name"));
  }
  return absl::NotFoundError(absl::StrCat(
      kLibrary, " is missing: torchtape was built without its recorder"));
}

// The program may change its folder before LibTorch comes.
absl::StatusOr<std::string> FindLogPath(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  if (error || !fs::is_directory(whole.parent_path(), error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("-o ", path, ": there is no such folder"));
  }
  return whole.string();
}

void Set(const std::string& name, const std::string& value) {
  setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
}

void SetVariables(const RecordOptions& options, const std::string& library,
                  const std::string& log_path) {
  const char* others = std::getenv("LD_PRELOAD");
  Set("LD_PRELOAD", others != nullptr && *others != '\0'
                        ? absl::StrCat(library, ":", others)
                        : library);
  Set("TORCHTAPE", log_path);
  // The program has this process's number, and its children have others.
  Set("TORCHTAPE_PROCESS", std::to_string(getpid()));
  // What the command says goes before what happens to be set.
  unsetenv("TORCHTAPE_LOG_PATH");
  unsetenv("TORCHTAPE_ENABLED");
  Set("TORCHTAPE_CHILDREN", options.children ? "1" : "0");
  for (const auto& [name, value] : options.variables) {
    Set(absl::StrCat("TORCHTAPE_", name), value);
  }
}

absl::Status BecomeProgram(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  execvp(words[0], words.data());
  const std::string why = absl::StrCat(command[0], ": ", std::strerror(errno));
  return errno == ENOENT ? absl::NotFoundError(why)
                         : absl::PermissionDeniedError(why);
}

}  // namespace

absl::Status RecordProgram(const RecordOptions& options) {
  if (options.command.empty()) {
    return absl::InvalidArgumentError("no program to record");
  }
  absl::StatusOr<std::string> library = FindLibrary();
  if (!library.ok()) return library.status();
  absl::StatusOr<std::string> log_path = FindLogPath(options.log_path);
  if (!log_path.ok()) return log_path.status();
  SetVariables(options, *library, *log_path);
  return BecomeProgram(options.command);
}

}  // namespace torchtape::viewer
