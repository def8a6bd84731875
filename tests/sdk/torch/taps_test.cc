// What taps see, what callbacks see for them, and what is left behind.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>
#include <torchtape/tracker.h>

#include <map>
#include <string>

#include "core/import_slots.h"
#include "support/recorded.h"
#include "support/temp_folder.h"

// An operator of the user's own: called boxed or by its own handle, never
// through an import slot.
static at::Tensor Negate(const at::Tensor& tensor) { return tensor.neg(); }

TORCH_LIBRARY(taps_test, library) { library.def("negate", &Negate); }

namespace torchtape::testing {
namespace {

at::Tensor CallNegate(const at::Tensor& tensor) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("taps_test::negate", "")
                             .typed<at::Tensor(const at::Tensor&)>();
  return op.call(tensor);
}

class TapsTest : public ::testing::Test {
 protected:
  // Runs `step` so many times under a tracker that has no choice but taps.
  Recorded Record(int steps, const std::function<void(int)>& step,
                  Schedule schedule = {}, uint64_t audit_every = 0) {
    TrackerOptions options;
    options.log_path = folder_ / "run.tape";
    options.op_source = OpSource::kTaps;
    options.schedule = schedule;
    options.audit_every = audit_every;
    Tracker tracker(options);
    for (int i = 0; i < steps; ++i) {
      step(i);
      tracker.Step();
    }
    EXPECT_TRUE(tracker.Stop().ok()) << tracker.status();
    return ReadRecorded(options.log_path);
  }
  // How many spans of that name began in each step.
  static std::map<uint64_t, int> ByStep(const Recorded& recorded,
                                        const std::string& name) {
    std::map<uint64_t, int> counts;
    for (const RecordedSpan& span : recorded.Named(name)) ++counts[span.step];
    return counts;
  }

  TempFolder folder_;
};

using Steps = std::map<uint64_t, int>;

TEST_F(TapsTest, OperatorsOfTorchScriptAreRecordedOnceInEveryStep) {
  torch::jit::Module module("Scripted");
  module.define("def forward(self, x):\n  return torch.sin(x).cos()\n");
  const Recorded recorded = Record(3, [&](int) {
    module.forward({torch::ones({2})});
    torch::ones({2}).exp();
  });
  for (const char* name : {"aten::sin", "aten::cos", "aten::exp"}) {
    EXPECT_EQ(ByStep(recorded, name), (Steps{{0, 1}, {1, 1}, {2, 1}})) << name;
  }
  for (const RecordedSpan& span : recorded.Named("aten::cos")) {
    EXPECT_EQ(span.parent, "forward");
  }
  EXPECT_EQ(recorded.Named("aten::exp").at(1).parent, "");
}

TEST_F(TapsTest, TorchScriptThatRunsLateIsRecordedAsWell) {
  torch::jit::Module module("Scripted");
  module.define("def forward(self, x):\n  return torch.sin(x).cos()\n");
  const Recorded recorded = Record(4, [&](int step) {
    torch::ones({2}).exp();
    if (step >= 2) module.forward({torch::ones({2})});
  });
  EXPECT_EQ(ByStep(recorded, "aten::sin"), (Steps{{2, 1}, {3, 1}}));
  EXPECT_EQ(ByStep(recorded, "aten::exp"),
            (Steps{{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
  EXPECT_EQ(recorded.Named("aten::sin").at(0).parent, "forward");
}

// Whether LibTorch asks anybody what it does.
bool LibTorchCallsBack() {
  return at::getStepCallbacksUnlessEmpty(at::RecordScope::FUNCTION) ||
         at::getStepCallbacksUnlessEmpty(at::RecordScope::USER_SCOPE);
}

TEST_F(TapsTest, NoCallbackStaysThatHasNothingToTell) {
  std::vector<bool> callbacks;
  Record(3, [&](int) {
    torch::ones({2}).exp();
    callbacks.push_back(LibTorchCallsBack());
  });
  EXPECT_EQ(callbacks, (std::vector<bool>{true, false, false}));
}

TEST_F(TapsTest, AuditsAgainEachSoManiethStep) {
  std::vector<bool> callbacks;
  const Recorded recorded = Record(
      6,
      [&](int step) {
        torch::ones({2}).exp();
        callbacks.push_back(LibTorchCallsBack());
        // Met in the second audit only, and recorded from there on.
        if (step < 3) return;
        RECORD_USER_SCOPE("late");
      },
      {}, 2);
  EXPECT_EQ(callbacks,
            (std::vector<bool>{true, false, true, false, true, true}));
  EXPECT_EQ(ByStep(recorded, "late"), (Steps{{4, 1}, {5, 1}}));
  EXPECT_EQ(ByStep(recorded, "aten::exp"),
            (Steps{{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}}));
}

TEST_F(TapsTest, WithoutStepsTheAuditEnds) {
  Record(1, [&](int) {
    const auto one = torch::ones({1});
    for (int i = 0; i < 9000; ++i) one.exp();
    EXPECT_TRUE(LibTorchCallsBack());
    for (int i = 0; i < 2000; ++i) one.exp();
    EXPECT_FALSE(LibTorchCallsBack());
  });
}

TEST_F(TapsTest, OperatorsThatNoTapSeesAreRecordedByCallbacks) {
  const Recorded recorded =
      Record(3, [&](int) { CallNegate(torch::ones({2})); });
  EXPECT_EQ(ByStep(recorded, "taps_test::negate"),
            (Steps{{0, 1}, {1, 1}, {2, 1}}));
  EXPECT_EQ(ByStep(recorded, "aten::neg"), (Steps{{0, 1}, {1, 1}, {2, 1}}));
  EXPECT_EQ(recorded.Named("aten::neg").at(2).parent, "taps_test::negate");
}

TEST_F(TapsTest, CallsTellWhereTheyCameFrom) {
  const Recorded recorded = Record(1, [](int) {
    torch::ones({2, 2}).matmul(torch::ones({2, 2}));
  });
  EXPECT_EQ(recorded.Named("aten::matmul").at(0).call_site, "taps_test");
  EXPECT_EQ(recorded.Named("aten::mm").at(0).call_site.substr(0, 8),
            "libtorch");
}

TEST_F(TapsTest, ThrowingOperatorsThrowAndAreTold) {
  const Recorded recorded = Record(
      2, [](int) { EXPECT_THROW(torch::ones({2}).view({3}), std::exception); });
  const auto views = recorded.Named("aten::view");
  ASSERT_EQ(views.size(), 2u);
  EXPECT_TRUE(views[0].threw);
  EXPECT_TRUE(views[1].threw);
}

// The words that calls of some operators jump through, in every object.
std::map<void**, void*> SlotsOf(internal::ImportSlots* probe) {
  probe->PutBack();  // looks, and has nothing to put back
  std::map<void**, void*> words;
  for (const auto& slot : probe->slots()) words[slot.at] = *slot.at;
  return words;
}

TEST_F(TapsTest, NothingIsLeftInTheSlotsBetweenRecordedSteps) {
  internal::ImportSlots probe;
  for (const char* symbol :
       {"_ZN2at4_ops10add_Tensor4callERKNS_6TensorES4_RKN3c106ScalarE",
        "_ZN2at4_ops10mul_Tensor4callERKNS_6TensorES4_",
        "_ZN2at4_ops3sin4callERKNS_6TensorE"}) {
    probe.Replace(symbol, &probe);
  }
  const auto train = [] {
    (torch::ones({2}) + torch::ones({2})).sin().mul(torch::ones({2}));
  };
  train();  // binds lazy slots
  const auto before = SlotsOf(&probe);
  ASSERT_GT(before.size(), 3u);
  Schedule second_only;
  second_only.skip_first = 1;
  std::map<void**, void*> off, on;
  const Recorded recorded = Record(
      3,
      [&](int step) {
        train();
        (step == 0 ? off : on) = SlotsOf(&probe);
      },
      second_only);
  EXPECT_EQ(off, before);
  ASSERT_EQ(on.size(), before.size());
  for (const auto& [at, word] : on) EXPECT_NE(word, before.at(at));
  EXPECT_EQ(SlotsOf(&probe), before);
  EXPECT_EQ(ByStep(recorded, "aten::sin"), (Steps{{1, 1}, {2, 1}}));
}

// Fixtures that call aten::sinh: an ordinary library, and ones that the linker
// gave other kinds of slots.
TEST_F(TapsTest, LibrariesThatAreLoadedLaterAreSeen) {
  for (const std::string path :
       {PLAIN_LIBRARY, NO_PLT_LIBRARY, BOUND_LIBRARY}) {
    SCOPED_TRACE(path);
    at::Tensor (*call)(const at::Tensor&) = nullptr;
    void* library = nullptr;
    const Recorded recorded = Record(3, [&](int step) {
      if (step == 0) {
        library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        ASSERT_NE(library, nullptr) << dlerror();
        call = reinterpret_cast<decltype(call)>(dlsym(library, "CallSinh"));
      } else {
        call(torch::ones({2}));
      }
    });
    EXPECT_EQ(ByStep(recorded, "aten::sinh"), (Steps{{1, 1}, {2, 1}}));
    for (const RecordedSpan& span : recorded.Named("aten::sinh")) {
      EXPECT_EQ(span.call_site, path.substr(path.rfind('/') + 1));
    }
    dlclose(library);
  }
  // What was unloaded is not looked for.
  const Recorded recorded = Record(1, [](int) { torch::ones({2}).sin(); });
  EXPECT_EQ(recorded.Named("aten::sin").size(), 1u);
}

}  // namespace
}  // namespace torchtape::testing
