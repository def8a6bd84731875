#ifndef TORCHTAPE_TESTS_SUPPORT_REPLAYED_LOG_H_
#define TORCHTAPE_TESTS_SUPPORT_REPLAYED_LOG_H_

// A log read event by event, with what a careful reader counts and finds wrong.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/small_log.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::testing {

struct SeenEvent {
  size_t chunk;  // which of ReplayedLog::chunks
  uint32_t thread;
  std::string op;       // the span's operator
  std::string values;   // BEGIN: the signature's values in text format
  format::Event event;  // its pointers and spans are not to be used
  format::Span span;    // *event.span, if there is one
  std::vector<format::TensorId> tensors;
  std::vector<double> reals;
};

struct ReplayedLog {
  LogContent content;
  std::vector<v1::Events> chunks;
  std::vector<v1::Model> models;
  std::vector<SeenEvent> events;  // chunk by chunk, thread by thread
  v1::Statistics counted;
  v1::Statistics said;
  std::vector<std::string> problems;

  std::vector<SeenEvent> OfKind(v1::EventKind kind) const {
    std::vector<SeenEvent> found;
    for (const SeenEvent& event : events) {
      if (event.event.kind == kind) found.push_back(event);
    }
    return found;
  }
};

class LogReplay {
 public:
  explicit LogReplay(std::string bytes) {
    log_.content = ReadLog(std::move(bytes));
    if (!log_.content.status.ok()) Problem("the log is not read to its end");
    for (const format::SkippedRegion& region : log_.content.skipped) {
      Problem("skipped: " + region.reason);
    }
    for (const format::Chunk& chunk : log_.content.chunks) AddChunk(chunk);
    log_.counted.set_threads(threads_.size());
    if (log_.content.index) log_.said = log_.content.index->statistics();
    if (log_.said.has_facts()) CheckFacts(log_.said.facts());
  }
  ReplayedLog Take() { return std::move(log_); }

 private:
  void Problem(const std::string& problem) { log_.problems.push_back(problem); }

  void AddChunk(const format::Chunk& chunk) {
    if (chunk.kind == v1::CHUNK_KIND_MODEL) {
      log_.models.emplace_back();
      if (!log_.models.back().ParseFromString(chunk.payload)) Problem("model");
    }
    if (chunk.kind != v1::CHUNK_KIND_EVENTS) return;
    log_.chunks.emplace_back();
    if (!log_.chunks.back().ParseFromString(chunk.payload)) Problem("events");
    const v1::Events& events = log_.chunks.back();
    v1::Statistics& counted = log_.counted;
    counted.set_steps(counted.steps() + events.steps_size());
    for (const v1::Drop& drop : events.drops()) {
      counted.set_dropped_events(counted.dropped_events() + drop.events());
    }
    if (events.has_live_bytes() && events.live_bytes() != live_bytes_) {
      Problem("live bytes");
    }
    CheckLive(events);
    drops_ += events.drops_size();
    audits_ += events.audits_size();
    const size_t before = log_.events.size();
    for (const v1::Stream& stream : events.streams()) {
      AddStream(events, stream);
    }
    AddMemory(events, before);
  }

  // Where something was lost, a storage may have gone unseen.
  void CheckLive(const v1::Events& events) {
    if (events.has_live() != events.has_live_bytes()) Problem("live memory");
    std::map<uint64_t, uint64_t> told;
    uint64_t storage = 0, step = 0;
    for (int i = 0; i < events.live().storages_size(); ++i) {
      storage += events.live().storages(i);
      step += static_cast<uint64_t>(events.live().steps(i));
      told[storage] = step;
    }
    const bool all =
        log_.counted.dropped_events() == 0 && log_.content.skipped.empty();
    if (!all || !events.has_live()) return;
    for (const auto& entry : live_) {
      const bool is_told = told.count(entry.first) != 0;
      if (is_told ? told[entry.first] != entry.second
                  : replaced_.count(entry.first) == 0) {
        Problem("a live storage");
      }
    }
    for (const auto& entry : told) {
      if (live_.count(entry.first) == 0) Problem("a storage that is not live");
    }
  }

  void CheckFacts(const v1::LogFacts& facts) {
    std::set<uint32_t> threads;
    for (const v1::Thread& thread : facts.threads()) {
      threads.insert(thread.number());
    }
    if (threads != threads_) Problem("threads of the facts");
    if (facts.drops_size() != drops_) Problem("drops of the facts");
    if (facts.audits_size() != audits_) Problem("audits of the facts");
  }

  static uint64_t StepAt(const v1::Events& events, uint64_t time_ns) {
    uint64_t step = events.step();
    for (const v1::StepMark& mark : events.steps()) {
      if (mark.time_ns() <= time_ns) step = mark.number();
    }
    return step;
  }

  void AddStream(const v1::Events& events, const v1::Stream& stream) {
    threads_.insert(stream.thread());
    std::vector<std::pair<uint64_t, uint64_t>> open;
    for (const v1::OpenSpan& span : stream.open()) {
      open.emplace_back(span.number(), span.children_ns());
    }
    if (open != open_[stream.thread()]) Problem("open spans");
    format::StreamCursor cursor(events, stream,
                                format::StreamCursor::Columns::kAll);
    for (format::Event event; cursor.Next(&event);) {
      AddEvent(events, stream.thread(), event);
      AddToOpen(event, &open);
    }
    if (!cursor.status().ok()) Problem(cursor.status().ToString());
    open_[stream.thread()] = std::move(open);
  }

  // Numbers of open spans, and what those inside of them took.
  static void AddToOpen(const format::Event& event,
                        std::vector<std::pair<uint64_t, uint64_t>>* open) {
    if (event.kind <= v1::EVENT_KIND_BEGIN_BACKWARD) {
      open->emplace_back(event.span->number, 0);
    } else if (event.kind <= v1::EVENT_KIND_END_UNKNOWN && !open->empty()) {
      open->pop_back();
      if (open->empty() || event.kind == v1::EVENT_KIND_END_UNKNOWN) return;
      open->back().second += event.time_ns - event.span->start_time_ns;
    }
  }

  void AddEvent(const v1::Events& events, uint32_t thread,
                const format::Event& event) {
    if (event.time_ns < events.start_time_ns() ||
        event.time_ns > events.end_time_ns()) {
      Problem("an event is outside of its chunk");
    }
    SeenEvent seen{log_.chunks.size() - 1, thread, "", "", event, {}, {}, {}};
    if (event.span != nullptr) Describe(events, *event.span, &seen);
    seen.tensors.assign(event.tensors.begin(), event.tensors.end());
    seen.reals.assign(event.reals.begin(), event.reals.end());
    Count(events, seen);
    log_.events.push_back(std::move(seen));
  }

  static void Describe(const v1::Events& events, const format::Span& span,
                       SeenEvent* seen) {
    seen->span = span;
    const v1::Dictionary& dictionary = events.dictionary();
    const v1::Signature& signature =
        dictionary.signatures(static_cast<int>(span.signature) - 1);
    if (signature.op() != 0) {
      seen->op =
          dictionary.operators(static_cast<int>(signature.op()) - 1).name();
    }
    for (const v1::Value& value : signature.values()) {
      if (!seen->values.empty()) seen->values += "; ";
      seen->values += value.ShortDebugString();
    }
  }

  void Count(const v1::Events& events, const SeenEvent& seen) {
    v1::Statistics& counted = log_.counted;
    switch (seen.event.kind) {
      case v1::EVENT_KIND_BEGIN:
      case v1::EVENT_KIND_BEGIN_SEQUENCED:
      case v1::EVENT_KIND_BEGIN_BACKWARD:
        counted.set_spans_begun(counted.spans_begun() + 1);
        return CountElided(events, seen.span.signature);
      case v1::EVENT_KIND_END_UNKNOWN:
        counted.set_cut_spans(counted.cut_spans() + 1);
        [[fallthrough]];
      case v1::EVENT_KIND_END:
      case v1::EVENT_KIND_END_THREW:
        counted.set_spans_ended(counted.spans_ended() + 1);
        return CountElided(events, seen.event.result);
      case v1::EVENT_KIND_ALLOCATE:
        return counted.set_allocations(counted.allocations() + 1);
      case v1::EVENT_KIND_FREE:
        return counted.set_frees(counted.frees() + 1);
      case v1::EVENT_KIND_SAVE:
        return counted.set_saves(counted.saves() + 1);
      case v1::EVENT_KIND_RELEASE:
        return counted.set_releases(counted.releases() + 1);
      default:
        Problem("an event of no kind");
    }
  }

  static uint64_t Elided(const v1::Value& value) {
    uint64_t elided = value.elided() != 0 ? 1 : 0;
    for (const v1::Value& element : value.list().values()) {
      elided += Elided(element);
    }
    return elided;
  }
  void CountElided(const v1::Events& events, uint32_t signature) {
    if (signature == 0) return;
    uint64_t elided = log_.counted.elided_values();
    for (const v1::Value& value :
         events.dictionary()
             .signatures(static_cast<int>(signature) - 1)
             .values()) {
      elided += Elided(value);
    }
    log_.counted.set_elided_values(elided);
  }

  // Memory of the chunk's events, from number `first` on, in order of time.
  // What was live before a window is not.
  void AddMemory(const v1::Events& events, size_t first) {
    uint64_t window_ns = 0;
    for (const v1::Window& window : events.windows()) {
      if (window.recording()) {
        window_ns = window.time_ns();
        live_bytes_ = 0;
        live_.clear();
      }
    }
    // Another thread's FREE may come first here, as threads come one by one.
    for (auto kind : {v1::EVENT_KIND_ALLOCATE, v1::EVENT_KIND_FREE}) {
      for (size_t i = first; i < log_.events.size(); ++i) {
        const format::Event& event = log_.events[i].event;
        if (event.kind != kind) continue;
        if (kind == v1::EVENT_KIND_ALLOCATE)
          bytes_[event.storage] = event.bytes;
        if (event.time_ns < window_ns) continue;
        if (kind == v1::EVENT_KIND_ALLOCATE) {
          live_[event.storage] = StepAt(events, event.time_ns);
          uint64_t& newest = newest_[event.address];
          replaced_.insert(std::exchange(newest, event.storage));
        } else {
          live_.erase(event.storage);
        }
        live_bytes_ += kind == v1::EVENT_KIND_ALLOCATE
                           ? event.bytes
                           : uint64_t{0} - bytes_[event.storage];
      }
    }
  }

  ReplayedLog log_;
  std::set<uint32_t> threads_;
  std::map<uint32_t, std::vector<std::pair<uint64_t, uint64_t>>>
      open_;  // by thread
  int drops_ = 0, audits_ = 0;
  std::map<uint64_t, uint64_t> live_;    // steps by storage
  std::map<uint64_t, uint64_t> newest_;  // storages by address
  std::set<uint64_t> replaced_;         // at whose address there is another one
  std::map<uint64_t, uint64_t> bytes_;  // by storage
  uint64_t live_bytes_ = 0;
};

inline ReplayedLog Replay(std::string bytes) {
  return LogReplay(std::move(bytes)).Take();
}

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_REPLAYED_LOG_H_
