#ifndef TORCHTAPE_VIEWER_SRC_DUMP_DUMP_H_
#define TORCHTAPE_VIEWER_SRC_DUMP_DUMP_H_

// One line for each event. README.md ("dump") describes both formats.
//
// The owner of an op is known only when its step is over: its line is printed
// without, and completed then.

#include <cstdint>
#include <memory>
#include <ostream>

#include "absl/status/statusor.h"
#include "modules/module_source.h"
#include "replay/visitor.h"
#include "source/source_lines.h"
#include "torchtape/viewer/verbs.h"

namespace torchtape::viewer {

// `step` is the one that is running.
class DumpFormat {
 public:
  virtual ~DumpFormat() = default;

  virtual void Model(const v1::Model& model) = 0;
  virtual void Step(const StepStart& start) = 0;
  virtual void Window(const v1::Window& window) = 0;
  virtual void Begin(const SpanBegin& begin, uint64_t step) = 0;
  virtual void End(const SpanEnd& end, uint64_t step) = 0;
  virtual void Allocate(const Allocation& allocation, uint64_t step) = 0;
  virtual void Free(const Allocation& free, uint64_t step) = 0;
  virtual void Save(const SavedTensor& saved, uint64_t step) = 0;
  virtual void Release(const SavedTensor& released, uint64_t step) = 0;
  virtual void Value(const v1::LoggedValue& value) = 0;
  virtual void Drop(const v1::Drop& drop) = 0;

  // A line of Begin() with what is known of the owner.
  virtual std::string Completed(std::string line, const ModuleTree& tree,
                                const Owner& owner, uint32_t call) const = 0;
};

// `lines` and `out` must outlive what is returned.
std::unique_ptr<DumpFormat> DumpAsText(const SourceLines* lines,
                                       std::ostream* out);
std::unique_ptr<DumpFormat> DumpAsJson(const SourceLines* lines,
                                       std::ostream* out);

// Dump() of steps of which the log may hold only some. `beside` sees all of
// them that are replayed for it, too.
absl::StatusOr<Outcome> DumpSteps(const Log& log, const VerbOptions& options,
                                  Visitor* beside, std::ostream& out);

// "op", "backward", "range", "script", "module", "engine".
const char* SpanKindName(v1::SpanKind kind);

// "returned", "threw", "unknown", "lost".
const char* EndingName(Ending ending);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_DUMP_DUMP_H_
