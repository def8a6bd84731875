// Writes the logs that report_test.mjs opens: make_logs FOLDER.

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "report/graph_logs.h"
#include "viewer/sample_run.h"

namespace torchtape::viewer {
namespace {

constexpr uint64_t kUs = 1000;

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Names that would be markup or script if anything took them for it.
LogBuilder HostileRun() {
  const std::string names[] = {
      "<img src=x onerror=window.hacked=1>",
      "</script><script>window.hacked=1</script>",
      "\"><svg onload=window.hacked=1>",
      "javascript:window.hacked=1",
      "{SCRIPT}{DATA}{STYLE}",
      "\xe2\x80\xae\x1b[31mreversed\xff",
      "__proto__",
  };
  LogBuilder log;
  log.run.set_program(names[0]);
  log.run.set_host(names[1]);
  v1::Model model;
  model.set_name(names[0]);
  for (const std::string& name : names) {
    v1::Module* module = model.add_modules();
    module->set_path(model.modules_size() == 1 ? names[0]
                                               : names[0] + "." + name);
    module->set_type(name);
    module->set_parent(model.modules_size() == 1 ? 0 : 1);
  }
  log.Model(model);
  uint64_t time_ns = kUs;
  for (const std::string& name : names) {
    const uint32_t range = log.Span(v1::SPAN_KIND_RANGE, name);
    const uint32_t op =
        log.Op(name, name + "(Tensor " + name + ") -> Tensor " + name);
    log.Begin(1, time_ns, range);
    log.Begin(1, time_ns + kUs, op);
    log.Allocate(1, time_ns + 2 * kUs, time_ns, 4096);
    log.End(1, time_ns + 3 * kUs);
    log.End(1, time_ns + 4 * kUs);
    log.Value(name, 1.0, time_ns + 4 * kUs);
    time_ns += 10 * kUs;
  }
  return log;
}

// A step that keeps what it computed for a backward pass, in a module that the
// model calls and that is in no model.
LogBuilder SavingRun() {
  LogBuilder log = SampleRun();
  log.Step(3, 3000 * kUs);
  const v1::ModuleSource told = v1::MODULE_SOURCE_TAP;
  log.Begin(1, 3000 * kUs, log.Module("model", "Model", told));
  log.Begin(1, 3000 * kUs, log.Module("Keep#1", "Keep", told));
  log.Begin(1, 3001 * kUs, log.Op("aten::keep"));
  log.Allocate(1, 3002 * kUs, 900, 10000);
  log.Save(1, 900, 10000);
  for (int i = 0; i < 3; ++i) log.End(1, 3003 * kUs);
  log.Begin(1, 3004 * kUs, log.Op("aten::use"));
  log.Allocate(1, 3005 * kUs, 901, 20000);
  log.End(1, 3006 * kUs);
  return log;
}

// Steps of 1000 us whose critical paths are known: times are us in the step.
//   0  a backward pass on a thread of its own, between ops of another; beside
//      them a thread that nobody waits for
//   1  an op that waits for what another thread makes
//   2  a device that two ops give work, and an op that reads its value
LogBuilder PathRun() {
  LogBuilder log;
  log.run.mutable_options()->set_device_time(v1::DEVICE_TIME_LEVEL_OPS);
  log.Thread(2, "autograd", 7);
  log.Thread(3, "loader", 8);
  const auto op = [&log](const char* name) {
    return log.Op(name, "", {log.Tensor({1})});
  };
  const uint32_t returns = log.Returns({log.Tensor({1})});
  const auto run = [&](uint32_t thread, uint64_t from_us, uint64_t to_us,
                       uint32_t signature, uint64_t reads, uint64_t makes,
                       std::optional<int64_t> sequence = {}) {
    log.Begin(thread, from_us * kUs, signature, {{reads, reads}}, sequence);
    log.End(thread, to_us * kUs, returns, {{makes, makes}});
  };
  const auto node = [&](uint64_t from_us, uint64_t to_us, const char* name,
                        int64_t sequence) {
    log.BeginBackward(2, from_us * kUs, log.Span(v1::SPAN_KIND_BACKWARD, name),
                      sequence, 1);
    log.End(2, to_us * kUs);
  };
  run(1, 10, 110, op("aten::first"), 1, 2, 1);
  run(1, 120, 200, op("aten::second"), 2, 3, 2);
  run(3, 50, 650, op("aten::beside"), 4, 5);
  node(250, 450, "SecondBackward0", 2);
  node(450, 600, "FirstBackward0", 1);
  run(1, 700, 800, op("aten::update"), 1, 1);
  log.Step(1, 1000 * kUs);
  run(1, 1010, 1100, op("aten::early"), 1, 6);
  run(3, 1020, 1300, op("aten::decode"), 4, 7);
  run(1, 1320, 1500, op("aten::consume"), 7, 8);
  log.Step(2, 2000 * kUs);
  run(1, 2010, 2030, op("aten::one"), 1, 9);
  run(1, 2035, 2060, op("aten::two"), 9, 10);
  log.Begin(1, 2070 * kUs, op("aten::item"), {{10, 10}});
  run(1, 2075, 2515, op("aten::_local_scalar_dense"), 10, 11);
  log.End(1, 2520 * kUs);
  run(1, 2530, 2560, op("aten::last"), 1, 12);
  // The device's clock is 1 us ahead; spans of thread 1 are counted from 0.
  log.DeviceTime(1, 5, 4, 2041 * kUs, 260 * kUs);
  log.DeviceTime(1, 6, 4, 2301 * kUs, 200 * kUs);
  log.DeviceTime(0, 2, 4, 2041 * kUs, 460 * kUs);
  log.Step(3, 3000 * kUs);
  return log;
}

// What a device did, as CUPTI told of it, for an op and the op inside of it;
// who asked for a copy nobody knows. Three more are lost. Recording took 40 us
// of the thread's 2000.
LogBuilder KernelRun() {
  LogBuilder log;
  log.run.mutable_options()->set_device_time(v1::DEVICE_TIME_LEVEL_KERNELS);
  log.Window(0, true);
  log.Begin(1, 100 * kUs, log.Op("aten::linear"));
  log.Begin(1, 110 * kUs, log.Op("aten::addmm"));
  log.End(1, 150 * kUs);
  log.End(1, 160 * kUs);
  log.Begin(1, 200 * kUs, log.Op("aten::relu"));
  log.End(1, 220 * kUs);
  log.Launch(1, 1, 70);
  log.Launch(1, 0, 71);
  log.Value("loss", 2.5, 900 * kUs);
  log.Value("accuracy", 0.25, 901 * kUs);
  log.Step(1, 1000 * kUs);
  log.NewChunk();
  log.Begin(1, 1100 * kUs, log.Op("aten::relu"));
  log.End(1, 1120 * kUs);
  log.Value("loss", 1.5, 1900 * kUs);
  log.Value("accuracy", 0.75, 1901 * kUs);
  // The device's clock is 1 us ahead.
  log.Activity(v1::ACTIVITY_KIND_KERNEL, "_Z4gemmIfEvT_", 70, 7, 141 * kUs,
               300 * kUs);
  log.Activity(v1::ACTIVITY_KIND_KERNEL, "bias", 71, 7, 441 * kUs, 60 * kUs);
  log.Activity(v1::ACTIVITY_KIND_COPY, "", 99, 20, 501 * kUs, 100 * kUs, 4096);
  v1::ActivityLoss lost;
  lost.set_dropped(3);
  log.ActivityLoss(lost);
  v1::OwnCost cost;
  cost.set_thread(1);
  cost.set_kind(v1::COST_KIND_OPS);
  cost.set_samples(2);
  cost.set_sampled_ns(2000);
  cost.set_every(20);
  log.OwnCost(cost);
  log.Step(2, 2000 * kUs);
  return log;
}

// One of three ranks that train together, the second of them slow: the others
// wait for it in a collective, so that all steps take 1000 us. Ranks 0 and 1
// are on one host, where they began 300 us apart; rank 2 is on another one.
LogBuilder RankRun(uint32_t rank) {
  LogBuilder log;
  const uint64_t begins_ns = 300 * kUs * rank;
  log.run.set_rank(rank);
  log.run.set_world_size(3);
  log.run.set_host(rank < 2 ? "alpha" : "beta");
  log.run.set_start_steady_ns((rank < 2 ? 5000000 : 9000000) * kUs + begins_ns);
  log.run.set_start_wall_ns(log.run.start_wall_ns() + begins_ns);
  v1::Model model;
  model.set_name("net");
  v1::Module* net = model.add_modules();
  net->set_path("net");
  net->set_type("Net");
  log.Model(model);
  const uint32_t call = log.Module("net", "Net", v1::MODULE_SOURCE_TAP);
  const uint32_t linear = log.Op("aten::linear");
  const uint32_t reduce = log.Op("c10d::allreduce_");
  for (uint64_t step = 0; step < 4; ++step) {
    const uint64_t at_ns = 1000 * kUs * step;
    if (step > 0) log.Step(step, at_ns);
    const uint64_t computed_ns = at_ns + (rank == 1 ? 710 : 410 + rank) * kUs;
    log.Begin(1, at_ns + 10 * kUs, call);
    log.Begin(1, at_ns + 10 * kUs, linear);
    log.Allocate(1, at_ns + 20 * kUs, step + 1, 4096 * (rank + 1));
    log.End(1, computed_ns);
    log.End(1, computed_ns);
    log.Begin(1, computed_ns, reduce);
    log.End(1, at_ns + 900 * kUs);
  }
  log.Step(4, 4000 * kUs);
  return log;
}

// More than fits into a page: 1100 steps of 1000 events, the 700th slow, with
// the peak of memory in the 900th.
LogBuilder LongRun() {
  LogBuilder log;
  const uint32_t op = log.Op("aten::add");
  uint64_t time_ns = 0;
  for (uint64_t step = 0; step < 1100; ++step) {
    for (int i = 0; i < 332; ++i) {
      log.Begin(1, time_ns += kUs, op);
      log.End(1, time_ns += kUs);
    }
    for (uint64_t i = 1; i <= 168; ++i) {
      log.Allocate(1, time_ns += kUs, 1000 * step + i, step == 900 ? 200 : 100);
    }
    for (uint64_t i = 1; i <= 168; ++i) {
      log.Free(1, time_ns += kUs, 1000 * step + i);
    }
    if (step == 700) time_ns += 5000 * kUs;
    log.Step(step + 1, time_ns += kUs);
    if (step % 100 == 99) log.NewChunk();
  }
  return log;
}

}  // namespace
}  // namespace torchtape::viewer

int main(int argc, char** argv) {
  using namespace torchtape::viewer;
  if (argc != 2) return 2;
  const std::string folder = std::string(argv[1]) + "/";
  Write(folder + "sample.tape", SampleRun().Finish());
  Write(folder + "saving.tape", SavingRun().Finish());
  Write(folder + "killed.tape", SampleRun().Kill());
  Write(folder + "hostile.tape", HostileRun().Finish());
  Write(folder + "paths.tape", PathRun().Finish());
  Write(folder + "kernels.tape", KernelRun().Finish());
  for (uint32_t rank = 0; rank < 3; ++rank) {
    const std::string name = "rank" + std::to_string(rank) + ".tape";
    Write(folder + name, RankRun(rank).Finish());
  }
  Write(folder + "rank3.tape", "this is no log");
  Write(folder + "long.tape", LongRun().Finish());
  Write(folder + "branches.tape", BranchingRun().Finish());
  Write(folder + "adding.tape", AddingRun().Finish());
  Write(folder + "repeating.tape", RepeatingRun().Finish());
  Write(folder + "threw.tape", ThrowingRun().Finish());
  return 0;
}
