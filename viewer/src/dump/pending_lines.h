#ifndef TORCHTAPE_VIEWER_SRC_DUMP_PENDING_LINES_H_
#define TORCHTAPE_VIEWER_SRC_DUMP_PENDING_LINES_H_

// Holds lines of a dump back until the modules in them are known: until their
// step is over, or they take much memory.

#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "dump/dump.h"
#include "modules/attribution.h"

namespace torchtape::viewer {

class PendingLines : public UnitVisitor {
 public:
  // `format` prints to `text()`. All must outlive this.
  PendingLines(const DumpFormat* format, Attribution* attribution,
               std::ostringstream* text, std::ostream* out)
      : format_(*format),
        attribution_(*attribution),
        text_(*text),
        out_(*out) {}

  // Takes the line that was printed last. Where it tells of a span's begin,
  // the owner is that of the unit or module call that is open on `thread`.
  void Take();
  void TakeBegin(uint32_t thread);

  void OnUnits(absl::Span<const Unit> units) override;

 private:
  struct Line {
    std::string text;
    bool begin = false;
    uint64_t unit = kNoUnit;
    ModuleCall call;  // if it is of no unit
  };
  void Add(Line line);

  const DumpFormat& format_;
  Attribution& attribution_;
  std::ostringstream& text_;
  std::ostream& out_;
  std::vector<Line> lines_;
  size_t bytes_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_DUMP_PENDING_LINES_H_
