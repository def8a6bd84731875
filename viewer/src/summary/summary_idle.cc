#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "summary/kernel_json.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kIdleRows = 15;

void PrintUse(const SummaryFacts& facts, std::ostream& out) {
  Table table({"device", "kernels", "only copies", "idle", "busy", "gaps",
               "longest gap"},
              1);
  for (const auto& [number, use] : facts.idle.devices()) {
    table.AddRow({absl::StrCat("cuda:", number), Time(use.kernel_ns),
                  Time(use.copy_ns), Time(use.all_idle_ns()),
                  Share(use.kernel_ns + use.copy_ns, use.all_ns()),
                  CountText(use.gaps), Time(use.longest_gap_ns)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
}

void PrintGaps(const SummaryFacts& facts, std::ostream& out) {
  std::vector<IdleTotal> matching;
  uint64_t idle_ns = 0;
  for (IdleTotal& total : facts.idle.totals()) {
    idle_ns += total.total_ns;
    if (absl::StrContains(total.op, facts.options.filter)) {
      matching.push_back(std::move(total));
    }
  }
  if (matching.empty()) return;
  Table table({"idle because of", "device", "until this was launched", "gaps",
               "total", "%", "longest"},
              3);
  const size_t rows = Rows(facts, kIdleRows, matching.size());
  for (size_t i = 0; i < rows; ++i) {
    const IdleTotal& total = matching[i];
    table.AddRow({IdleCauseName(total.cause),
                  absl::StrCat("cuda:", total.device),
                  total.op.empty() ? "-" : EscapeText(total.op),
                  CountText(total.count), Time(total.total_ns),
                  Share(total.total_ns, idle_ns), Time(total.longest_ns)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, matching.size(), "causes", out);
}

}  // namespace

std::string DeviceUseText(const SummaryFacts& facts, uint32_t device) {
  const auto found = facts.idle.devices().find(device);
  if (found == facts.idle.devices().end()) return "";
  const DeviceUse& use = found->second;
  const uint64_t idle_ns = use.all_idle_ns();
  if (idle_ns == 0) return "";
  std::string text = absl::StrCat("idle ", Time(idle_ns), " in ",
                                  Plural(use.gaps, "gap"), ":");
  for (size_t i = 0; i < kIdleCauses; ++i) {
    if (use.idle_ns[i] == 0) continue;
    absl::StrAppend(&text, "   ", IdleCauseName(static_cast<IdleCause>(i)), " ",
                    Share(use.idle_ns[i], idle_ns));
  }
  return text;
}

void PrintIdle(const SummaryFacts& facts, std::ostream& out) {
  const v1::Options& options = facts.run.options();
  if (facts.idle.devices().empty()) {
    out << '\n'
        << (WantsKernels(options)
                ? "no kernels are in the log"
                : "kernels were not recorded (device_time=kernels)")
        << ", so when a device was idle is not known\n";
    return;
  }
  PrintUse(facts, out);
  PrintGaps(facts, out);
  if (!options.device_calls()) {
    out << "\ndevice calls were not recorded, so of most gaps it is not known "
           "whether the host\nwaited or was too slow\n";
  }
}

}  // namespace torchtape::viewer
