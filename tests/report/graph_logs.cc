#include "report/graph_logs.h"

#include <iterator>

#include "viewer/model_parts.h"

namespace torchtape::viewer {
namespace {

constexpr uint64_t kUs = 1000;
constexpr uint64_t kStep = 1000 * kUs;

v1::Model Net() {
  v1::Model model;
  model.set_name("net");
  *model.add_modules() = NewModule("net", "Net", 0);
  *model.add_modules() = NewModule("net.first", "torch::nn::LinearImpl", 1);
  *model.add_modules() = NewModule("net.maybe", "torch::nn::LayerNormImpl", 1);
  *model.add_modules() = NewModule("net.last", "torch::nn::LinearImpl", 1);
  *model.add_parameters() = NewParameter("net.first.weight", 2, 1, {5, 4});
  *model.add_parameters() = NewParameter("net.maybe.weight", 3, 2, {6});
  *model.add_parameters() = NewParameter("net.last.weight", 4, 3, {60, 5});
  return model;
}

// A run of the net under construction.
class NetRun {
 public:
  // `maybe`: what the module of this name does.
  explicit NetRun(const std::string& maybe = "aten::layer_norm") {
    log.Model(Net());
    const v1::Value x = log.Tensor({2, 4}), y = log.Tensor({2, 5});
    returns_ = log.Returns({y});
    const char* schema = "aten::linear(Tensor input, Tensor weight) -> Tensor";
    linear_ = log.Op("aten::linear", schema, {x, log.Tensor({5, 4})});
    norm_ = log.Op(maybe, maybe + "(Tensor input, Tensor weight) -> Tensor",
                   {y, log.Tensor({6})});
    last_ = log.Op("aten::linear", schema, {y, log.Tensor({60, 5})});
    addmm_ = log.Op("aten::addmm", "", {x});
    node_ = log.Span(v1::SPAN_KIND_BACKWARD, "LinearBackward0");
    for (const char* name : {"net", "net.first", "net.maybe", "net.last"}) {
      calls_.push_back(log.Module(name, name, v1::MODULE_SOURCE_SCOPE));
    }
  }

  // A forward pass with or without the module "maybe", and its backward pass.
  void Step(bool with_maybe) {
    const uint64_t start = kStep * step_, base = 100 * (step_ + 1);
    log.Begin(1, start + 10 * kUs, calls_[0]);
    Call(start + 20 * kUs, 1, linear_, {base + 1, 1}, base + 2, 1);
    if (with_maybe)
      Call(start + 120 * kUs, 2, norm_, {base + 2, 2}, base + 3, 2);
    Call(start + 220 * kUs, 3, last_, {with_maybe ? base + 3 : base + 2, 3},
         base + 4, 3);
    log.End(1, start + 330 * kUs);
    Node(start + 400 * kUs, 3, base + 4, base + 5);
    if (with_maybe) Node(start + 500 * kUs, 2, base + 5, base + 6);
    Node(start + 600 * kUs, 1, with_maybe ? base + 6 : base + 5, base + 7);
    ++step_;
    log.Step(step_, kStep * step_);
  }

  // "maybe", "last", "maybe", and "first" four times.
  void Repeat() {
    log.Begin(1, 10 * kUs, calls_[0]);
    const size_t modules[] = {2, 3, 2, 1, 1, 1, 1};
    const uint32_t ops[] = {norm_,   last_,   norm_,  linear_,
                            linear_, linear_, linear_};
    for (uint64_t i = 0; i < std::size(modules); ++i) {
      Call((20 + 100 * i) * kUs, modules[i], ops[i], {100 + i, 4 - modules[i]},
           101 + i, static_cast<int64_t>(i));
    }
    log.End(1, 800 * kUs);
    log.Step(1, kStep);
  }

  // Its first product throws, and so does all around it.
  void Throw() {
    const uint64_t start = kStep * step_, base = 100 * (step_ + 1);
    log.Begin(1, start + 10 * kUs, calls_[0]);
    log.Begin(1, start + 20 * kUs, calls_[1]);
    log.Begin(1, start + 30 * kUs, linear_, {{base + 1, base + 1}, {1, 1}});
    log.Begin(1, start + 40 * kUs, addmm_, {{base + 1, base + 1}});
    for (uint64_t us : {50, 60, 70, 80}) log.Threw(1, start + us * kUs);
    ++step_;
    log.Step(step_, kStep * step_);
  }

  LogBuilder log;

 private:
  // A call of a module, 100 us with an op of 50 us that allocates 400 bytes and
  // saves them.
  void Call(uint64_t start, size_t module, uint32_t op,
            std::vector<uint64_t> reads, uint64_t makes, int64_t sequence) {
    LogBuilder::Ids ids = {{reads[0], reads[0]}, {reads[1], reads[1]}};
    log.Begin(1, start, calls_[module]);
    log.Begin(1, start + 10 * kUs, op, ids,
              10 * static_cast<int64_t>(step_) + sequence);
    log.Allocate(1, start + 20 * kUs, makes, 400);
    log.Save(1, makes, 400);
    log.End(1, start + 60 * kUs, returns_, {{makes, makes}});
    log.End(1, start + 90 * kUs);
  }

  void Node(uint64_t start, int64_t sequence, uint64_t reads, uint64_t makes) {
    log.BeginBackward(1, start, node_,
                      10 * static_cast<int64_t>(step_) + sequence, 1);
    log.Begin(1, start + 10 * kUs, addmm_, {{reads, reads}});
    log.End(1, start + 60 * kUs, returns_, {{makes, makes}});
    log.End(1, start + 70 * kUs);
  }

  uint64_t step_ = 0;
  uint32_t linear_, norm_, last_, addmm_, node_, returns_;
  std::vector<uint32_t> calls_;
};

}  // namespace

LogBuilder BranchingRun() {
  NetRun run;
  for (bool with_maybe : {false, true, false, true}) run.Step(with_maybe);
  return std::move(run.log);
}

LogBuilder AddingRun() {
  NetRun run("aten::add");
  for (int step = 0; step < 2; ++step) run.Step(true);
  return std::move(run.log);
}

LogBuilder RepeatingRun() {
  NetRun run;
  run.Repeat();
  return std::move(run.log);
}

LogBuilder ThrowingRun() {
  NetRun run;
  run.Step(true);
  run.Throw();
  return std::move(run.log);
}

}  // namespace torchtape::viewer
