#include "recorders.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torchtape/tracker.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

#include "trace_observer.h"

namespace torchtape::benchmarks {
namespace {

namespace profiler = torch::autograd::profiler;
using at::RecordScope;

std::unique_ptr<at::ObserverContext> DoNothing(const at::RecordFunction&) {
  return nullptr;
}
void DoNothingMore(const at::RecordFunction&, at::ObserverContext*) {}

using Begin =
    std::unique_ptr<at::ObserverContext> (*)(const at::RecordFunction&);
using End = void (*)(const at::RecordFunction&, at::ObserverContext*);

Recorder Callback(const std::string& name, Begin begin, End end, bool values) {
  auto handle = std::make_shared<at::CallbackHandle>();
  return {name,
          [=] {
            *handle =
                at::addGlobalCallback(at::RecordFunctionCallback(begin, end)
                                          .needsInputs(values)
                                          .needsOutputs(values));
          },
          [=] { at::removeCallback(*handle); }};
}

uint64_t ReadClock() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return static_cast<uint64_t>(
      std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// The least that a callback can do that tells times: reads the clock when an op
// begins and when it ends, and keeps what it read.
constexpr uint32_t kKept = 1 << 16;
thread_local std::vector<uint64_t> kept_ticks(kKept);
thread_local uint32_t next_kept = 0;
std::unique_ptr<at::ObserverContext> KeepBegin(const at::RecordFunction&) {
  kept_ticks[next_kept++ % kKept] = ReadClock();
  return nullptr;
}
void KeepEnd(const at::RecordFunction&, at::ObserverContext*) {
  kept_ticks[next_kept++ % kKept] = ReadClock();
}

Recorder Ours(const std::string& name, const TrackerOptions& options) {
  auto tracker = std::make_shared<std::optional<Tracker>>();
  return {name, [=] { tracker->emplace(options); }, [=] { tracker->reset(); },
          // Ends the audit of the taps.
          [=] { (*tracker)->Step(); }};
}

Recorder Kineto() {
  return {"kineto, shapes and memory",
          [] {
            const profiler::ProfilerConfig config(
                torch::profiler::impl::ProfilerState::KINETO,
                /*report_input_shapes=*/true, /*profile_memory=*/true);
            const std::set<torch::profiler::impl::ActivityType> activities{
                torch::profiler::impl::ActivityType::CPU};
            profiler::prepareProfiler(config, activities);
            profiler::enableProfiler(
                config, activities,
                {RecordScope::FUNCTION, RecordScope::BACKWARD_FUNCTION,
                 RecordScope::USER_SCOPE});
          },
          [] { profiler::disableProfiler(); }};
}

}  // namespace

std::vector<Recorder> MakeRecorders(const std::string& folder) {
  const auto options = [&](OpSource source, const std::string& name) {
    TrackerOptions options;
    options.log_path = folder + "/" + name + ".tape";
    options.op_source = source;
    return options;
  };
  const auto times = [&](OpSource source) {
    TrackerOptions times = options(source, "times");
    times.shapes = times.memory = false;
    return times;
  };
  const auto shapes = [&](OpSource source) {
    TrackerOptions shapes = options(source, "shapes");
    shapes.identities = shapes.memory = shapes.arguments = false;
    return shapes;
  };
  const auto all = [&](OpSource source) { return options(source, "all"); };
  return {
      {"bare", [] {}, [] {}},
      Callback("empty callback", DoNothing, DoNothingMore, false),
      Callback("empty callback, inputs and outputs", DoNothing, DoNothingMore,
               true),
      Callback("callback, two readings of the clock", KeepBegin, KeepEnd,
               false),
      Ours("callbacks, times only", times(OpSource::kCallbacks)),
      Ours("callbacks, shapes", shapes(OpSource::kCallbacks)),
      Ours("callbacks, everything", all(OpSource::kCallbacks)),
      Ours("taps, times only", times(OpSource::kTaps)),
      Ours("taps, shapes", shapes(OpSource::kTaps)),
      Ours("taps, everything", all(OpSource::kTaps)),
      Kineto(),
      {"trace observer", [=] { StartTraceObserver(folder + "/trace.json"); },
       [] { StopTraceObserver(); }}};
}

namespace {
std::atomic<long> spans{0};
std::unique_ptr<at::ObserverContext> Count(const at::RecordFunction&) {
  ++spans;
  return nullptr;
}
}  // namespace

EventCount CountEvents(const std::function<void()>& step) {
  spans = 0;
  const auto handle = at::addGlobalCallback(at::RecordFunctionCallback(Count));
  step();
  at::removeCallback(handle);
  Recorder kineto = Kineto();
  kineto.start();
  step();
  auto result = profiler::disableProfiler();
  EventCount count;
  count.spans = static_cast<double>(spans);
  for (const auto& event : result->events()) {
    if (std::string(event.name()) == "[memory]") ++count.memory;
  }
  return count;
}

}  // namespace torchtape::benchmarks
