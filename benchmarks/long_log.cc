// A log as long as one likes, of a training that never ran: for measuring what
// reads it.
//
//   long_log LOG EVENTS
//
// 10^8 events take about a minute and 300 MB.

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "made_training.h"
#include "torchtape/format/byte_sink.h"
#include "torchtape/format/log_writer.h"

namespace torchtape::format {
namespace {

constexpr int kStepsAtOnce = 20;

v1::Run RunFacts() {
  v1::Run run;
  run.set_program("long_log");
  run.set_torch_version("2.13.0");
  run.set_op_source("taps");
  v1::Options* options = run.mutable_options();
  options->set_identities(true);
  options->set_memory(true);
  options->set_backward(true);
  options->set_shapes(true);
  return run;
}

absl::Status Make(const char* path, uint64_t events) {
  absl::StatusOr<std::unique_ptr<ByteSink>> sink = CreateFile(path);
  if (!sink.ok()) return sink.status();
  LogWriter writer(*std::move(sink), RunFacts());
  Encoder encoder(EncoderOptions(), &writer, nullptr);
  MadeTraining training(2, true);
  uint64_t made = 0;
  while (made < events) {
    for (int i = 0; i < kStepsAtOnce; ++i) training.Step();
    std::vector<RecordSource> sources = training.Take();
    const absl::Status status =
        encoder.Consume(absl::MakeSpan(sources), ClockLine(), training.now());
    if (!status.ok()) return status;
    const v1::Statistics& sums = encoder.statistics();
    made = sums.spans_begun() + sums.spans_ended() + sums.allocations() +
           sums.frees();
  }
  const absl::Status status = encoder.Flush();
  if (!status.ok()) return status;
  return writer.Close(encoder.statistics());
}

}  // namespace
}  // namespace torchtape::format

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: long_log LOG EVENTS\n");
    return 2;
  }
  const absl::Status status =
      torchtape::format::Make(argv[1], std::stoull(argv[2]));
  if (status.ok()) return 0;
  std::fprintf(stderr, "long_log: %s\n", status.ToString().c_str());
  return 1;
}
