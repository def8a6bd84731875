#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "output/units.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kWaitRows = 25;

std::string OrDash(absl::string_view text) {
  return text.empty() ? "-" : EscapeText(text);
}

}  // namespace

void PrintWaits(const SummaryFacts& facts, std::ostream& out) {
  if (!facts.run.options().device_calls()) {
    out << "\ndevice calls were not recorded, so waits are not known\n";
    return;
  }
  if (facts.waits.empty()) {
    out << "\nno call waited for a device\n";
    return;
  }
  Table table({"source", "op", "module", "call", "because of", "copied",
               "count", "wait", "%"},
              5);
  const size_t rows = Rows(facts, kWaitRows, facts.waits.size());
  for (size_t i = 0; i < rows; ++i) {
    const WaitTotal& wait = facts.waits[i];
    table.AddRow(
        {LineText(wait.frame), OrDash(absl::StripPrefix(wait.op, "aten::")),
         ModulePathText(facts, wait.module, "-"),
         OrDash(absl::StripPrefix(wait.call, "cuda")), OrDash(wait.cause),
         wait.cause.empty() ? "-" : Bytes(wait.copied_bytes),
         CountText(wait.count), Time(wait.wait_ns),
         Share(wait.wait_ns, facts.wait_ns)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, facts.waits.size(), "waits", out);
}

}  // namespace torchtape::viewer
