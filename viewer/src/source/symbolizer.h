#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_SYMBOLIZER_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_SYMBOLIZER_H_

// Tells where in the source an address of code lies, by the object files on
// this machine.
//
//   Symbolizer symbolizer(SearchPlaces{});
//   for (const SourceFrame& frame : symbolizer.Find(*site).frames) ...
//
// Never a guess: a file with another build id than the recorded one is not
// used, and what no file says stays empty. Any bytes are acceptable as an
// object file: they are read in a process of their own, which starts with the
// first question. Each answer is kept.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "replay/visitor.h"
#include "source/code_search.h"
#include "source/isolated.h"
#include "source/source_frame.h"

namespace torchtape::viewer {

// What is known of a call site.
struct Site {
  // The functions that hold the call, innermost first; all but the last are
  // inlined. Without debug information one, of which only the name is known;
  // without that, none.
  std::vector<SourceFrame> frames;
  // Why no frame has a line: "there is no such file"; empty if one has.
  std::string problem;
};

class Symbolizer {
 public:
  explicit Symbolizer(const SearchPlaces& places,
                      const IsolationLimits& limits = {});

  // What is returned lives as long as the symbolizer.
  const Site& Find(const CodeObject& object, uint64_t return_address);
  const Site& Find(const CallSite& site);

 private:
  Site Ask(const CodeObject& object, uint64_t address);

  // By path and build id.
  using ObjectKey = std::pair<std::string, std::string>;

  Isolated reader_;
  std::set<ObjectKey> unreadable_;  // the reader was lost over it
  std::map<std::pair<ObjectKey, uint64_t>, Site> known_;
};

// "libtorch_cpu.so+0x123": an address when nothing else is known of it.
std::string PlaceOf(const CallSite& site);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_SYMBOLIZER_H_
