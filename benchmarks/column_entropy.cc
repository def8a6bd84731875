// What each column of a log costs beside what it has to: column_entropy LOG
//
// For each column, in bytes an event: as it lies in the payload, as zstd makes
// it, and the entropy of its entries, which no coder of single entries can
// beat:
//   order 0   each entry by itself
//   position  each entry given where in its step it comes; what a coder reaches
//             that knows that training steps repeat. From few steps it comes
//             out too small, for a position then has seen few values.
// Looks at the first 64 chunks with events: some million events.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "torchtape/format/events_view.h"
#include "torchtape/format/log_reader.h"
#include "torchtape/format/stream_cursor.h"
#include "zstd_codec.h"

namespace torchtape::benchmarks {
namespace {

using format::SignatureCounts;
using format::StreamView;

constexpr int kMostChunks = 64;

// The bits of entries that were counted by value: the sum of -log2(share).
template <typename Counts>
double BitsOf(const Counts& counts, uint64_t all) {
  double bits = 0;
  for (const auto& [value, count] : counts) {
    bits += static_cast<double>(count) *
            std::log2(static_cast<double>(all) / static_cast<double>(count));
  }
  return bits;
}

class Column {
 public:
  Column(const char* name, absl::string_view StreamView::*bytes)
      : name_(name), bytes_(bytes) {}

  void Load(const StreamView& stream, uint64_t thread) {
    const absl::string_view bytes = stream.*bytes_;
    raw_bytes_ += bytes.size();
    std::string packed;
    (void)compressor_->Append(bytes, &packed);
    packed_bytes_ += std::min(packed.size(), bytes.size());
    next_ = bytes.data();
    end_ = next_ + bytes.size();
    position_ = thread << 40;
  }

  void StartStep(uint64_t thread) { position_ = thread << 40; }

  // Counts the next entry. Columns that were not recorded have none.
  void Take(uint64_t count = 1) {
    for (; count > 0 && next_ != end_; --count) {
      const uint64_t value = NextValue();
      ++entries_;
      ++values_[value];
      ++at_[{position_, value}];
      ++positions_[position_++];
    }
  }

  void Print(double events) const {
    const double order_0 = BitsOf(values_, entries_) / 8;
    double given = 0;
    for (const auto& [key, count] : at_) {
      given += count / 8.0 *
               std::log2(static_cast<double>(positions_.at(key.first)) / count);
    }
    std::printf("%-19s %8.3f %9.3f %9.3f %9.3f %9.3f %10.1f\n", name_,
                static_cast<double>(entries_) / events,
                static_cast<double>(raw_bytes_) / events,
                static_cast<double>(packed_bytes_) / events, order_0 / events,
                given / events, static_cast<double>(packed_bytes_) / order_0);
  }
  bool empty() const { return entries_ == 0; }

 private:
  uint64_t NextValue() {
    if (bytes_ == &StreamView::kinds) return static_cast<uint8_t>(*next_++);
    uint64_t value = 0;
    const bool fixed = bytes_ == &StreamView::reals;
    for (int i = 0; next_ != end_ && i < (fixed ? 8 : 10); ++i) {
      const uint64_t byte = static_cast<uint8_t>(*next_++);
      value |= fixed ? byte << 8 * i : (byte & 0x7f) << 7 * i;
      if (!fixed && byte < 0x80) break;
    }
    return value;
  }

  const char* name_;
  absl::string_view StreamView::*bytes_;
  std::unique_ptr<format::internal::Compressor> compressor_ =
      std::make_unique<format::internal::Compressor>();
  uint64_t entries_ = 0, raw_bytes_ = 0, packed_bytes_ = 0;
  absl::flat_hash_map<uint64_t, uint64_t> values_;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, uint32_t> at_;
  absl::flat_hash_map<uint64_t, uint32_t> positions_;
  const char* next_ = nullptr;
  const char* end_ = nullptr;
  uint64_t position_ = 0;  // thread and entry within the step
};

class Log {
 public:
  void Add(const format::Chunk& chunk) {
    const auto events = format::EventsView::Parse(chunk.payload);
    if (!events.ok()) throw std::runtime_error(events.status().ToString());
    stored_bytes_ += chunk.stored_bytes;
    events_ += events->event_count();
    head_bytes_ += events->head.ByteSizeLong();
    const SignatureCounts counts(events->head);
    for (const StreamView& stream : events->streams) {
      Walk(events->head, counts, stream);
    }
  }

  void Print() const {
    const double events = static_cast<double>(events_);
    std::printf("bytes an event of %.1f M events; stored: %.3f\n", events / 1e6,
                static_cast<double>(stored_bytes_) / events);
    std::printf("%-19s %8s %9s %9s %9s %9s %10s\n", "column", "entries", "raw",
                "zstd", "order 0", "position", "zstd/order 0");
    for (const Column& column : columns_) {
      if (!column.empty()) column.Print(events);
    }
    std::printf("%-19s %8s %9.3f\n", "dictionary and rest", "",
                static_cast<double>(head_bytes_) / events);
  }

 private:
  enum Name {
    kKinds,
    kTimes,
    kSignatures,
    kSequences,
    kForwardThreads,
    kResults,
    kTensors,
    kStorages,
    kReals,
    kAllocations,
    kSizes,
    kAddresses,
    kFrees,
    kDevices
  };

  void Walk(const v1::Events& head, const SignatureCounts& counts,
            const StreamView& stream) {
    for (Column& column : columns_) column.Load(stream, stream.thread);
    const std::vector<uint64_t> signatures = Values(stream.signatures);
    const std::vector<uint64_t> results = Values(stream.results);
    const std::vector<uint64_t> times = Values(stream.times);
    size_t begun = 0, ended = 0, event = 0;
    uint64_t time_ns = stream.start_time_ns;
    auto mark = head.steps().begin();
    for (const char kind : stream.kinds) {
      time_ns += times.at(event++);
      for (; mark != head.steps().end() && mark->time_ns() <= time_ns; ++mark) {
        for (Column& column : columns_) column.StartStep(stream.thread);
      }
      columns_[kKinds].Take();
      columns_[kTimes].Take();
      switch (kind) {
        case v1::EVENT_KIND_BEGIN_BACKWARD:
          columns_[kForwardThreads].Take();
          [[fallthrough]];
        case v1::EVENT_KIND_BEGIN_SEQUENCED:
          columns_[kSequences].Take();
          [[fallthrough]];
        case v1::EVENT_KIND_BEGIN:
          columns_[kSignatures].Take();
          TakeValues(counts[signatures.at(begun++)]);
          break;
        case v1::EVENT_KIND_END:
          columns_[kResults].Take();
          TakeValues(counts[results.at(ended++)]);
          break;
        case v1::EVENT_KIND_ALLOCATE:
          for (Name name : {kAllocations, kSizes, kAddresses, kDevices}) {
            columns_[name].Take();
          }
          break;
        case v1::EVENT_KIND_FREE:
          columns_[kFrees].Take();
      }
    }
  }

  void TakeValues(const SignatureCounts::Count& count) {
    columns_[kTensors].Take(count.tensors);
    columns_[kStorages].Take(count.tensors);
    columns_[kReals].Take(count.reals);
  }

  static std::vector<uint64_t> Values(absl::string_view bytes) {
    std::vector<uint64_t> values;
    uint64_t value = 0;
    int shift = 0;
    for (const char byte : bytes) {
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      values.push_back(value);
      value = 0;
      shift = 0;
    }
    return values;
  }

  uint64_t events_ = 0, stored_bytes_ = 0, head_bytes_ = 0;
  Column columns_[14] = {
      {"kinds", &StreamView::kinds},
      {"times", &StreamView::times},
      {"signatures", &StreamView::signatures},
      {"sequences", &StreamView::sequences},
      {"forward_threads", &StreamView::forward_threads},
      {"results", &StreamView::results},
      {"tensors", &StreamView::tensors},
      {"storages", &StreamView::storages},
      {"reals", &StreamView::reals},
      {"allocations", &StreamView::allocations},
      {"sizes", &StreamView::sizes},
      {"addresses", &StreamView::addresses},
      {"frees", &StreamView::frees},
      {"allocation_devices", &StreamView::allocation_devices},
  };
};

void PrintColumns(const std::string& path) {
  auto reader = format::LogReader::Open(format::OpenFile(path).value());
  if (!reader.ok()) throw std::runtime_error(reader.status().ToString());
  Log log;
  for (int chunks = 0; chunks < kMostChunks;) {
    const auto chunk = reader->Next();
    if (!chunk.ok() || !chunk->has_value()) break;
    if ((*chunk)->kind != v1::CHUNK_KIND_EVENTS) continue;
    log.Add(**chunk);
    ++chunks;
  }
  log.Print();
}

}  // namespace
}  // namespace torchtape::benchmarks

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  torchtape::benchmarks::PrintColumns(argv[1]);
  return 0;
}
