#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_CODE_SEARCH_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_CODE_SEARCH_H_

// Finds the files of an executable or shared library on this machine. A file
// counts only if it has the build id that was recorded. Never asks a network.

#include <memory>
#include <string>
#include <vector>

#include "replay/visitor.h"
#include "source/code_file.h"

namespace torchtape::viewer {

// Where to look, besides the place where the object was loaded from.
struct SearchPlaces {
  // Looked into first: for <build id>, .build-id/<build id>, and a file of the
  // object's name.
  std::vector<std::string> folders;
  // Where the system keeps separate debug files.
  std::string debug_folder = "/usr/lib/debug";
};

struct FoundFiles {
  // One with debug information, if there is any, is the last.
  std::vector<std::unique_ptr<CodeFile>> files;
  // Why there are no lines: "there is no such file"; empty: there are.
  std::string problem;
};

FoundFiles FindFiles(const CodeObject& object, const SearchPlaces& places);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_CODE_SEARCH_H_
