#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "output/units.h"
#include "summary/summary.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

// Rows that a list has unless the user says otherwise.
constexpr size_t kHolderRows = 5;
constexpr size_t kValueRows = 8;

// Joins parts with three spaces, as many as fit on a line.
void PrintParts(const std::vector<std::string>& parts, std::ostream& out) {
  std::string line;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!line.empty() &&
        TextWidth(line) + 3 + TextWidth(part) > kScreenColumns) {
      out << line << '\n';
      line = "  ";
    } else if (!line.empty()) {
      line += "   ";
    }
    line += FitText(part, kScreenColumns - 2);
  }
  out << line << '\n';
}

void PrintHeader(const SummaryFacts& facts, std::ostream& out) {
  const v1::Run& run = facts.run;
  std::string rank;
  if (run.has_rank()) {
    rank = absl::StrCat("rank ", run.rank());
    if (run.has_world_size()) absl::StrAppend(&rank, " of ", run.world_size());
  }
  std::vector<std::string> devices;
  for (const v1::Device& device : run.devices()) {
    devices.push_back(EscapeText(device.name()));
  }
  const std::string torch =
      run.torch_version().empty()
          ? ""
          : absl::StrCat("LibTorch ", EscapeText(run.torch_version()), " ",
                         absl::StrJoin(devices, " "));
  PrintParts(
      {EscapeText(facts.log.name), EscapeText(run.program()), rank,
       std::string(absl::StripSuffix(torch, " ")),
       Plural(facts.steps.size(), "step"),
       Plural(facts.counts.events(), "event"), Bytes(facts.log.source->size())},
      out);
}

void PrintTrust(const SummaryFacts& facts, std::ostream& out) {
  std::vector<std::string> parts;
  if (!facts.run.op_source().empty()) {
    parts.push_back(
        absl::StrCat("recorded by ", EscapeText(facts.run.op_source())));
  }
  parts.push_back(
      facts.counts.dropped_events == 0
          ? "nothing dropped"
          : absl::StrCat(Plural(facts.counts.dropped_events, "event"),
                         " dropped (see torchtape info)"));
  if (!facts.report.index) {
    parts.push_back("not finished");
  } else if (const v1::Statistics& sums = facts.report.index->statistics();
             sums.writer_cpu_ns() > 0 && sums.end_time_ns() > 0) {
    parts.push_back(absl::StrCat(
        "writing took ", Time(sums.writer_cpu_ns()), ", ",
        Share(sums.writer_cpu_ns(), sums.end_time_ns()), " of the run"));
  }
  if (!facts.report.damage.empty()) parts.push_back("damaged");
  out << absl::StrJoin(parts, "; ") << '\n';
}

// Spread: from the first to the third quarter.
void PrintStepTimes(const SummaryFacts& facts, std::ostream& out) {
  std::vector<uint64_t> times;
  const Step* longest = nullptr;
  for (const Step& step : facts.steps) {
    if (!step.duration_ns) continue;
    times.push_back(*step.duration_ns);
    if (longest == nullptr || *step.duration_ns > *longest->duration_ns) {
      longest = &step;
    }
  }
  if (times.empty()) return;
  out << "step      median " << Time(Quantile(times, 0.5)) << "   p95 "
      << Time(Quantile(times, 0.95)) << "   max " << Time(Quantile(times, 1))
      << " (step " << longest->number << ")   spread "
      << Time(Quantile(times, 0.25)) << " to " << Time(Quantile(times, 0.75))
      << '\n';
}

// Of those steps of which summaries alone are there.
void PrintReleased(const SummaryFacts& facts, std::ostream& out) {
  const Released& released = facts.report.released;
  if (!released.any()) return;
  out << "released  " << FitText(ReleasedText(released), kScreenColumns - 10)
      << '\n';
  std::vector<uint64_t> times;
  for (const format::StepSummary& step : released.summary().steps) {
    if (!step.open) times.push_back(step.duration_ns);
  }
  if (!times.empty()) {
    out << "          steps median " << Time(Quantile(times, 0.5)) << "   p95 "
        << Time(Quantile(times, 0.95)) << "   max " << Time(Quantile(times, 1))
        << '\n';
  }
}

// Of recorded, whole steps: only there is known what was done and how long it
// took.
void PrintStepWork(const SummaryFacts& facts, std::ostream& out) {
  uint64_t whole_ns = 0, forward_ns = 0, backward_ns = 0, ops = 0;
  for (const Step& step : facts.steps) {
    if (!step.recorded || !step.duration_ns) continue;
    whole_ns += *step.duration_ns;
    forward_ns += step.forward_ns;
    backward_ns += step.backward_ns;
    ops += step.ops;
  }
  if (whole_ns == 0 || ops == 0) return;
  const double per_second = static_cast<double>(ops) / whole_ns * 1e9;
  out << "ops       " << CountText(static_cast<uint64_t>(per_second + 0.5))
      << " a second";
  // Threads that work at the same time would add up to more than there is.
  const uint64_t work_ns = forward_ns + backward_ns;
  if (work_ns <= whole_ns) {
    if (facts.run.options().backward()) {
      out << "   backward " << Share(backward_ns, whole_ns) << "   other ops ";
    } else {
      out << "   ops ";  // which of them are the backward pass's is not known
    }
    out << Share(forward_ns, whole_ns) << "   between ops "
        << Share(whole_ns - work_ns, whole_ns);
  }
  out << '\n';
}

std::string HolderName(const SummaryFacts& facts, const Holder& holder) {
  std::string name =
      holder.maker.empty() ? "(outside of ops)" : EscapeText(holder.maker);
  if (holder.module != kNoModule) {
    const Module& module =
        facts.attribution.tree().modules()[static_cast<size_t>(holder.module)];
    absl::StrAppend(&name, " in ", EscapeText(module.path));
  }
  if (!holder.range.empty()) {
    absl::StrAppend(&name, ", range ", EscapeText(holder.range));
  }
  return name;
}

void PrintHolders(const SummaryFacts& facts, std::ostream& out) {
  const std::vector<Holder>& holders = facts.peak->holders;
  const size_t rows = Rows(facts, kHolderRows, holders.size());
  for (size_t i = 0; i < rows; ++i) {
    const std::string number =
        absl::StrFormat("%12s  %6s  ", Bytes(holders[i].bytes),
                        Share(holders[i].bytes, facts.peak->bytes));
    out << "          " << number
        << FitText(HolderName(facts, holders[i]),
                   kScreenColumns - 10 - TextWidth(number))
        << '\n';
  }
}

// Highest role first. Without records of saved tensors, what is temporary is
// not known.
void PrintRoles(const SummaryFacts& facts, std::ostream& out) {
  if (!facts.memory.saved().all()) return;
  const char* const names[kMemoryRoles] = {"temporary", "saved for backward",
                                           "optimizer state", "gradients",
                                           "parameters"};
  std::vector<std::string> parts;
  for (size_t i = kMemoryRoles; i-- > 0;) {
    const uint64_t bytes = facts.peak->roles[i];
    if (bytes == 0) continue;
    parts.push_back(
        absl::StrCat(names[i], " ", Share(bytes, facts.peak->bytes)));
  }
  out << "          " << absl::StrJoin(parts, "   ") << '\n';
}

void PrintMemory(const SummaryFacts& facts, std::ostream& out) {
  const uint64_t parameter_bytes = facts.attribution.tree().bytes();
  if (facts.peak) {
    const MemoryPeak& peak = *facts.peak;
    out << "memory    peak " << Bytes(peak.bytes);
    if (peak.bytes > 0) {
      out << " in step " << peak.step << ", at "
          << Time(peak.time_ns - std::min(peak.time_ns, peak.step_start_ns));
    }
    out << "   " << Plural(facts.memory.alloc_count(), "allocation") << " of "
        << Bytes(facts.memory.allocated_bytes()) << '\n';
    if (facts.memory.ran_out() != 0) {
      out << "          ran out " << Plural(facts.memory.ran_out(), "time")
          << "; torchtape summary --oom tells who held it\n";
    }
    PrintDeviceMemory(facts, out);
    PrintRoles(facts, out);
    PrintHolders(facts, out);
  }
  if (!facts.attribution.tree().modules().empty()) {
    out << (facts.peak ? "          " : "memory    ")
        << "parameters and buffers " << Bytes(parameter_bytes) << '\n';
  }
}

void PrintValues(const SummaryFacts& facts, std::ostream& out) {
  const size_t rows = Rows(facts, kValueRows, facts.values.size());
  for (size_t i = 0; i < rows; ++i) {
    const ValueTotal& total = facts.values[i];
    out << absl::StreamFormat("%-9s %.4g -> %.4g",
                              FitText(EscapeText(total.name), 40), total.first,
                              total.last);
    out << absl::StreamFormat("   (%s, %.4g to %.4g)\n",
                              Plural(total.count, "value"), total.least,
                              total.greatest);
  }
  PrintMore(rows, facts.values.size(), "values", out);
}

}  // namespace

void PrintSummary(const SummaryFacts& facts, std::ostream& out) {
  PrintHeader(facts, out);
  PrintTrust(facts, out);
  out << '\n';
  PrintStepTimes(facts, out);
  PrintReleased(facts, out);
  PrintStepWork(facts, out);
  PrintWork(facts, out);
  PrintDevices(facts, out);
  PrintKernels(facts, out);
  PrintMemory(facts, out);
  PrintValues(facts, out);
  PrintTables(facts, out);
  const std::string name = ShellWord(facts.log.name);
  out << "\nnext: torchtape dump --step N " << name
      << "     torchtape export --to=json " << name << " -o step.json\n";
}

}  // namespace torchtape::viewer
