// A long training with a bounded log, read by the tool.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/torch.h>
#include <torchtape/tracker.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

using Json = nlohmann::json;
namespace nn = torch::nn;

constexpr uint64_t kSteps = 4000, kKept = 100;
constexpr uint64_t kAsked = 600, kNotFinite = 1200, kOutOfMemory = 1800;

class KeepLast : public ::testing::Test {
 protected:
  // Trains with something to keep in some of the steps.
  void Train() {
    TrackerOptions options;
    options.log_path = log_;
    options.keep_last.steps = kKept;
    Tracker tracker(options);
    nn::Sequential net(nn::Linear(8, 16), nn::ReLU(), nn::Linear(16, 4));
    tracker.Attach(*net, "net");
    torch::optim::Adam optimizer(net->parameters());
    const auto x = torch::randn({4, 8}), y = torch::randn({4, 4});
    for (uint64_t step = 0; step < kSteps; ++step) {
      optimizer.zero_grad();
      const auto loss = torch::mse_loss(net->forward(x), y);
      loss.backward();
      optimizer.step();
      if (step == kAsked) tracker.Keep("a look");
      tracker.Log("loss", step == kNotFinite ? std::nan("") : 1.0);
      if (step == kOutOfMemory) {
        EXPECT_ANY_THROW(torch::empty({1ll << 50}));
      }
      tracker.Step();
      // Whoever shares the machine must not make the writer late.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(tracker.Stop().ok()) << tracker.status();
  }

  Json Read(const std::string& verb) {
    const std::string command =
        "'" TOOL "' " + verb + " --json '" + log_ + "' 2>/dev/null";
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[4096];
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
      text.append(buffer, n);
    }
    exit_code_ = WEXITSTATUS(pclose(pipe));
    return Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }

  TempFolder folder_;
  const std::string log_ = folder_ / "run.tape";
  int exit_code_ = -1;
};

TEST_F(KeepLast, LastStepsAndWhatWasAskedForStayInFullAndAllOthersInSummaries) {
  Train();
  const Json check = Read("check");
  EXPECT_EQ(exit_code_, 0);
  EXPECT_EQ(check["problems"], Json::array());

  const Json summary = Read("summary");
  const Json& released = summary["released"];
  ASSERT_TRUE(released.is_object());
  EXPECT_GT(released["bytes"], 1 << 20);
  Json reasons;
  for (const Json& pin : released["pins"]) {
    reasons[pin["reason"].get<std::string>()] = pin["step"];
  }
  EXPECT_EQ(reasons["asked"], kAsked);
  EXPECT_EQ(reasons["not_finite"], kNotFinite);
  EXPECT_EQ(reasons["out_of_memory"], kOutOfMemory);

  // Who held what when memory ran out: nobody the whole of it.
  const Json moment = Read("summary --oom")["out_of_memory"];
  EXPECT_EQ(moment["step"], kOutOfMemory);
  EXPECT_EQ(moment["asked"], "cpu, " + std::to_string(4ull << 50) + " bytes");
  EXPECT_EQ(moment["op"], "aten::empty");
  uint64_t held = moment["unknown_bytes"];
  for (const Json& module : moment["modules"]) {
    held += module["bytes"].get<uint64_t>();
  }
  EXPECT_EQ(held, moment["live_bytes"]);
  uint64_t of_roles = moment["unknown_bytes"];
  for (const auto& [role, bytes] : moment["roles"].items()) {
    of_roles += bytes.get<uint64_t>();
  }
  EXPECT_EQ(of_roles, moment["live_bytes"]);
  // LibTorch 1 keeps the gradients of the first step, which is given back.
  EXPECT_TRUE(moment["roles"]["gradient"] > 0 || moment["unknown_bytes"] > 0);

  // Each step is there: in full, in a summary, or half and half.
  std::map<uint64_t, int> seen;
  uint64_t ops = 0;
  for (const Json& step : summary["steps"]) seen[step["number"]] |= 1;
  for (const Json& step : released["step_rows"]) seen[step["number"]] |= 2;
  for (uint64_t step = 0; step < kSteps; ++step) {
    EXPECT_NE(seen[step], 0) << step;
    const uint64_t from_end = kSteps - step;
    if (from_end <= kKept) {
      EXPECT_EQ(seen[step], 1) << step;
    }
  }
  for (const uint64_t pinned : {kAsked, kNotFinite, kOutOfMemory}) {
    for (uint64_t step = pinned - kKept + 1; step <= pinned; ++step) {
      EXPECT_EQ(seen[step] & 1, 1) << step;
    }
  }
  // Nothing is lost in between: every step calls as many.
  for (const Json& op : summary["ops"]) {
    if (op["name"] == "aten::mse_loss") ops += op["count"].get<uint64_t>();
  }
  for (const Json& span : released["spans"]) {
    if (span["name"] == "aten::mse_loss") ops += span["count"].get<uint64_t>();
  }
  EXPECT_EQ(ops, kSteps);

  struct stat file;
  ASSERT_EQ(stat(log_.c_str(), &file), 0);
  EXPECT_LT(file.st_blocks * 512, file.st_size) << "the disk has holes";
}

}  // namespace
}  // namespace torchtape::testing
