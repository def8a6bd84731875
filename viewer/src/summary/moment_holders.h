#ifndef TORCHTAPE_VIEWER_SRC_SUMMARY_MOMENT_HOLDERS_H_
#define TORCHTAPE_VIEWER_SRC_SUMMARY_MOMENT_HOLDERS_H_

// Who held the memory of an instant, by whatever its storages share.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "summary/summary.h"

namespace torchtape::viewer {

// Of those that share something.
struct HeldThen {
  uint64_t bytes = 0, allocations = 0;
  std::array<uint64_t, kMemoryRoles> roles = {};

  void Add(const LiveStorage& live) {
    bytes += live.bytes;
    ++allocations;
    roles[static_cast<size_t>(live.role)] += live.bytes;
  }
};

template <typename Key>
using Holders = std::vector<std::pair<Key, HeldThen>>;

// The largest first.
template <typename Key, typename KeyOf>
Holders<Key> HeldBy(const MemoryAtMoment& moment, KeyOf key_of) {
  std::map<Key, HeldThen> held;
  for (const LiveStorage& live : moment.storages) held[key_of(live)].Add(live);
  Holders<Key> holders(held.begin(), held.end());
  std::stable_sort(holders.begin(), holders.end(),
                   [](const auto& a, const auto& b) {
                     return a.second.bytes > b.second.bytes;
                   });
  return holders;
}

// File, line and function; empty: not known.
using Line = std::tuple<std::string, uint32_t, std::string>;

inline Line LineOfLive(const LiveStorage& live) {
  if (live.frame == nullptr) return {};
  return {live.frame->file, live.frame->line, live.frame->function};
}

inline SourceFrame FrameOf(const Line& line) {
  SourceFrame frame;
  std::tie(frame.file, frame.line, frame.function) = line;
  return frame;
}

inline int ModuleOfLive(const LiveStorage& live) { return live.module; }

std::string DeviceOfLive(const LiveStorage& live);

// By device, with what its allocator said of itself: null, it does not say.
struct DeviceThen {
  HeldThen held;
  const AllocatorThen* allocator = nullptr;
};
std::vector<std::pair<std::string, DeviceThen>> HeldByDevice(
    const MemoryAtMoment& moment);

// Parameters and buffers whose allocation was not recorded are in no sum.
uint64_t OlderParameterBytes(const SummaryFacts& facts);

// Whether what autograd keeps was recorded.
bool KnowsRoles(const SummaryFacts& facts);
bool KnowsRole(const SummaryFacts& facts, const LiveStorage& live);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SUMMARY_MOMENT_HOLDERS_H_
