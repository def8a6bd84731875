#include "totals/device_memory_totals.h"

#include <algorithm>

#include "torchtape/format/names.h"

namespace torchtape::viewer {

// What was live at other times says nothing of the steps.
void DeviceMemoryTotals::OnSeek(const Seek& seek) {
  absl::erase_if(live_, [&](const auto& entry) {
    if (std::binary_search(seek.live.begin(), seek.live.end(), entry.first)) {
      return false;
    }
    sums_[entry.second.device].live_bytes -= entry.second.bytes;
    return true;
  });
  live_bytes_ = 0;
  for (const auto& [storage, live] : live_) live_bytes_ += live.bytes;
}

// Frees in a chunk that is damaged are unknown.
void DeviceMemoryTotals::OnChunk(const ChunkStart& start) {
  if (start.events == nullptr || !start.events->has_live_bytes()) return;
  // What is not known before the steps may be freed before they begin.
  if (begin_ns_ == ~uint64_t{0}) sure_ = true;
  sure_ &= start.events->live_bytes() == live_bytes_;
}

void DeviceMemoryTotals::OnStep(const StepStart& start) {
  counts_ = steps_.Contains(start.number);
  if (start.number > steps_.last) end_ns_ = std::min(end_ns_, start.start_ns);
  if (!counts_) return;
  begin_ns_ = std::min(begin_ns_, start.start_ns);
  // What is live already is so in this step, too.
  for (auto& [device, sum] : sums_) {
    sum.peak_bytes = std::max(sum.peak_bytes, sum.live_bytes);
  }
}

void DeviceMemoryTotals::OnWindow(const v1::Window& window) {
  if (!window.recording()) return;
  live_.clear();
  live_bytes_ = 0;
  for (auto& [device, sum] : sums_) sum.live_bytes = 0;
}

void DeviceMemoryTotals::OnAllocate(const Allocation& allocation) {
  const Device device = {allocation.device_type, allocation.device_index};
  Sum& sum = sums_[device];
  live_[allocation.storage] = {device, allocation.bytes};
  live_bytes_ += allocation.bytes;
  sum.live_bytes += allocation.bytes;
  if (!counts_) return;
  ++sum.alloc_count;
  sum.allocated_bytes += allocation.bytes;
  sum.peak_bytes = std::max(sum.peak_bytes, sum.live_bytes);
}

void DeviceMemoryTotals::OnFree(const Allocation& free) {
  const auto live = live_.find(free.storage);
  if (live == live_.end()) return;
  Sum& sum = sums_[live->second.device];
  sum.live_bytes -= live->second.bytes;
  live_bytes_ -= live->second.bytes;
  sum.free_count += counts_;
  live_.erase(live);
}

// They come at the end of their chunk, when the steps in it are known.
void DeviceMemoryTotals::OnDeviceMemory(const format::DeviceMemory& memory) {
  if (memory.time_ns < begin_ns_ || memory.time_ns >= end_ns_) return;
  Sum& sum = sums_[{memory.device_type, memory.device_index}];
  sum.allocator_peak =
      std::max(sum.allocator_peak.value_or(0), memory.allocated_bytes);
  sum.reserved_peak =
      std::max(sum.reserved_peak.value_or(0), memory.reserved_bytes);
}

std::vector<DeviceMemoryTotal> DeviceMemoryTotals::totals() const {
  std::vector<DeviceMemoryTotal> totals;
  for (const auto& [device, sum] : sums_) {
    if (sum.alloc_count == 0 && sum.free_count == 0 && sum.peak_bytes == 0 &&
        !sum.allocator_peak) {
      continue;
    }
    DeviceMemoryTotal& total = totals.emplace_back();
    total.name = format::DeviceName(device.first, device.second);
    total.alloc_count = sum.alloc_count;
    total.free_count = sum.free_count;
    total.allocated_bytes = sum.allocated_bytes;
    if (sure_) total.peak_bytes = sum.peak_bytes;
    total.allocator_peak_bytes = sum.allocator_peak;
    total.allocator_reserved_peak_bytes = sum.reserved_peak;
  }
  return totals;
}

}  // namespace torchtape::viewer
