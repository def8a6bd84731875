#include "identity.h"

#include <map>
#include <random>
#include <set>

#include "gtest/gtest.h"

namespace torchtape::format {
namespace {

constexpr uint64_t kMemory = 0x1000, kOtherMemory = 0x2000;
constexpr uint64_t kTensor = 0x10, kOtherTensor = 0x20;

class IdentityTest : public ::testing::Test {
 protected:
  uint64_t Allocate(uint64_t address, uint64_t bytes = 64) {
    return map_.Allocate(address, bytes, ++now_, true);
  }
  TensorId Input(uint64_t tensor, uint64_t memory) {
    return map_.Input(tensor, memory, ++now_);
  }
  // Of a span that began at `start`.
  TensorId Output(uint64_t tensor, uint64_t memory, uint64_t start) {
    return map_.Output(tensor, memory, ++now_, start);
  }
  uint64_t BeginSpan() { return ++now_; }

  IdentityMap map_;
  uint64_t now_ = 0;
};

TEST_F(IdentityTest, NewAllocationAtAnOldAddressIsANewStorage) {
  const uint64_t first = Allocate(kMemory);
  map_.Free(kMemory);
  EXPECT_NE(Allocate(kMemory), first);
}

TEST_F(IdentityTest, NewAllocationIsNewThoughTheFreeWasLost) {
  const uint64_t first = Allocate(kMemory);
  EXPECT_NE(Allocate(kMemory), first);
}

TEST_F(IdentityTest, FreeTellsWhichStorageEndedAndItsSize) {
  const uint64_t storage = Allocate(kMemory, 100);
  const IdentityMap::Freed freed = map_.Free(kMemory);
  EXPECT_EQ(freed.storage, storage);
  EXPECT_EQ(freed.bytes, 100);
  EXPECT_TRUE(freed.recorded);
}

TEST_F(IdentityTest, FreeOfUnknownMemoryIsNotRecorded) {
  EXPECT_FALSE(map_.Free(kMemory).recorded);
  Input(kTensor, kMemory);
  EXPECT_FALSE(map_.Free(kMemory).recorded);
  map_.Allocate(kMemory, 1, ++now_, /*recorded=*/false);
  EXPECT_FALSE(map_.Free(kMemory).recorded);
}

TEST_F(IdentityTest, SecondFreeIsUnknown) {
  Allocate(kMemory);
  map_.Free(kMemory);
  EXPECT_EQ(map_.Free(kMemory).storage, 0);
}

TEST_F(IdentityTest, LiveMemoryIsToldWithItsSteps) {
  const uint64_t first = Allocate(kMemory);
  map_.StartStep(5);
  Allocate(0x3000);
  const uint64_t second = Allocate(kOtherMemory);
  map_.Free(0x3000);
  map_.Allocate(0x4000, 1, ++now_, /*recorded=*/false);
  v1::Events events;
  map_.WriteLive(&events);
  ASSERT_EQ(events.live().storages_size(), 2);
  EXPECT_EQ(events.live().storages(0), first);
  EXPECT_EQ(events.live().storages(1), second - first);
  EXPECT_EQ(events.live().steps(0), 0);
  EXPECT_EQ(events.live().steps(1), 5);
}

TEST_F(IdentityTest, TooMuchLiveMemoryIsNotTold) {
  for (uint64_t i = 1; i <= 16384; ++i) Allocate(i << 12);
  v1::Events fits, too_much;
  map_.WriteLive(&fits);
  EXPECT_EQ(fits.live().storages_size(), 16384);
  Allocate(0x10);
  map_.WriteLive(&too_much);
  EXPECT_FALSE(too_much.has_live());
}

TEST_F(IdentityTest, TensorsOfOneMemoryShareItsStorage) {
  const uint64_t storage = Allocate(kMemory);
  const TensorId tensor = Input(kTensor, kMemory);
  const TensorId view = Input(kOtherTensor, kMemory);
  EXPECT_EQ(tensor.storage, storage);
  EXPECT_EQ(view.storage, storage);
  EXPECT_NE(tensor.tensor, view.tensor);
}

TEST_F(IdentityTest, InputSeenAgainIsTheSameTensor) {
  Allocate(kMemory);
  const TensorId first = Input(kTensor, kMemory);
  BeginSpan();
  EXPECT_EQ(Input(kTensor, kMemory).tensor, first.tensor);
}

TEST_F(IdentityTest, OutputThatBecomesAnInputIsTheSameTensor) {
  Allocate(kMemory);
  const TensorId output = Output(kTensor, kMemory, BeginSpan());
  EXPECT_EQ(Input(kTensor, kMemory).tensor, output.tensor);
}

TEST_F(IdentityTest, InPlaceOutputIsTheInput) {
  Allocate(kMemory);
  const uint64_t start = BeginSpan();
  const TensorId input = Input(kTensor, kMemory);
  const TensorId output = Output(kTensor, kMemory, start);
  EXPECT_EQ(output.tensor, input.tensor);
  EXPECT_EQ(output.storage, input.storage);
}

// An op's inputs bear the same ticks as its begin.
TEST_F(IdentityTest, InputsOfTheSpanItselfCountAsSeenInIt) {
  const TensorId input = map_.Input(kTensor, kMemory, 5);
  EXPECT_EQ(map_.Output(kTensor, kMemory, 9, 5).tensor, input.tensor);
  EXPECT_EQ(map_.Output(kTensor, kMemory, 9, 5).storage, input.storage);
}

TEST_F(IdentityTest, OutputOfANestedOpIsItsParentsOutput) {
  const uint64_t parent = BeginSpan();
  const uint64_t nested = BeginSpan();
  Allocate(kMemory);
  const TensorId inner = Output(kTensor, kMemory, nested);
  EXPECT_EQ(Output(kTensor, kMemory, parent).tensor, inner.tensor);
}

TEST_F(IdentityTest, OutputAtAReusedTensorAddressIsNew) {
  Allocate(kMemory);
  const TensorId first = Input(kTensor, kMemory);
  const TensorId view = Output(kTensor, kMemory, BeginSpan());
  EXPECT_NE(view.tensor, first.tensor);
  EXPECT_EQ(view.storage, first.storage);
}

TEST_F(IdentityTest, TensorWithOtherMemoryIsNew) {
  Allocate(kMemory);
  Allocate(kOtherMemory);
  const TensorId first = Input(kTensor, kMemory);
  EXPECT_NE(Input(kTensor, kOtherMemory).tensor, first.tensor);
}

TEST_F(IdentityTest, TensorOverReallocatedMemoryIsNew) {
  Allocate(kMemory);
  const TensorId first = Input(kTensor, kMemory);
  map_.Free(kMemory);
  Allocate(kMemory);
  EXPECT_NE(Input(kTensor, kMemory).tensor, first.tensor);
}

TEST_F(IdentityTest, UnobservedMemoryThatComesBackAsAnInputIsTheSame) {
  const TensorId first = Input(kTensor, kMemory);
  BeginSpan();
  EXPECT_EQ(Input(kOtherTensor, kMemory).storage, first.storage);
}

TEST_F(IdentityTest, UnobservedMemoryThatComesBackAsAnOutputIsNew) {
  const TensorId first = Input(kTensor, kMemory);
  const TensorId second = Output(kTensor, kMemory, BeginSpan());
  EXPECT_NE(second.storage, first.storage);
  EXPECT_NE(second.tensor, first.tensor);
}

TEST_F(IdentityTest, ObservedMemoryThatComesBackAsAnOutputIsTheSame) {
  const uint64_t storage = Allocate(kMemory);
  EXPECT_EQ(Output(kTensor, kMemory, BeginSpan()).storage, storage);
}

TEST_F(IdentityTest, TensorWithoutMemoryHasNoStorage) {
  EXPECT_EQ(Input(kTensor, 0).storage, 0);
  EXPECT_NE(Input(kTensor, 0).tensor, 0);
  EXPECT_EQ(map_.last_storage(), 0);
}

TEST_F(IdentityTest, WindowForgetsAllButPinnedMemory) {
  Allocate(kMemory);
  Allocate(kOtherMemory);
  const TensorId weight = Input(kTensor, kMemory);
  const TensorId other = Input(kOtherTensor, kOtherMemory);
  map_.Pin(kMemory);
  map_.StartWindow();
  EXPECT_EQ(Input(kTensor, kMemory).tensor, weight.tensor);
  EXPECT_EQ(Input(kTensor, kMemory).storage, weight.storage);
  EXPECT_NE(Input(kOtherTensor, kOtherMemory).storage, other.storage);
  EXPECT_NE(Input(kOtherTensor, kOtherMemory).tensor, other.tensor);
}

TEST_F(IdentityTest, PinnedMemoryThatIsFreedIsForgotten) {
  const uint64_t storage = Allocate(kMemory);
  map_.Pin(kMemory);
  map_.StartWindow();
  EXPECT_FALSE(map_.Free(kMemory).recorded) << "of an earlier window";
  EXPECT_NE(Input(kTensor, kMemory).storage, storage);
}

TEST_F(IdentityTest, PinningUnknownMemoryDoesNothing) {
  map_.Pin(kMemory);
  map_.StartWindow();
  EXPECT_EQ(map_.last_storage(), 0);
}

// What a program does, with its own notes of which tensor is which.
class Program {
 public:
  explicit Program(uint32_t seed) : random_(seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      switch (Below(4)) {
        case 0:
          MakeTensor(/*allocate=*/true);
          break;
        case 1:
          MakeTensor(/*allocate=*/false);
          break;
        case 2:
          Use();
          break;
        default:
          Destroy();
      }
    }
  }

 private:
  struct Live {
    uint64_t memory;
    TensorId id;
  };

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  // An op whose output has new memory, or is a view.
  void MakeTensor(bool allocate) {
    const uint64_t tensor = 1 + Below(8);
    if (live_.count(tensor) != 0) return;
    const uint64_t start = ++now_;
    uint64_t memory = 0x100 + Below(8);
    if (allocate == (users_.count(memory) != 0)) return;
    if (allocate) {
      storages_[memory] = map_.Allocate(memory, 1, ++now_, true);
      EXPECT_TRUE(seen_storages_.insert(storages_[memory]).second);
    }
    const TensorId id = map_.Output(tensor, memory, ++now_, start);
    EXPECT_TRUE(seen_tensors_.insert(id.tensor).second) << "an id came again";
    EXPECT_EQ(id.storage, storages_[memory]);
    live_[tensor] = {memory, id};
    users_.insert(memory);
  }

  // An op that changes a tensor in place.
  void Use() {
    if (live_.empty()) return;
    const auto& [tensor, live] = *std::next(live_.begin(), Below(live_.size()));
    const uint64_t start = ++now_;
    EXPECT_EQ(map_.Input(tensor, live.memory, start).tensor, live.id.tensor);
    const TensorId output = map_.Output(tensor, live.memory, ++now_, start);
    EXPECT_EQ(output.tensor, live.id.tensor);
    EXPECT_EQ(output.storage, live.id.storage);
  }

  void Destroy() {
    if (live_.empty()) return;
    const auto it = std::next(live_.begin(), Below(live_.size()));
    const uint64_t memory = it->second.memory;
    live_.erase(it);
    users_.erase(users_.find(memory));
    if (users_.count(memory) != 0) return;
    EXPECT_EQ(map_.Free(memory).storage, storages_[memory]);
  }

  std::mt19937 random_;
  IdentityMap map_;
  uint64_t now_ = 0;
  std::map<uint64_t, Live> live_;          // by address of the tensor
  std::multiset<uint64_t> users_;          // memory, once for each tensor
  std::map<uint64_t, uint64_t> storages_;  // by address of memory
  std::set<uint64_t> seen_tensors_, seen_storages_;
};

TEST_F(IdentityTest, IdsAreAsTheProgramSeesItsTensors) {
  for (uint32_t seed = 0; seed < 200; ++seed) Program(seed).Run(500);
}

}  // namespace
}  // namespace torchtape::format
