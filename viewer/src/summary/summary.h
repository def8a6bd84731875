#ifndef TORCHTAPE_VIEWER_SRC_SUMMARY_SUMMARY_H_
#define TORCHTAPE_VIEWER_SRC_SUMMARY_SUMMARY_H_

// Everything that `torchtape summary` shows, before it is put into words.

#include <optional>
#include <ostream>
#include <vector>

#include "modules/optimizer_groups.h"
#include "replay/log_counts.h"
#include "replay/log_state.h"
#include "totals/device_idle.h"
#include "totals/device_memory_totals.h"
#include "totals/device_totals.h"
#include "totals/kernel_totals.h"
#include "totals/launch_bound.h"
#include "totals/memory_moment.h"
#include "totals/memory_totals.h"
#include "totals/module_totals.h"
#include "totals/path_totals.h"
#include "totals/source_totals.h"
#include "totals/span_totals.h"
#include "totals/step_totals.h"
#include "totals/value_totals.h"
#include "totals/wait_totals.h"
#include "totals/work_totals.h"

namespace torchtape::viewer {

struct SummaryFacts {
  const Log& log;
  const VerbOptions& options;
  const v1::Run& run;
  const ReplayReport& report;
  const LogCounts& counts;  // of the whole log
  const Attribution& attribution;
  const ModuleTotals& modules;
  const MemoryTotals& memory;
  const WorkTotals& work;
  const DeviceTotals& devices;
  const KernelTotals& kernels;
  const DeviceIdle& idle;
  const LaunchBound& launch_bound;
  const DeviceMemoryTotals& device_memory;
  const std::vector<OptimizerGroup>& groups;

  // Of the chosen steps; filtered and sorted.
  std::vector<Step> steps = {};
  std::vector<SpanTotal> ops = {}, backward = {}, ranges = {}, scripts = {},
                         device_calls = {};
  std::vector<ValueTotal> values = {};
  std::vector<SourceTotal> sources = {};      // only by source
  SourceTotal no_source = {};                 // what has no known line
  std::optional<MemoryPeak> peak = {};        // absent: memory was not recorded
  uint64_t op_self_ns = 0;                    // of all ops, before the filter
  uint64_t source_self_ns = 0;                // of all lines, before the filter
  std::vector<WaitTotal> waits = {};          // only by waits
  uint64_t wait_ns = 0;                       // of all waits, before the filter
  const PathTotals* path = nullptr;           // only by path
  std::optional<MemoryAtMoment> moment = {};  // only by oom

  // By the index of the module: from kernels if these were recorded.
  std::vector<DeviceModuleTime> DeviceModules() const {
    return run.options().device_time() == v1::DEVICE_TIME_LEVEL_KERNELS
               ? kernels.modules()
               : devices.modules();
  }
};

void PrintSummary(const SummaryFacts& facts, std::ostream& out);

Json SummaryJson(const SummaryFacts& facts);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SUMMARY_SUMMARY_H_
