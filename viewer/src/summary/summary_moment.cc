#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "output/table.h"
#include "output/text_escape.h"
#include "source/source_json.h"
#include "summary/moment_holders.h"
#include "summary/summary_parts.h"

namespace torchtape::viewer {
namespace {

constexpr size_t kMomentModules = 15, kMomentLines = 10, kMomentStorages = 15;

void PrintHead(const SummaryFacts& facts, std::ostream& out) {
  const MemoryAtMoment& moment = *facts.moment;
  out << '\n';
  if (moment.asked.empty()) {
    out << "the run was killed in step " << moment.step << ", at "
        << Time(moment.time_ns);
  } else {
    out << "out of memory: " << EscapeText(moment.asked) << ", in step "
        << moment.step << ", at " << Time(moment.time_ns);
  }
  if (moment.threw != nullptr) {
    out << ", in " << EscapeText(moment.threw->name);
  }
  if (moment.threw_frame != nullptr) {
    out << " at " << FrameText(*moment.threw_frame);
  }
  out << "\nlive then: " << Bytes(moment.live_bytes) << " in "
      << Plural(moment.storages.size(), "allocation");
  const auto devices = HeldByDevice(moment);
  for (const auto& [name, device] : devices) {
    if (device.held.allocations == 0) continue;
    out << "   " << name << ' ' << Bytes(device.held.bytes);
  }
  out << '\n';
  for (const auto& [name, device] : devices) {
    if (device.allocator == nullptr) continue;
    out << "the allocator of " << name << " had given out "
        << Bytes(device.allocator->allocated_bytes) << " and held "
        << Bytes(device.allocator->reserved_bytes)
        << " of the device, older memory included\n";
  }
  if (const uint64_t unknown = moment.unknown_bytes(); unknown != 0) {
    out << Bytes(unknown)
        << " of them by allocations that are not in the log\n";
  }
  if (const uint64_t older = OlderParameterBytes(facts); older != 0) {
    out << "parameters and buffers of " << Bytes(older)
        << " from before the recording are not in it\n";
  }
}

void PrintHeldByModule(const SummaryFacts& facts, std::ostream& out) {
  const bool roles = KnowsRoles(facts);
  std::vector<std::string> header = {"held by module", "bytes", "%"};
  if (roles) {
    header.insert(header.end(), {"parameters", "gradients", "optimizer",
                                 "saved", "temporary"});
  }
  Table table(std::move(header), 1);
  const MemoryAtMoment& moment = *facts.moment;
  const auto holders = HeldBy<int>(moment, ModuleOfLive);
  const size_t rows = Rows(facts, kMomentModules, holders.size());
  for (size_t i = 0; i < rows; ++i) {
    const HeldThen& held = holders[i].second;
    std::vector<std::string> cells = {
        ModulePathText(facts, holders[i].first, "(none)"), Bytes(held.bytes),
        Share(held.bytes, moment.live_bytes)};
    for (size_t k = roles ? kMemoryRoles : 0; k-- > 0;) {
      cells.push_back(held.roles[k] == 0 ? "-" : Bytes(held.roles[k]));
    }
    table.AddRow(std::move(cells));
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, holders.size(), "modules", out);
}

void PrintHeldByLine(const SummaryFacts& facts, std::ostream& out) {
  const MemoryAtMoment& moment = *facts.moment;
  const auto holders = HeldBy<Line>(moment, LineOfLive);
  if (holders.size() == 1 && std::get<0>(holders[0].first).empty()) return;
  Table table({"held by line", "function", "bytes", "%", "allocations"}, 2);
  const size_t rows = Rows(facts, kMomentLines, holders.size());
  for (size_t i = 0; i < rows; ++i) {
    const auto& [line, held] = holders[i];
    table.AddRow({LineText(FrameOf(line)), EscapeText(std::get<2>(line)),
                  Bytes(held.bytes), Share(held.bytes, moment.live_bytes),
                  CountText(held.allocations)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, holders.size(), "lines", out);
}

void PrintLargest(const SummaryFacts& facts, std::ostream& out) {
  const std::vector<LiveStorage>& storages = facts.moment->storages;
  Table table({"largest", "module", "source", "role", "bytes", "from step"}, 4);
  const size_t rows = Rows(facts, kMomentStorages, storages.size());
  for (size_t i = 0; i < rows; ++i) {
    const LiveStorage& live = storages[i];
    const std::string maker =
        live.maker == nullptr ? "(outside of ops)" : live.maker->name;
    table.AddRow({EscapeText(absl::StripPrefix(maker, "aten::")),
                  ModulePathText(facts, live.module, "(none)"),
                  LineText(FrameOf(LineOfLive(live))),
                  KnowsRole(facts, live) ? MemoryRoleName(live.role) : "-",
                  Bytes(live.bytes), absl::StrCat(live.step)});
  }
  out << '\n';
  table.Print(out, facts.options.colour);
  PrintMore(rows, storages.size(), "allocations", out);
}

}  // namespace

void PrintMoment(const SummaryFacts& facts, std::ostream& out) {
  if (!facts.run.options().memory() && facts.counts.allocations == 0) {
    out << "\nmemory was not recorded\n";
    return;
  }
  if (!facts.moment) {
    out << "\nmemory did not run out, and the run came to its end\n";
    return;
  }
  PrintHead(facts, out);
  if (facts.moment->storages.empty()) return;
  PrintHeldByModule(facts, out);
  PrintHeldByLine(facts, out);
  PrintLargest(facts, out);
}

}  // namespace torchtape::viewer
