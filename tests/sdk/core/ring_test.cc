#include "core/ring.h"

#include <random>
#include <thread>
#include <vector>

#include "gmock/gmock.h"

namespace torchtape::internal {
namespace {

using format::KindOf;
using format::RecordHeader;
using format::RecordKind;
using format::WordsOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kWords = 64;

// Writes a record whose id and remaining words are `number`.
bool Put(Ring* ring, uint32_t number, size_t words, size_t spare = 0) {
  uint64_t* record = ring->Reserve(words, spare);
  if (record == nullptr) return false;
  record[0] = RecordHeader(RecordKind::kFree, 0, words, number);
  for (size_t i = 1; i < words; ++i) record[i] = number;
  ring->Commit(words);
  return true;
}

// Takes whole records from the front of `words`; their numbers. False if a
// record is split or is not as it was put.
bool Take(absl::Span<const uint64_t> words, std::vector<uint32_t>* numbers) {
  while (!words.empty()) {
    const size_t count = WordsOf(words[0]);
    if (count == 0 || count > words.size()) return false;
    const uint32_t number = format::IdOf(words[0]);
    if (KindOf(words[0]) != RecordKind::kPad) {
      for (uint64_t word : words.subspan(1, count - 1)) {
        if (word != number) return false;
      }
      numbers->push_back(number);
    }
    words.remove_prefix(count);
  }
  return true;
}

class RingTest : public ::testing::Test {
 protected:
  // The numbers of all records that are ready.
  std::vector<uint32_t> TakeAll() {
    absl::Span<const uint64_t> first, second;
    ring_.Peek(&first, &second);
    std::vector<uint32_t> numbers;
    EXPECT_TRUE(Take(first, &numbers) && Take(second, &numbers));
    ring_.Release(first.size() + second.size());
    return numbers;
  }
  size_t ReadyWords() {
    absl::Span<const uint64_t> first, second;
    ring_.Peek(&first, &second);
    return first.size() + second.size();
  }

  Ring ring_{kWords};
};

TEST_F(RingTest, RecordsComeOutInOrder) {
  ASSERT_TRUE(ring_.valid());
  EXPECT_THAT(TakeAll(), IsEmpty());
  Put(&ring_, 1, 2);
  Put(&ring_, 2, 5);
  EXPECT_THAT(TakeAll(), ElementsAre(1, 2));
  EXPECT_THAT(TakeAll(), IsEmpty());
}

TEST_F(RingTest, RecordIsSeenOnlyOnceCommitted) {
  ASSERT_NE(ring_.Reserve(4, 0), nullptr);
  EXPECT_EQ(ReadyWords(), 0);
  ring_.Commit(4);
  EXPECT_EQ(ReadyWords(), 4);
}

TEST_F(RingTest, SeamIsPaddedSoThatNoRecordIsSplit) {
  Put(&ring_, 1, kWords - 3);
  TakeAll();
  ASSERT_TRUE(Put(&ring_, 2, 5));
  EXPECT_EQ(ReadyWords(), 3 + 5);
  EXPECT_THAT(TakeAll(), ElementsAre(2));
}

TEST_F(RingTest, RecordThatEndsAtTheSeamNeedsNoPadding) {
  Put(&ring_, 1, kWords - 5);
  TakeAll();
  ASSERT_TRUE(Put(&ring_, 2, 5));
  EXPECT_EQ(ReadyWords(), 5);
}

TEST_F(RingTest, WholeRingCanBeUsed) {
  EXPECT_TRUE(Put(&ring_, 1, kWords));
  EXPECT_THAT(TakeAll(), ElementsAre(1));
}

TEST_F(RingTest, FullRingRefusesAndRecovers) {
  ASSERT_TRUE(Put(&ring_, 1, kWords - 2));
  EXPECT_FALSE(Put(&ring_, 2, 3));
  EXPECT_TRUE(Put(&ring_, 3, 2));
  EXPECT_FALSE(Put(&ring_, 4, 1));
  EXPECT_THAT(TakeAll(), ElementsAre(1, 3));
  EXPECT_TRUE(Put(&ring_, 5, 3));
  EXPECT_THAT(TakeAll(), ElementsAre(5));
}

TEST_F(RingTest, RefusalLeavesNothingBehind) {
  Put(&ring_, 1, kWords - 2);
  TakeAll();
  EXPECT_FALSE(Put(&ring_, 2, kWords - 1)) << "2 words of padding before it";
  EXPECT_EQ(ReadyWords(), 0);
  EXPECT_TRUE(Put(&ring_, 3, 2));
}

TEST_F(RingTest, RecordLargerThanTheRingIsRefused) {
  EXPECT_FALSE(Put(&ring_, 1, kWords + 1));
  EXPECT_FALSE(Put(&ring_, 1, format::kMaxRecordWords));
}

TEST_F(RingTest, ReserveLeavesTheSpareRoom) {
  EXPECT_FALSE(Put(&ring_, 1, 10, kWords - 9));
  EXPECT_TRUE(Put(&ring_, 1, 10, kWords - 10));
  EXPECT_FALSE(Put(&ring_, 2, 1, kWords - 10));
  EXPECT_TRUE(Put(&ring_, 2, kWords - 10)) << "the spare room is there";
}

TEST_F(RingTest, ResetEmptiesIt) {
  Put(&ring_, 1, kWords);
  ring_.Reset();
  EXPECT_EQ(ReadyWords(), 0);
  EXPECT_TRUE(Put(&ring_, 2, kWords));
}

TEST_F(RingTest, RecordsOfAnySizeComeOutWhole) {
  std::mt19937 random(1);
  std::vector<uint32_t> put, taken;
  for (uint32_t i = 0; i < 100000; ++i) {
    if (Put(&ring_, i, 1 + random() % 20, random() % 8)) put.push_back(i);
    if (random() % 4 != 0) continue;
    for (uint32_t number : TakeAll()) taken.push_back(number);
  }
  for (uint32_t number : TakeAll()) taken.push_back(number);
  EXPECT_GT(put.size(), 10000);
  EXPECT_EQ(taken, put);
}

TEST_F(RingTest, OneThreadWritesWhileAnotherReads) {
  constexpr uint32_t kRecords = 100000;
  std::thread writer([this] {
    for (uint32_t i = 0; i < kRecords; ++i) {
      while (!Put(&ring_, i, 1 + i % 9)) std::this_thread::yield();
    }
  });
  uint32_t next = 0;
  while (next < kRecords && !HasFailure()) {
    for (uint32_t number : TakeAll()) EXPECT_EQ(number, next++);
    std::this_thread::yield();
  }
  writer.join();
}

}  // namespace
}  // namespace torchtape::internal
