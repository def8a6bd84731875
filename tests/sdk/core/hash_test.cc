#include "core/hash.h"

#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace torchtape::internal {
namespace {

uint64_t Hash(const std::vector<uint64_t>& words, uint64_t seed = 1) {
  return HashWords(words.data(), words.size(), seed);
}

TEST(HashWords, EqualWordsHashAlike) {
  EXPECT_EQ(Hash({1, 2, 3}), Hash({1, 2, 3}));
}

TEST(HashWords, SeedLengthAndOrderCount) {
  const std::set<uint64_t> hashes = {
      Hash({}),        Hash({}, 2),  Hash({0}),       Hash({0, 0}),
      Hash({0, 0, 0}), Hash({1, 2}), Hash({2, 1}),    Hash({1, 2}, 2),
      Hash({1}),       Hash({1, 0}), Hash({0, 1, 0}), Hash({0, 0, 1})};
  EXPECT_EQ(hashes.size(), 12);
}

// Also in the words behind the first block of keys.
TEST(HashWords, EveryBitCounts) {
  for (size_t count : {1, 2, 31, 32, 33, 64, 65}) {
    std::vector<uint64_t> words(count, 7);
    std::set<uint64_t> hashes = {Hash(words)};
    for (size_t bit = 0; bit < 64 * count; ++bit) {
      words[bit / 64] ^= uint64_t{1} << bit % 64;
      EXPECT_TRUE(hashes.insert(Hash(words)).second) << count << " " << bit;
      words[bit / 64] ^= uint64_t{1} << bit % 64;
    }
  }
}

TEST(HashWords, SmallNumbersDoNotCollide) {
  std::set<uint64_t> hashes;
  for (uint64_t i = 0; i < 100000; ++i) {
    hashes.insert(Hash({5, i % 1000, 9, i / 1000}));
  }
  EXPECT_EQ(hashes.size(), 100000);
}

}  // namespace
}  // namespace torchtape::internal
