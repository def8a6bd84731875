#include "core/import_slots.h"

#include <dlfcn.h>
#include <zlib.h>

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace torchtape::internal {
namespace {

std::atomic<int> calls{0};

// In the place of zlib's; zlib itself is called by its address.
using Checksum = uLong (*)(uLong, const Bytef*, uInt);
uLong Adler(uLong seed, const Bytef* bytes, uInt size) {
  static const auto next =
      reinterpret_cast<Checksum>(dlsym(RTLD_DEFAULT, "adler32"));
  ++calls;
  return next(seed, bytes, size);
}

// A call that the compiler must make through the slot each time.
uLong CallAdler() {
  const Bytef bytes[] = {1, 2, 3};
  return adler32(1, bytes, sizeof bytes);
}

class ImportSlotsTest : public ::testing::Test {
 protected:
  ImportSlotsTest() {
    slots_.Replace("adler32", reinterpret_cast<const void*>(&Adler));
    expected_ = CallAdler();
    calls = 0;
  }
  ~ImportSlotsTest() override { slots_.PutBack(); }

  ImportSlots slots_;
  uLong expected_ = 0;
};

TEST_F(ImportSlotsTest, CallsReachTheReplacementOnlyWhileItIsPlaced) {
  EXPECT_EQ(CallAdler(), expected_);
  EXPECT_EQ(calls, 0);
  slots_.Place();
  EXPECT_EQ(CallAdler(), expected_);
  EXPECT_EQ(calls, 1);
  slots_.PutBack();
  EXPECT_EQ(CallAdler(), expected_);
  EXPECT_EQ(calls, 1);
}

TEST_F(ImportSlotsTest, SlotsHoldWhatTheyHeldBefore) {
  slots_.PutBack();  // looks
  ASSERT_FALSE(slots_.slots().empty());
  std::vector<void*> before;
  for (const auto& slot : slots_.slots()) before.push_back(*slot.at);
  for (int i = 0; i < 3; ++i) {
    slots_.Place();
    slots_.Place();  // twice is once
    slots_.PutBack();
    slots_.PutBack();
  }
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(*slots_.slots()[i].at, before[i]);
  }
}

// A lazy slot is bound by the loader at any time, also over a replacement.
TEST_F(ImportSlotsTest, ASlotThatSomebodyElseChangedIsLeftAlone) {
  slots_.Place();
  ImportSlots other;
  other.Replace("adler32", reinterpret_cast<const void*>(&CallAdler));
  other.Place();
  slots_.PutBack();
  for (const auto& slot : slots_.slots()) {
    EXPECT_EQ(*slot.at, reinterpret_cast<void*>(&CallAdler));
  }
  other.PutBack();
  slots_.PutBack();
  EXPECT_EQ(CallAdler(), expected_);
  EXPECT_EQ(calls, 0);
}

// As when a page could not be made writable to put a slot back.
TEST_F(ImportSlotsTest, ASlotThatHeldTheReplacementAlreadyIsLeftAlone) {
  slots_.Place();
  ImportSlots later;
  later.Replace("adler32", reinterpret_cast<const void*>(&Adler));
  later.Place();
  later.PutBack();
  EXPECT_EQ(CallAdler(), expected_);
  EXPECT_EQ(calls, 1);
  slots_.PutBack();
  EXPECT_EQ(CallAdler(), expected_);
  EXPECT_EQ(calls, 1);
}

TEST_F(ImportSlotsTest, ThreadsMayCallAllTheWhile) {
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        if (CallAdler() != expected_) ++wrong;
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    slots_.Place();
    slots_.PutBack();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ImportSlotsTest, SymbolsThatNobodyImportsHaveNoSlots) {
  ImportSlots none;
  none.Replace("torchtape_no_such_symbol", &calls);
  none.Place();
  EXPECT_TRUE(none.slots().empty());
  none.PutBack();
}

}  // namespace
}  // namespace torchtape::internal
