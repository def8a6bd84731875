#ifndef TORCHTAPE_VIEWER_SRC_SUMMARY_SUMMARY_PARTS_H_
#define TORCHTAPE_VIEWER_SRC_SUMMARY_SUMMARY_PARTS_H_

// What the text of a summary is put together from.

#include <algorithm>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "output/units.h"
#include "summary/summary.h"

namespace torchtape::viewer {

// The tables below the first lines: modules, ops, backward nodes, ranges,
// scripts.
void PrintTables(const SummaryFacts& facts, std::ostream& out);

// What was computed and moved, in two lines, and by module and operator.
void PrintWork(const SummaryFacts& facts, std::ostream& out);
void PrintWorkTables(const SummaryFacts& facts, std::ostream& out);

// Rows that a table has unless the user says otherwise.
inline constexpr size_t kOpRows = 15;
inline constexpr size_t kModuleRows = 40;

// The last part of its path, as far in as it is deep.
std::string ModuleName(const Module& module);

// A module's whole path; null, or `none`: there is none. The text is escaped.
Json ModulePath(const SummaryFacts& facts, int module);
std::string ModulePathText(const SummaryFacts& facts, int module,
                           absl::string_view none);

// "model.cc:42", or "(not known)". Escaped.
std::string LineText(const SourceFrame& frame);

// Where the host waits for devices.
void PrintWaits(const SummaryFacts& facts, std::ostream& out);

// What the critical paths of the steps are made of.
void PrintPath(const SummaryFacts& facts, std::ostream& out);
Json PathJson(const SummaryFacts& facts);

// What devices took, if it was asked for.
void PrintDevices(const SummaryFacts& facts, std::ostream& out);

// What devices did, if it was asked for: some lines, and tables by kernel and
// by op.
void PrintKernels(const SummaryFacts& facts, std::ostream& out);
void PrintKernelTables(const SummaryFacts& facts, std::ostream& out);

// What a device did with its time, in a line, and why it had nothing to do.
std::string DeviceUseText(const SummaryFacts& facts, uint32_t device);
void PrintIdle(const SummaryFacts& facts, std::ostream& out);
Json GapsJson(const SummaryFacts& facts);

// Which modules are launch-bound.
void PrintLaunchBound(const SummaryFacts& facts, std::ostream& out);
Json LaunchBoundJson(const SummaryFacts& facts);

// Who held what when memory ran out.
void PrintMoment(const SummaryFacts& facts, std::ostream& out);
Json MomentJson(const SummaryFacts& facts);

// Memory by device, if any but the CPU has some.
void PrintDeviceMemory(const SummaryFacts& facts, std::ostream& out);

// How many of the rows that a table could have it gets; `fitting` unless the
// user says otherwise.
inline size_t Rows(const SummaryFacts& facts, size_t fitting, size_t have) {
  return std::min(have, facts.options.top == 0 ? fitting : facts.options.top);
}

inline void PrintMore(size_t shown, size_t have, const char* what,
                      std::ostream& out) {
  if (shown < have) {
    out << "  ... " << have - shown << " more " << what << " (--top)\n";
  }
}

inline std::string Time(uint64_t ns) {
  return TimeText(static_cast<double>(ns));
}
inline std::string Time(const std::optional<uint64_t>& ns) {
  return ns ? Time(*ns) : "-";
}
inline std::string Bytes(uint64_t bytes) {
  return BytesText(static_cast<double>(bytes));
}
inline std::string Share(uint64_t part, uint64_t whole) {
  return ShareText(static_cast<double>(part), static_cast<double>(whole));
}
inline std::string Plural(uint64_t count, absl::string_view one) {
  return absl::StrCat(CountText(count), " ", one, count == 1 ? "" : "s");
}

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SUMMARY_SUMMARY_PARTS_H_
