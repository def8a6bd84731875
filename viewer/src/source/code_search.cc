#include "source/code_search.h"

#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace torchtape::viewer {
namespace {

using Paths = std::vector<std::string>;

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string FolderOf(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1);
}

// "ab/cdef" for the bytes ab cd ef: how folders of debug files name them.
std::string DividedId(const std::string& build_id) {
  const std::string hex = absl::BytesToHexString(build_id);
  return absl::StrCat(hex.substr(0, 2), "/", hex.substr(2));
}

// Where the object or its debug information may be, the best place first.
Paths PlacesOf(const CodeObject& object, const SearchPlaces& places) {
  const std::string hex = absl::BytesToHexString(object.build_id);
  const std::string id = DividedId(object.build_id);
  const std::string name = NameOf(object.path);
  Paths paths;
  for (const std::string& folder : places.folders) {
    for (const char* suffix : {".debug", ""}) {
      paths.push_back(absl::StrCat(folder, "/.build-id/", id, suffix));
      paths.push_back(absl::StrCat(folder, "/", hex, suffix));
      paths.push_back(absl::StrCat(folder, "/", name, suffix));
    }
  }
  paths.push_back(object.path);
  paths.push_back(
      absl::StrCat(places.debug_folder, "/.build-id/", id, ".debug"));
  return paths;
}

// Where a debug link from a file leads to.
Paths PlacesOfLink(const CodeFile& file, const SearchPlaces& places) {
  const std::string name = NameOf(file.debug_link());
  if (name.empty()) return {};
  const std::string folder = FolderOf(file.path());
  Paths paths = {folder + name, folder + ".debug/" + name,
                 absl::StrCat(places.debug_folder, "/", folder, name)};
  for (const std::string& other : places.folders) {
    paths.push_back(absl::StrCat(other, "/", name));
  }
  return paths;
}

class Search {
 public:
  explicit Search(const CodeObject& object) : object_(object) {}

  // True once there is debug information.
  bool LookAt(const Paths& paths) {
    for (const std::string& path : paths) {
      absl::StatusOr<std::unique_ptr<CodeFile>> file =
          CodeFile::Open(path, object_.build_id);
      if (!file.ok()) {
        if (file.status().code() == absl::StatusCode::kNotFound) continue;
        found_.problem = std::string(file.status().message());
        continue;
      }
      found_.files.push_back(*std::move(file));
      if (found_.files.back()->has_lines()) return true;
    }
    return false;
  }

  bool FollowLinks(const SearchPlaces& places) {
    for (size_t i = 0; i < found_.files.size(); ++i) {
      if (LookAt(PlacesOfLink(*found_.files[i], places))) return true;
    }
    return false;
  }

  FoundFiles Take(bool has_lines) {
    if (has_lines) {
      found_.problem.clear();
    } else if (!found_.files.empty()) {
      found_.problem = "it has no debug information";
    } else if (found_.problem.empty()) {
      found_.problem = "there is no such file";
    }
    return std::move(found_);
  }

 private:
  const CodeObject& object_;
  FoundFiles found_;
};

}  // namespace

FoundFiles FindFiles(const CodeObject& object, const SearchPlaces& places) {
  if (object.build_id.empty()) {
    FoundFiles nothing;
    nothing.problem = "it has no build id, so any file may be another build";
    return nothing;
  }
  Search search(object);
  return search.Take(search.LookAt(PlacesOf(object, places)) ||
                     search.FollowLinks(places));
}

}  // namespace torchtape::viewer
