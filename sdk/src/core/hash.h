#ifndef TORCHTAPE_SDK_CORE_HASH_H_
#define TORCHTAPE_SDK_CORE_HASH_H_

// A hash of words that is fast for the 5 to 50 words of a signature.
//
// Sums of 64 x 64 -> 128 bit products of keyed pairs (the NH family of Black,
// Halevi, Krawczyk, Krovetz and Rogaway, "UMAC: Fast and Secure Message
// Authentication", 1999): the products do not wait for each other. Two
// different signatures of a thread get the same hash with a chance of about
// 2^-60; they would then be taken for one.

#include <cstddef>
#include <cstdint>

namespace torchtape::internal {

inline constexpr size_t kHashKeys = 32;

// Digits of pi, as in Blowfish: nothing up our sleeve.
inline constexpr uint64_t kHashKey[kHashKeys] = {
    0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
    0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6c,
    0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917, 0x9216d5d98979fb1b,
    0xd1310ba698dfb5ac, 0x2ffd72dbd01adfb7, 0xb8e1afed6a267e96,
    0xba7c9045f12c7f99, 0x24a19947b3916cf7, 0x0801f2e2858efc16,
    0x636920d871574e69, 0xa458fea3f4933d7e, 0x0d95748f728eb658,
    0x718bcd5882154aee, 0x7b54a41dc25a59b5, 0x9c30d5392af26013,
    0xc5d1b023286085f0, 0xca417918b8db38ef, 0x8e79dcb0603a180e,
    0x6c9e0e8bb01e8a3e, 0xd71577c1bd314b27, 0x78af2fda55605c60,
    0xe65525f3aa55ab94, 0x5748986263e81440, 0x55ca396a2aab10b6,
    0xb4cc5c341141e8ce, 0xa15486af7c72e993};

inline uint64_t HashWords(const uint64_t* words, size_t count, uint64_t seed) {
  using Wide = unsigned __int128;
  uint64_t hash = seed ^ (count * kHashKey[1]);
  while (true) {
    const size_t block = count < kHashKeys ? count : kHashKeys;
    Wide sum = 0;
    size_t i = 0;
    for (; i + 1 < block; i += 2) {
      sum += static_cast<Wide>(words[i] ^ kHashKey[i]) *
             (words[i + 1] ^ kHashKey[i + 1]);
    }
    if (i < block) {
      sum += static_cast<Wide>(words[i] ^ kHashKey[i]) * kHashKey[i + 1];
    }
    const Wide mixed =
        static_cast<Wide>(hash ^ static_cast<uint64_t>(sum) ^ kHashKey[2]) *
        (static_cast<uint64_t>(sum >> 64) ^ kHashKey[3]);
    hash = static_cast<uint64_t>(mixed) ^ static_cast<uint64_t>(mixed >> 64);
    if (count <= kHashKeys) return hash;
    words += block;
    count -= block;
  }
}

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_HASH_H_
