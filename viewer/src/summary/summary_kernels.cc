#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "source/function_name.h"
#include "summary/kernel_json.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kKernelRows = 15;

std::string DeviceText(const ActivityDevice& device) {
  std::string text =
      absl::StrCat("cuda:", device.device, " busy ", Time(device.busy_ns),
                   " of ", Time(device.span_ns));
  if (device.span_ns != 0) {
    absl::StrAppend(&text, " (", Share(device.busy_ns, device.span_ns), ")");
  }
  if (device.streams.size() > 1) {
    for (const ActivityStream& stream : device.streams) {
      absl::StrAppend(&text, "   stream ", stream.stream, " ",
                      Time(stream.busy_ns));
    }
  }
  return text;
}

std::string MeanTime(const KernelTotal& total) {
  return TimeText(static_cast<double>(total.total_ns) /
                  static_cast<double>(total.count));
}

void PrintByName(const SummaryFacts& facts, std::ostream& out) {
  std::vector<KernelTotal> matching;
  for (KernelTotal& total : facts.kernels.kernels()) {
    total.name = FunctionName(total.name);
    if (absl::StrContains(total.name, facts.options.filter)) {
      matching.push_back(std::move(total));
    }
  }
  if (matching.empty()) return;
  Table table({"kernel", "count", "total", "%", "mean", "max", "bytes"}, 1);
  const size_t rows = Rows(facts, kKernelRows, matching.size());
  for (size_t i = 0; i < rows; ++i) {
    const KernelTotal& total = matching[i];
    const bool kernel = total.kind == v1::ACTIVITY_KIND_KERNEL;
    table.AddRow(
        {EscapeText(total.name), CountText(total.count), Time(total.total_ns),
         Share(total.total_ns, facts.kernels.total_ns()), MeanTime(total),
         Time(total.max_ns), kernel ? "-" : Bytes(total.bytes)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, matching.size(), "kernels", out);
}

void PrintByOp(const SummaryFacts& facts, std::ostream& out) {
  std::vector<LaunchingOp> matching;
  for (LaunchingOp& op : facts.kernels.ops()) {
    if (absl::StrContains(op.name, facts.options.filter)) {
      matching.push_back(std::move(op));
    }
  }
  if (matching.empty()) return;
  Table table({"launched by op", "count", "total", "%"}, 1);
  const size_t rows = Rows(facts, kKernelRows, matching.size());
  for (size_t i = 0; i < rows; ++i) {
    const LaunchingOp& op = matching[i];
    table.AddRow({op.name.empty() ? "(none)" : EscapeText(op.name),
                  CountText(op.count), Time(op.total_ns),
                  Share(op.total_ns, facts.kernels.total_ns())});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, matching.size(), "ops", out);
}

}  // namespace

void PrintKernels(const SummaryFacts& facts, std::ostream& out) {
  const v1::Options& options = facts.run.options();
  if (!WantsKernels(options)) return;
  const KernelTotals& kernels = facts.kernels;
  std::vector<std::string> lines;
  if (!options.no_kernels().empty()) {
    lines.push_back(absl::StrCat("none: ", EscapeText(options.no_kernels())));
  } else {
    lines.push_back(absl::StrCat(CountText(kernels.count()),
                                 " kernels, copies and memsets   ",
                                 Time(kernels.total_ns()), "   placed within ",
                                 Time(kernels.error_ns())));
  }
  for (const ActivityDevice& device : kernels.devices()) {
    lines.push_back(DeviceText(device));
    if (std::string use = DeviceUseText(facts, device.device); !use.empty()) {
      lines.push_back("  " + std::move(use));
    }
  }
  if (const uint64_t ns = kernels.unlaunched_ns(); ns != 0) {
    lines.push_back(
        absl::StrCat(Time(ns), " launched by calls that are not known"));
  }
  if (const uint64_t lost = facts.counts.lost_activities(); lost != 0) {
    lines.push_back(
        absl::StrCat(CountText(lost), " lost (see torchtape info)"));
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    out << (i == 0 ? "kernels   " : "          ") << lines[i] << '\n';
  }
}

void PrintKernelTables(const SummaryFacts& facts, std::ostream& out) {
  PrintByName(facts, out);
  PrintByOp(facts, out);
}

}  // namespace torchtape::viewer
