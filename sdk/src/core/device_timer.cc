#include "core/device_timer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/clock.h"
#include "core/thread_recorder.h"

namespace torchtape::internal {
namespace {

// Begins look at what has ended after so many ends, and ask the device about
// no more than so many pairs: a bound for what one begin costs.
constexpr uint32_t kEndsBetweenLooks = 32;
constexpr size_t kQueriesOfABegin = 64;

// Events tell of longer times less exactly, so times count from a later one
// from time to time.
constexpr int64_t kOriginLastsNs = 250'000'000;

// Streams that are not to be asked again in one look. More are taken for one.
class Behind {
 public:
  bool Has(DeviceStream stream) const {
    if (count_ == std::size(streams_)) return true;
    for (size_t i = 0; i < count_; ++i) {
      if (streams_[i].device == stream.device && streams_[i].id == stream.id) {
        return true;
      }
    }
    return false;
  }
  void Add(DeviceStream stream) { streams_[count_++] = stream; }

 private:
  DeviceStream streams_[16];
  size_t count_ = 0;
};

}  // namespace

std::atomic<DeviceTimer*> DeviceTimer::active_{nullptr};

DeviceTimer::DeviceTimer(DeviceEvents* events, void (*say)(const char* what),
                         size_t pairs)
    : events_(events), say_(say), timings_(pairs) {
  waiting_.reserve(pairs);
  in_use_ = static_cast<uint32_t>(pairs);
  for (size_t pair = pairs; pair != 0; --pair) {
    Release(static_cast<Pair>(pair));
  }
}

// ---------------------------------------------------------------------------
// Pairs.

DeviceTimer::Pair DeviceTimer::Take() {
  uint64_t head = free_.load(std::memory_order_acquire);
  while (true) {
    const auto pair = static_cast<Pair>(head);
    if (pair == 0) return 0;
    const uint64_t next = At(pair).next.load(std::memory_order_relaxed);
    const uint64_t changed = ((head >> 32) + 1) << 32 | next;
    if (free_.compare_exchange_weak(head, changed, std::memory_order_acquire)) {
      in_use_.fetch_add(1, std::memory_order_relaxed);
      return pair;
    }
  }
}

void DeviceTimer::Release(Pair pair) {
  in_use_.fetch_sub(1, std::memory_order_relaxed);
  uint64_t head = free_.load(std::memory_order_relaxed);
  uint64_t changed;
  do {
    At(pair).next.store(static_cast<uint32_t>(head), std::memory_order_relaxed);
    changed = ((head >> 32) + 1) << 32 | pair;
  } while (
      !free_.compare_exchange_weak(head, changed, std::memory_order_release));
}

void DeviceTimer::SayOnce(std::atomic<bool>* said, const char* what) {
  if (!said->exchange(true)) say_(what);
}

void DeviceTimer::Fail(uint64_t lost) noexcept {
  failed_.store(true, std::memory_order_relaxed);
  Count(kFailed, lost);
  SayOnce(&said_failed_,
          "the device failed while it was timed: no more device times");
}

DeviceTimer::Pair DeviceTimer::Begin(const void* node) noexcept {
  if (failed_.load(std::memory_order_relaxed)) {
    Count(kFailed);
    return kLost;
  }
  Pair pair = 0;
  try {
    DeviceStream stream;
    if (!events_->FindStream(node, &stream)) return 0;
    if (events_->IsCapturing(stream)) {
      Count(kCapturing);
      return kLost;
    }
    pair = Take();
    if (pair == 0) {
      Count(kExhausted);
      SayOnce(&said_exhausted_,
              "all timing events are in use: some device times are missing");
      return kLost;
    }
    Timing& timing = At(pair);
    timing.stream = stream;
    timing.thread = 0;
    timing.recording = recording_.load(std::memory_order_relaxed);
    timing.begin_ticks = Ticks();
    events_->Record(&timing.begin, stream);
    return pair;
  } catch (...) {
    if (pair != 0) Release(pair);
    Fail(1);
    return kLost;
  }
}

void DeviceTimer::Name(Pair pair, uint32_t thread, uint64_t which) noexcept {
  At(pair).thread = thread;
  At(pair).which = which;
}

void DeviceTimer::End(Pair pair) noexcept {
  Timing& timing = At(pair);
  try {
    if (failed_.load(std::memory_order_relaxed)) {
      Count(kFailed);
      return Release(pair);
    }
    if (events_->IsCapturing(timing.stream)) {
      Count(kCapturing);
      return Release(pair);
    }
    timing.end_ticks = Ticks();
    events_->Record(&timing.end, timing.stream);
  } catch (...) {
    Release(pair);
    return Fail(1);
  }
  uint32_t head = ended_.load(std::memory_order_relaxed);
  do {
    timing.next.store(head, std::memory_order_relaxed);
  } while (
      !ended_.compare_exchange_weak(head, pair, std::memory_order_release));
  ended_count_.fetch_add(1, std::memory_order_relaxed);
}

void DeviceTimer::Cancel(Pair pair) noexcept { Release(pair); }

void DeviceTimer::Lose(Pair pair) noexcept {
  Count(kUnresolved);
  Release(pair);
}

void DeviceTimer::BeginStep(uint64_t number) noexcept {
  step_ = Begin(nullptr);
  if (step_ == kLost) step_ = 0;
  if (step_ != 0) Name(step_, 0, number);
}

void DeviceTimer::EndStep() noexcept {
  if (step_ != 0) End(std::exchange(step_, Pair{0}));
}

// ---------------------------------------------------------------------------
// Times.

void DeviceTimer::Resolve(ThreadRecorder* recorder) noexcept {
  ResolveSome(recorder, timings_.size());
}

void DeviceTimer::ResolveIfDue(ThreadRecorder* recorder) noexcept {
  if (ended_count_.load(std::memory_order_relaxed) >= kEndsBetweenLooks) {
    ResolveSome(recorder, kQueriesOfABegin);
  }
}

void DeviceTimer::ResolveSome(ThreadRecorder* recorder,
                              size_t queries) noexcept {
  if (resolving_.test_and_set(std::memory_order_acquire)) return;
  TakeEnded();
  try {
    DeviceStream stream;
    // While a graph is captured, devices forbid to ask.
    if (!failed_.load(std::memory_order_relaxed) && !waiting_.empty() &&
        events_->FindStream(nullptr, &stream) &&
        !events_->IsCapturing(stream)) {
      TellThoseOver(recorder, queries);
    }
  } catch (...) {
    Fail(waiting_.size());
    ReleaseWaiting();
  }
  TellLosses(recorder);
  resolving_.clear(std::memory_order_release);
}

void DeviceTimer::TakeEnded() {
  ended_count_.store(0, std::memory_order_relaxed);
  const size_t before = waiting_.size();
  for (uint32_t next = ended_.exchange(0, std::memory_order_acquire);
       next != 0;) {
    const auto pair = static_cast<Pair>(next);
    next = At(pair).next.load(std::memory_order_relaxed);
    waiting_.push_back(pair);
  }
  std::reverse(waiting_.begin() + static_cast<ptrdiff_t>(before),
               waiting_.end());
}

// Those that are not over stay, in order. What comes later in a stream than an
// event that is not over is not over either.
void DeviceTimer::TellThoseOver(ThreadRecorder* recorder, size_t queries) {
  Behind behind;
  size_t kept = 0, at = 0;
  const auto keep = [&] {
    waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(kept),
                   waiting_.begin() + static_cast<ptrdiff_t>(at));
  };
  try {
    for (; at < waiting_.size() && queries != 0; ++at) {
      const Pair pair = waiting_[at];
      if (IsOld(pair)) {
        left_.fetch_sub(1, std::memory_order_relaxed);
        Release(pair);
        continue;
      }
      const DeviceStream stream = At(pair).stream;
      bool over = false;
      if (!behind.Has(stream)) {
        --queries;
        over = events_->IsOver(At(pair).end, stream);
        if (!over) behind.Add(stream);
      }
      if (over) {
        Tell(pair, recorder);
        Release(pair);
      } else {
        waiting_[kept++] = pair;
      }
    }
  } catch (...) {
    keep();
    throw;
  }
  keep();
}

void DeviceTimer::ReleaseWaiting() {
  for (const Pair pair : waiting_) Release(pair);
  waiting_.clear();
}

DeviceTimer::Origin& DeviceTimer::OriginOf(Timing* timing) {
  const uint32_t device = timing->stream.device;
  for (Origin& origin : origins_) {
    if (origin.device == device) return origin;
  }
  // The first event of the device. Another one will be made in its place.
  origins_.push_back({device, std::exchange(timing->begin, nullptr), 0});
  return origins_.back();
}

void DeviceTimer::Tell(Pair pair, ThreadRecorder* recorder) {
  Timing& timing = At(pair);
  const DeviceStream stream = timing.stream;
  const int64_t duration = std::max<int64_t>(
      0, events_->ElapsedNs(timing.begin, timing.end, stream));
  Origin& origin = OriginOf(&timing);
  int64_t start = origin.ns;
  if (timing.begin != nullptr) {
    start += events_->ElapsedNs(origin.event, timing.begin, stream);
  }
  ThreadRecorder::DeviceTime time;
  time.of_step = timing.thread == 0;
  time.thread = timing.thread;
  time.which = timing.which;
  time.stream = stream;
  time.start_ns = start;
  time.duration_ns = static_cast<uint64_t>(duration);
  time.begin_ticks = timing.begin_ticks;
  time.end_ticks = timing.end_ticks;
  recorder->Put(time);
  if (start + duration - origin.ns > kOriginLastsNs) {
    std::swap(origin.event, timing.end);
    origin.ns = start + duration;
  }
}

void DeviceTimer::TellLosses(ThreadRecorder* recorder) {
  uint64_t counts[kLosses];
  uint64_t any = 0;
  for (size_t i = 0; i < kLosses; ++i) {
    counts[i] = losses_[i].exchange(0, std::memory_order_relaxed);
    any |= counts[i];
  }
  if (any == 0 || recorder->PutDeviceLoss(counts)) return;
  for (size_t i = 0; i < kLosses; ++i) Count(static_cast<Loss>(i), counts[i]);
}

void DeviceTimer::Start() {
  recording_.fetch_add(1, std::memory_order_relaxed);
  failed_ = said_failed_ = said_exhausted_ = false;
  for (std::atomic<uint64_t>& loss : losses_) loss = 0;
  active_.store(this, std::memory_order_release);
}

void DeviceTimer::Stop(ThreadRecorder* recorder) {
  active_.store(nullptr, std::memory_order_release);
  if (recorder == nullptr) return;
  EndStep();
  Resolve(recorder);
  // What is not known now, or is with threads whose spans are open, is lost.
  const uint32_t lost = in_use_ - left_;
  Count(kUnresolved, lost);
  left_ += lost;
  TellLosses(recorder);
}

}  // namespace torchtape::internal
