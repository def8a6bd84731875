// Writes a log of one step with a large graph: make_large_graph LOG [OPS].
//
// OPS forward ops (100,000), each with a backward node, in a model of stages,
// blocks and layers: net.stage3.block7.layer4. A tenth of the ops are directly
// in one module, net.flat. Each op reads what the one before it made, every
// seventh also what was made ten ops before; names vary so that few repeat.
// benchmarks/report_graph.mjs measures the report of it.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "viewer/log_builder.h"
#include "viewer/model_parts.h"

namespace torchtape::viewer {
namespace {

constexpr int kStages = 9, kBlocks = 20, kLayers = 10;
constexpr uint64_t kOpNs = 1000;

const char* const kNames[] = {"conv2d",  "batch_norm", "relu", "linear",
                              "add",     "mul",        "gelu", "softmax",
                              "matmul",  "layer_norm", "tanh", "sigmoid",
                              "dropout", "max_pool2d", "sum",  "mean"};

struct Large {
  LogBuilder log;
  std::vector<uint32_t> ops, nodes;
  uint32_t returns = 0;
  std::vector<uint32_t> calls;  // of the modules that have ops
};

v1::Model ModelOf(std::vector<std::string>* leaves) {
  v1::Model model;
  model.set_name("net");
  *model.add_modules() = NewModule("net", "Net", 0);
  const auto add = [&model](const std::string& path, const char* type,
                            uint32_t parent) {
    *model.add_modules() = NewModule(path, type, parent);
    return static_cast<uint32_t>(model.modules_size());
  };
  for (int i = 0; i < kStages; ++i) {
    const std::string stage = "net.stage" + std::to_string(i);
    const uint32_t of_stage = add(stage, "Stage", 1);
    for (int j = 0; j < kBlocks; ++j) {
      const std::string block = stage + ".block" + std::to_string(j);
      const uint32_t of_block = add(block, "Block", of_stage);
      for (int k = 0; k < kLayers; ++k) {
        leaves->push_back(block + ".layer" + std::to_string(k));
        add(leaves->back(), "Layer", of_block);
      }
    }
  }
  leaves->push_back("net.flat");
  add("net.flat", "Flat", 1);
  return model;
}

Large Define(std::vector<std::string>* leaves) {
  Large large;
  LogBuilder& log = large.log;
  log.Model(ModelOf(leaves));
  const v1::Value x = log.Tensor({32, 64});
  for (const char* name : kNames) {
    const std::string op = std::string("aten::") + name;
    large.ops.push_back(
        log.Op(op, op + "(Tensor self, Tensor other) -> Tensor", {x, x}));
    large.nodes.push_back(log.Op(std::string(name) + "Backward0", "", {x},
                                 v1::SPAN_KIND_BACKWARD));
  }
  large.returns = log.Returns({x});
  for (const std::string& path : *leaves) {
    large.calls.push_back(log.Module(path, "Layer", v1::MODULE_SOURCE_SCOPE));
  }
  return large;
}

// Which name the i-th op has: no period that folding would find.
size_t NameOf(uint64_t i) {
  return static_cast<size_t>((i * 2654435761u >> 13) ^ i / 7) %
         std::size(kNames);
}

std::string LargeLog(uint64_t count) {
  std::vector<std::string> leaves;
  Large large = Define(&leaves);
  LogBuilder& log = large.log;
  uint64_t time_ns = 0, op = 1;
  const auto forward = [&](size_t leaf, uint64_t until) {
    log.Begin(1, time_ns += 100, large.calls[leaf]);
    for (; op <= until; ++op) {
      const uint64_t other = op > 10 && op % 7 == 0 ? op - 10 : 0;
      log.Begin(1, time_ns += 100, large.ops[NameOf(op)],
                {{op, op}, {other + 1, other + 1}}, static_cast<int64_t>(op));
      log.Allocate(1, time_ns += 100, op + 1, 8192);
      log.End(1, time_ns += kOpNs + op % 997, large.returns,
              {{op + 1, op + 1}});
      if (op % 10000 == 0) log.NewChunk();
    }
    log.End(1, time_ns += 100);
  };
  const uint64_t nested = count - count / 10, layers = leaves.size() - 1;
  for (uint64_t i = 0; i < layers; ++i) {
    forward(static_cast<size_t>(i), nested * (i + 1) / layers);
  }
  forward(leaves.size() - 1, count);
  for (uint64_t i = count; i > 0; --i) {
    const uint64_t gradient = 2 * count - i + 1;
    log.BeginBackward(1, time_ns += 100, large.nodes[NameOf(i)],
                      static_cast<int64_t>(i), 1, {{gradient, gradient}});
    log.End(1, time_ns += 2 * kOpNs, large.returns,
            {{gradient + 1, gradient + 1}});
    if (i % 10000 == 0) log.NewChunk();
  }
  log.Step(1, time_ns += kOpNs);
  return log.Finish();
}

}  // namespace
}  // namespace torchtape::viewer

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return 2;
  const uint64_t ops = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100000;
  std::ofstream(argv[1], std::ios::binary)
      << torchtape::viewer::LargeLog(ops == 0 ? 100000 : ops);
  return 0;
}
