#include "totals/idle_totals.h"

#include <algorithm>

namespace torchtape::viewer {
namespace {

template <typename Sum>
void SortByTotal(std::vector<Sum>* sums) {
  std::stable_sort(sums->begin(), sums->end(), [](const Sum& a, const Sum& b) {
    return a.total_ns > b.total_ns;
  });
}

}  // namespace

const char* IdleCauseName(IdleCause cause) {
  constexpr const char* kNames[kIdleCauses] = {"synchronisation", "input",
                                               "host", "queued", "unknown"};
  return kNames[static_cast<size_t>(cause)];
}

void IdleSum::Add(uint64_t ns) {
  ++count;
  total_ns += ns;
  longest_ns = std::max(longest_ns, ns);
}

// A gap counts once for each cause and place that it has.
void IdleTotals::Add(uint32_t device, const Operator* op,
                     const std::vector<Part>& parts) {
  std::map<IdleCause, std::map<Place, uint64_t>> gap;
  for (const Part& part : parts) {
    const HostPlace& place = part.place;
    gap[part.cause][{place.module, place.optimizer, place.frame}] += part.ns;
  }
  const std::string name = op == nullptr ? "" : op->name;
  for (const auto& [cause, places] : gap) {
    Total& total = totals_[{device, cause, name}];
    uint64_t all_ns = 0;
    for (const auto& [place, ns] : places) {
      total.places[place].Add(ns);
      all_ns += ns;
    }
    total.sum.Add(all_ns);
  }
}

// Lines that are equal may be told of by several frames: those of the largest
// sum come first, then in the order of their names.
std::vector<IdlePlace> IdleTotals::PlacesOf(const Total& total) {
  std::map<std::tuple<int, bool, std::string, uint32_t, std::string>, IdlePlace>
      by_name;
  for (const auto& [key, sum] : total.places) {
    const auto& [module, optimizer, frame] = key;
    IdlePlace place;
    place.module = module;
    place.optimizer = optimizer;
    if (frame != nullptr) place.frame = *frame;
    IdlePlace& kept = by_name
                          .try_emplace({module, optimizer, place.frame.file,
                                        place.frame.line, place.frame.function},
                                       place)
                          .first->second;
    kept.count += sum.count;
    kept.total_ns += sum.total_ns;
    kept.longest_ns = std::max(kept.longest_ns, sum.longest_ns);
  }
  std::vector<IdlePlace> places;
  for (auto& [key, place] : by_name) places.push_back(std::move(place));
  SortByTotal(&places);
  return places;
}

std::vector<IdleTotal> IdleTotals::totals() const {
  std::vector<IdleTotal> totals;
  for (const auto& [key, total] : totals_) {
    IdleTotal& told = totals.emplace_back();
    static_cast<IdleSum&>(told) = total.sum;
    std::tie(told.device, told.cause, told.op) = key;
    told.places = PlacesOf(total);
  }
  SortByTotal(&totals);
  return totals;
}

}  // namespace torchtape::viewer
