// Calls of modules: what taps see by themselves, what scopes add, and what they
// are called.

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <torchtape/module.h>
#include <torchtape/tracker.h>

#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "call_modules.h"
#include "core/import_slots.h"
#include "support/recorded.h"
#include "support/temp_folder.h"

namespace torchtape::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ModulesTest : public ::testing::Test {
 protected:
  // The module calls of what `train` does, in the order of their beginning.
  std::vector<RecordedSpan> Record(const std::function<void(Tracker*)>& train,
                                   OpSource source = OpSource::kTaps) {
    TrackerOptions options;
    options.log_path = folder_ / "run.tape";
    options.op_source = source;
    Tracker tracker(options);
    train(&tracker);
    EXPECT_TRUE(tracker.Stop().ok()) << tracker.status();
    std::vector<RecordedSpan> calls;
    recorded_ = ReadRecorded(options.log_path);
    for (const RecordedSpan& span : recorded_.spans) {
      if (span.kind == "module") calls.push_back(span);
    }
    return calls;
  }

  TempFolder folder_;
  Recorded recorded_;
};

std::vector<std::string> Names(const std::vector<RecordedSpan>& calls) {
  std::vector<std::string> names;
  for (const RecordedSpan& call : calls) names.push_back(call.name);
  return names;
}

// --- Taps ------------------------------------------------------------------

const auto kAllWays =
    ElementsAre("m.holder", "m.holder", "m.holder", "m.sequential.0",
                "m.sequential.1", "m.list.0", "m.any", "m.pad");

TEST_F(ModulesTest, BuiltInModulesAreSeenHoweverTheyAreCalled) {
  AllWaysImpl model;
  const auto calls = Record([&](Tracker* tracker) {
    tracker->Attach(model, "m");
    model.forward(torch::ones({1, 2}));
  });
  EXPECT_THAT(Names(calls), kAllWays);
  for (const RecordedSpan& call : calls) {
    EXPECT_EQ(call.source, "tap");
    EXPECT_TRUE(call.ended);
    EXPECT_FALSE(call.threw);
    EXPECT_EQ(call.call_site, "modules_test");
  }
  EXPECT_EQ(calls.at(0).overload, "Linear");
  EXPECT_EQ(calls.at(7).overload, "ReflectionPad1d");
  for (const RecordedSpan& op : recorded_.Named("aten::relu")) {
    EXPECT_EQ(op.module, "m.sequential.1");
  }
}

TEST_F(ModulesTest, CodeThatWasNotOptimizedIsSeenToo) {
  void* library = dlopen(UNOPTIMIZED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto make =
      reinterpret_cast<torch::nn::Module* (*)()>(dlsym(library, "MakeAllWays"));
  const auto call = reinterpret_cast<void (*)(torch::nn::Module*)>(
      dlsym(library, "CallAllWays"));
  std::unique_ptr<torch::nn::Module> model(make());
  EXPECT_THAT(Names(Record([&](Tracker* tracker) {
                tracker->Attach(*model, "m");
                call(model.get());
              })),
              kAllWays);
}

TEST_F(ModulesTest, ModulesInsideOfLibTorchsModulesAreSeen) {
  torch::nn::TransformerEncoderLayer layer(
      torch::nn::TransformerEncoderLayerOptions(4, 2).dropout(0.1));
  const auto calls = Record([&](Tracker* tracker) {
    tracker->Attach(*layer, "layer");
    layer(torch::ones({2, 1, 4}));
  });
  EXPECT_THAT(Names(calls),
              ElementsAre("layer", "layer.self_attn", "layer.dropout1",
                          "layer.norm1", "layer.linear1", "layer.dropout",
                          "layer.linear2", "layer.dropout2", "layer.norm2"));
  for (size_t i = 1; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i].module, "layer");
  }
}

TEST_F(ModulesTest, RecurrentModulesAreSeen) {
  const auto calls = Record([](Tracker*) {
    torch::nn::LSTM(2, 2)(torch::ones({1, 1, 2}));
    torch::nn::GRU(2, 2)(torch::ones({1, 1, 2}));
    torch::nn::LSTMCell(2, 2)(torch::ones({1, 2}));
    torch::nn::GRUCell(2, 2)(torch::ones({1, 2}));
  });
  EXPECT_THAT(Names(calls),
              ElementsAre("LSTM#1", "GRU#1", "LSTMCell#1", "GRUCell#1"));
}

TEST_F(ModulesTest, ThrowingForwardEndsItsSpan) {
  torch::nn::Linear linear(2, 2);
  const auto calls = Record([&](Tracker*) {
    EXPECT_THROW(linear(torch::ones({3})), std::exception);
    linear(torch::ones({2}));
  });
  ASSERT_THAT(Names(calls), ElementsAre("Linear#1", "Linear#1"));
  EXPECT_TRUE(calls[0].threw);
  EXPECT_FALSE(calls[1].threw);
  EXPECT_EQ(calls[1].module, "");
}

TEST_F(ModulesTest, ResultsAreTheSameToTheLastBit) {
  const auto train = [] {
    torch::manual_seed(1);
    torch::nn::Sequential model(torch::nn::Conv2d(1, 2, 3),
                                torch::nn::BatchNorm2d(2), torch::nn::ReLU(),
                                torch::nn::Dropout(0.5), torch::nn::Flatten(),
                                torch::nn::Linear(8, 2));
    torch::optim::SGD sgd(model->parameters(), 0.1);
    for (int i = 0; i < 3; ++i) {
      sgd.zero_grad();
      model->forward(torch::rand({4, 1, 4, 4})).pow(2).sum().backward();
      sgd.step();
    }
    return torch::nn::utils::parameters_to_vector(model->parameters());
  };
  const torch::Tensor without = train();
  torch::Tensor with;
  Record([&](Tracker*) { with = train(); });
  EXPECT_TRUE(torch::equal(with, without));
}

TEST_F(ModulesTest, NothingIsLeftInTheSlots) {
  internal::ImportSlots probe;
  probe.Replace("_ZN5torch2nn10LinearImpl7forwardERKN2at6TensorE", &probe);
  const auto words = [&probe] {
    probe.PutBack();  // looks, and has nothing to put back
    std::map<void**, void*> words;
    for (const auto& slot : probe.slots()) words[slot.at] = *slot.at;
    return words;
  };
  torch::nn::Linear linear(2, 2);
  linear(torch::ones({2}));  // binds lazy slots
  const auto before = words();
  ASSERT_GT(before.size(), 0u);
  Record([&](Tracker*) { EXPECT_NE(words(), before); });
  EXPECT_EQ(words(), before);
}

// --- Scopes ----------------------------------------------------------------

struct HeldImpl : torch::nn::Module {
  HeldImpl() : fc(register_module("fc", torch::nn::Linear(2, 2))) {}
  torch::Tensor forward(torch::Tensor x, bool fail = false) {
    if (fail) throw std::runtime_error("asked for");
    return fc(x);
  }
  torch::nn::Linear fc;
};
TORCHTAPE_MODULE(Held);

struct ScopedImpl : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x) {
    TORCHTAPE_SCOPE(*this);
    return x + 1;
  }
};
TORCHTAPE_MODULE(Scoped);

// A module of LibTorch's with a forward of the user's around it.
struct ScaledImpl : torch::nn::LinearImpl {
  using LinearImpl::LinearImpl;
  torch::Tensor forward(torch::Tensor x) {
    TORCHTAPE_SCOPE(*this);
    return LinearImpl::forward(x * 2);
  }
};

TEST_F(ModulesTest, CallsThroughTheHolderAreCallsOfTheModule) {
  Held held;
  const auto calls = Record([&](Tracker* tracker) {
    tracker->Attach(*held, "net");
    held(torch::ones({2}));
    EXPECT_THROW(held(torch::ones({2}), true), std::runtime_error);
  });
  ASSERT_THAT(Names(calls), ElementsAre("net", "net.fc", "net"));
  EXPECT_EQ(calls[0].source, "scope");
  EXPECT_EQ(calls[0].overload,
            "torchtape::testing::(anonymous namespace)::HeldImpl");
  EXPECT_EQ(calls[1].module, "net");
  EXPECT_FALSE(calls[0].threw);
  EXPECT_TRUE(calls[2].threw);
}

TEST_F(ModulesTest, HolderIsTheOneOfTorchInAllElse) {
  Held held;
  const Held same(held.ptr());
  EXPECT_EQ(same->fc.get(), held->fc.get());
  torch::nn::Sequential sequential{Scoped(), Held()};
  EXPECT_EQ(sequential->size(), 2u);
  EXPECT_TRUE(Held(nullptr).is_empty());
}

TEST_F(ModulesTest, ScopesTellOfEveryCallOnce) {
  Scoped scoped;
  const auto calls = Record([&](Tracker* tracker) {
    tracker->Attach(*scoped, "s");
    scoped(torch::ones({2}));
    scoped->forward(torch::ones({2}));
    torch::nn::Sequential(scoped)->forward(torch::ones({2}));
  });
  EXPECT_THAT(Names(calls), ElementsAre("s", "s", "s"));
}

TEST_F(ModulesTest, ScopeAndTapOfTheSameCallAreOneSpanToldByTheScope) {
  ScaledImpl scaled(2, 2);
  torch::nn::Linear other(2, 2);
  const auto calls = Record([&](Tracker* tracker) {
    tracker->Attach(scaled, "scaled");
    scaled.forward(torch::ones({2}));
    const ModuleScope around(scaled);
    other(torch::ones({2}));
  });
  ASSERT_THAT(Names(calls), ElementsAre("scaled", "scaled", "Linear#1"));
  EXPECT_EQ(calls[0].source, "scope");
  EXPECT_EQ(calls[2].source, "tap");
}

TEST_F(ModulesTest, ScopesTellWithCallbacksToo) {
  Scoped scoped;
  EXPECT_THAT(Names(Record([&](Tracker*) { scoped(torch::ones({2})); },
                           OpSource::kCallbacks)),
              ElementsAre(::testing::EndsWith("ScopedImpl#1")));
}

TEST_F(ModulesTest, ScopesCostNothingToRunWithoutATracker) {
  Scoped scoped;
  EXPECT_EQ(scoped(torch::ones({2})).sum().item<float>(), 4);
  EXPECT_THAT(Record([](Tracker*) {}), IsEmpty());
}

// --- Names -----------------------------------------------------------------

TEST_F(ModulesTest, ModulesOfNoModelAreNumberedByType) {
  torch::nn::Linear first(2, 2), second(2, 2);
  torch::nn::ReLU relu;
  const auto calls = Record([&](Tracker*) {
    relu(second(first(torch::ones({2}))));
    std::thread([&] { relu(second(torch::ones({2}))); }).join();
  });
  EXPECT_THAT(Names(calls), ElementsAre("Linear#1", "Linear#2", "ReLU#1",
                                        "Linear#2", "ReLU#1"));
}

TEST_F(ModulesTest, ModuleIsNamedByItsPathOnceItIsAttached) {
  Held held;
  const auto calls = Record([&](Tracker* tracker) {
    held->forward(torch::ones({2}));
    tracker->Attach(*held, "net");
    held->forward(torch::ones({2}));
  });
  EXPECT_THAT(Names(calls), ElementsAre("Linear#1", "net.fc"));
}

// A module may call itself what it likes.
TEST_F(ModulesTest, TypeOfAModuleIsItsClass) {
  torch::nn::MultiheadAttention attention(4, 2);
  ASSERT_EQ(attention->name(), "torch::nn::MultiheadAttention");
  Record([&](Tracker* tracker) { tracker->Attach(*attention, "a"); });
  EXPECT_THAT(recorded_.modules,
              ElementsAre("a torch::nn::MultiheadAttentionImpl training",
                          "a.out_proj torch::nn::LinearImpl training"));
}

TEST_F(ModulesTest, ModuleAtTheAddressOfOneThatIsGoneIsAnother) {
  alignas(64) unsigned char room[sizeof(torch::nn::LinearImpl)];
  const auto make = [&room] {
    return std::shared_ptr<torch::nn::LinearImpl>(
        new (room) torch::nn::LinearImpl(2, 2),
        [](torch::nn::LinearImpl* linear) { linear->~LinearImpl(); });
  };
  Held held;
  const auto call = [&] { held->fc->forward(torch::ones({2})); };
  held->fc = held->replace_module("fc", torch::nn::Linear(make()));
  const auto calls = Record([&](Tracker* tracker) {
    tracker->Attach(*held, "net");
    call();
    held->fc = held->replace_module("fc", torch::nn::Linear(2, 2));
    held->fc = held->replace_module("fc", torch::nn::Linear(make()));
    call();
    tracker->Attach(*held, "net");
    call();
  });
  EXPECT_THAT(Names(calls), ElementsAre("net.fc", "Linear#1", "net.fc"));
}

TEST_F(ModulesTest, CloneIsNotTheModelThatWasAttached) {
  Held held;
  const auto calls = Record([&](Tracker* tracker) {
    tracker->Attach(*held, "net");
    held->fc->forward(torch::ones({2}));
    const auto clone = held->fc->clone();
    clone->as<torch::nn::Linear>()->forward(torch::ones({2}));
    held->to(torch::kFloat64);
    held->fc->forward(torch::ones({2}, torch::kFloat64));
  });
  EXPECT_THAT(Names(calls), ElementsAre("net.fc", "Linear#1", "net.fc"));
}

TEST_F(ModulesTest, NamesAreTakenUpAnewByTheNextRecording) {
  Held held;
  Record([&](Tracker* tracker) {
    tracker->Attach(*held, "first");
    held->forward(torch::ones({2}));
  });
  EXPECT_THAT(Names(Record([&](Tracker*) { held->forward(torch::ones({2})); })),
              ElementsAre("Linear#1"));
}

}  // namespace
}  // namespace torchtape::testing
