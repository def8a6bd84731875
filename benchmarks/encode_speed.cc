// What the writer thread's work costs: records of a training that repeats
// itself become the chunks of a log in memory.
//
//   encode_speed [--benchmark_...]
//
// Processor time a span (its begin, its end, and its share of allocations and
// frees). `zstd` and `crc` are what compression and checksums take of it;
// `write` is what LogWriter::Write() takes for the same chunks as messages,
// both included.

#include <benchmark/benchmark.h>
#include <time.h>

#include <string>
#include <vector>

#include "checksum.h"
#include "made_training.h"
#include "torchtape/format/encoder.h"
#include "torchtape/format/log_reader.h"
#include "zstd_codec.h"

namespace torchtape::format {
namespace {

constexpr int kStepsAtOnce = 20;  // of 300 spans: what one drain finds
constexpr int kDrains = 50;

double CpuNs() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + time.tv_nsec;
}

// The parts of what a log's chunks took to write, in ns.
struct Parts {
  double write = 0, zstd = 0, crc = 0;
};

Parts WriteAgain(const std::string& log) {
  Parts parts;
  auto reader = LogReader::Open(FromString(log));
  if (!reader.ok()) return parts;
  std::string bytes;
  LogWriter writer(ToString(&bytes), v1::Run());
  internal::Compressor compressor;
  std::string stored;
  while (true) {
    const auto chunk = reader->Next();
    if (!chunk.ok() || !chunk->has_value()) return parts;
    if ((*chunk)->kind != v1::CHUNK_KIND_EVENTS) continue;
    const auto events = (*chunk)->Parse<v1::Events>();
    if (!events.ok()) return parts;
    double start = CpuNs();
    writer.Write(v1::CHUNK_KIND_EVENTS, *events, {}).IgnoreError();
    parts.write += CpuNs() - start;
    stored.clear();
    start = CpuNs();
    compressor.Append((*chunk)->payload, &stored).IgnoreError();
    parts.zstd += CpuNs() - start;
    start = CpuNs();
    benchmark::DoNotOptimize(internal::Crc32(stored));
    parts.crc += CpuNs() - start;
  }
}

// Arguments: threads; whether with ids and memory.
void Encode(benchmark::State& state) {
  const bool all = state.range(1) != 0;
  double total = 0, bytes = 0, spans = 0;
  Parts parts;
  for (auto _ : state) {
    MadeTraining training(static_cast<size_t>(state.range(0)), all);
    std::string log;
    LogWriter writer(ToString(&log), v1::Run());
    EncoderOptions options;
    options.memory = options.identities = all;
    Encoder encoder(options, &writer, nullptr);
    double ns = 0;
    for (int drain = 0; drain < kDrains; ++drain) {
      for (int i = 0; i < kStepsAtOnce; ++i) training.Step();
      std::vector<RecordSource> sources = training.Take();
      const double start = CpuNs();
      encoder.Consume(absl::MakeSpan(sources), ClockLine(), training.now())
          .IgnoreError();
      if (drain + 1 == kDrains) encoder.Flush().IgnoreError();
      ns += CpuNs() - start;
    }
    writer.Close(encoder.statistics()).IgnoreError();
    if (encoder.statistics().spans_ended() != training.spans()) {
      return state.SkipWithError("not all spans were encoded");
    }
    state.SetIterationTime(ns / 1e9);
    total += ns;
    bytes += static_cast<double>(log.size());
    spans += static_cast<double>(training.spans());
    const Parts again = WriteAgain(log);
    parts.write += again.write;
    parts.zstd += again.zstd;
    parts.crc += again.crc;
  }
  state.counters["ns_a_span"] = total / spans;
  state.counters["write"] = parts.write / spans;
  state.counters["zstd"] = parts.zstd / spans;
  state.counters["crc"] = parts.crc / spans;
  state.counters["bytes_a_span"] = bytes / spans;
}
BENCHMARK(Encode)
    ->ArgNames({"threads", "all"})
    ->ArgsProduct({{1, 2}, {0, 1}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace torchtape::format

BENCHMARK_MAIN();
