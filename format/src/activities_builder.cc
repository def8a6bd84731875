#include "activities_builder.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace torchtape::format {
namespace {

// Modulo 2^64, so that no words make it undefined.
int64_t Minus(uint64_t a, uint64_t b) { return static_cast<int64_t>(a - b); }

// The difference to what was there before, which it takes the place of.
int64_t Change(uint64_t* before, uint64_t now) {
  return Minus(now, std::exchange(*before, now));
}

}  // namespace

uint32_t ActivitiesBuilder::NameIndex(absl::string_view name) {
  const auto next = static_cast<uint32_t>(names_.size());
  return names_.try_emplace(std::string(name), next).first->second;
}

bool ActivitiesBuilder::Add(const ActivityFacts& activity) {
  if (!reading_) return false;
  if (!fitted_) fitted_ = reading_;
  auto [found, added] = streams_.try_emplace(
      {activity.device, activity.context, activity.stream});
  Stream& stream = found->second;
  if (added) {
    stream.columns.set_device(activity.device);
    stream.columns.set_context(activity.context);
    stream.columns.set_stream(activity.stream);
  }
  stream.columns.mutable_kinds()->push_back(static_cast<char>(activity.kind));
  stream.columns.add_names(NameIndex(activity.name));
  stream.columns.add_starts(Change(&stream.last_start_ns, activity.start_ns));
  stream.columns.add_durations(activity.duration_ns);
  stream.columns.add_correlations(
      Change(&stream.last_correlation, activity.correlation));
  stream.columns.add_bytes(activity.bytes);
  return true;
}

void ActivitiesBuilder::AddClock(uint64_t cupti_ns, uint64_t before_ns,
                                 uint64_t after_ns) {
  reading_ = Clock{Minus(before_ns, cupti_ns), Minus(after_ns, cupti_ns)};
  if (!fitted_) {
    fitted_ = reading_;
  } else {
    fitted_->least_ns = std::max(fitted_->least_ns, reading_->least_ns);
    fitted_->most_ns = std::min(fitted_->most_ns, reading_->most_ns);
  }
}

void ActivitiesBuilder::AddLaunch(uint32_t thread, uint64_t time_ns,
                                  uint32_t correlation,
                                  absl::optional<uint64_t> span) {
  Thread& last = launches_[thread];
  last.columns.set_thread(thread);
  last.columns.add_times(Change(&last.last_time_ns, time_ns));
  last.columns.add_correlations(Change(&last.last_correlation, correlation));
  last.columns.add_spans(Change(&last.last_span, span ? *span + 1 : 0));
}

void ActivitiesBuilder::AddLoss(const v1::ActivityLoss& loss) {
  has_loss_ = true;
  loss_.set_dropped(loss_.dropped() + loss.dropped());
  loss_.set_unfinished(loss_.unfinished() + loss.unfinished());
  loss_.set_unreadable(loss_.unreadable() + loss.unreadable());
}

void ActivitiesBuilder::Finish(v1::Events* events) {
  for (auto& [key, stream] : streams_) {
    *events->add_activities() = std::move(stream.columns);
  }
  for (auto& [thread, launches] : launches_) {
    *events->add_launches() = std::move(launches.columns);
  }
  std::vector<const std::string*> names(names_.size());
  for (const auto& [name, index] : names_) names[index] = &name;
  for (const std::string* name : names) events->add_activity_names(*name);
  if (!streams_.empty()) {
    // Clocks that run apart may leave nothing between the bounds; then the
    // width of the gap says how far apart they are.
    const int64_t width = Minus(static_cast<uint64_t>(fitted_->most_ns),
                                static_cast<uint64_t>(fitted_->least_ns));
    v1::ActivityClock* clock = events->mutable_activity_clock();
    clock->set_offset_ns(fitted_->least_ns + width / 2);
    clock->set_error_ns(width < 0 ? 0 - static_cast<uint64_t>(width)
                                  : (static_cast<uint64_t>(width) + 1) / 2);
  }
  if (has_loss_) *events->mutable_activity_loss() = loss_;
  streams_.clear();
  launches_.clear();
  names_.clear();
  fitted_.reset();
  loss_.Clear();
  has_loss_ = false;
}

}  // namespace torchtape::format
