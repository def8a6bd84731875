#include "viewer/device_run.h"

#include "gtest/gtest.h"

namespace torchtape::viewer {

using Json = nlohmann::json;

VerbOptions By(const std::string& table) {
  VerbOptions options;
  options.by = table;
  return options;
}

Json WholeSummaryOf(const std::string& bytes, const VerbOptions& options) {
  EXPECT_EQ(JsonOf(Check, bytes)["problems"], Json::array());
  return JsonOf(Summary, bytes, options);
}

Json ModuleOf(const Json& summary, const std::string& path) {
  return Entry(summary["modules"], "path", path);
}

DeviceRun::DeviceRun(bool device_calls) {
  log.run.mutable_options()->set_device_time(v1::DEVICE_TIME_LEVEL_KERNELS);
  log.run.mutable_options()->set_device_calls(device_calls);
  log.Model(TwoLayers());
}

uint32_t DeviceRun::OpSignature(const std::string& name,
                                const std::vector<v1::Value>& inputs) {
  const uint32_t op = log.Op(name, "", inputs);
  if (!from_) return op;
  return log.CalledFrom(op, from_->object.path, from_->address, 0,
                        from_->object.build_id);
}

void DeviceRun::Begin(uint32_t signature, uint64_t time_ns, uint32_t thread,
                      const LogBuilder::Ids& ids) {
  Thread& state = threads_[thread];
  state.open.push_back(state.spans++);
  std::optional<int64_t> sequence;
  if (!ids.empty()) sequence = ++sequence_;
  log.Begin(thread, time_ns, signature, ids, sequence);
}

void DeviceRun::BeginOp(const std::string& name, uint64_t weight,
                        uint64_t time_ns, uint32_t thread) {
  if (weight == kNoWeight) {
    return Begin(OpSignature(name, {}), time_ns, thread);
  }
  Begin(OpSignature(name, {log.Tensor({1})}), time_ns, thread,
        {{weight, weight}});
}

void DeviceRun::End(uint64_t time_ns, uint32_t thread) {
  threads_[thread].open.pop_back();
  log.End(thread, time_ns);
}

void DeviceRun::Cut(uint64_t time_ns, uint32_t thread) {
  threads_[thread].open.pop_back();
  log.Cut(thread, time_ns);
}

void DeviceRun::Op(const std::string& name, uint64_t weight, uint64_t begin_ns,
                   uint64_t launch_ns, uint32_t thread) {
  BeginOp(name, weight, begin_ns, thread);
  Launch(launch_ns, thread);
  End(launch_ns + 5, thread);
}

void DeviceRun::Call(const std::string& name, uint64_t begin_ns,
                     uint64_t end_ns, uint32_t thread) {
  const bool runtime = name.substr(0, 4) == "cuda";
  if (runtime) {
    Begin(log.Span(v1::SPAN_KIND_DEVICE_CALL, name), begin_ns, thread);
  } else {
    BeginOp(name, kNoWeight, begin_ns, thread);
  }
  End(end_ns, thread);
}

void DeviceRun::Launch(uint64_t time_ns, uint32_t thread) {
  const std::vector<uint64_t>& open = threads_[thread].open;
  log.Launch(thread, open.empty() ? std::nullopt : std::optional(open.back()),
             ++calls_, time_ns);
}

void DeviceRun::Ran(int64_t from_ns, int64_t to_ns, v1::ActivityKind kind,
                    uint32_t stream, const std::string& name) {
  log.Activity(kind, name, calls_, stream, from_ns + 1000,
               static_cast<uint64_t>(to_ns - from_ns));
}

Json DeviceRun::Kernels(const VerbOptions& options) {
  return WholeSummaryOf(log.Finish(), options)["kernels"];
}

}  // namespace torchtape::viewer
