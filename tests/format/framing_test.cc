#include "framing.h"

#include "checksum.h"
#include "gmock/gmock.h"

namespace torchtape::format::internal {
namespace {

TEST(Checksum, IsTheCommonCrc32) {
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u);  // the check value of CRC-32
  EXPECT_EQ(Crc32(""), 0u);
}

TEST(Framing, SizesAreThoseOfTheLayout) {
  EXPECT_EQ(Encode(FileHeader{}).size(), kFileHeaderBytes);
  EXPECT_EQ(Encode(ChunkHeader{}).size(), kChunkHeaderBytes);
  EXPECT_EQ(Encode(Footer{}).size(), kFooterBytes);
}

TEST(Framing, HeadersComeBackAsTheyWere) {
  const auto file = DecodeFileHeader(Encode(FileHeader{0x1234, 0x5678}));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->major, 0x1234);
  EXPECT_EQ(file->minor, 0x5678);

  const ChunkHeader header{2, 1, 0x01020304, 0x05060708, 0xfffffffe, ~0ull};
  const auto chunk = DecodeChunkHeader(Encode(header));
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->kind, header.kind);
  EXPECT_EQ(chunk->codec, header.codec);
  EXPECT_EQ(chunk->stored_bytes, header.stored_bytes);
  EXPECT_EQ(chunk->raw_bytes, header.raw_bytes);
  EXPECT_EQ(chunk->payload_crc, header.payload_crc);
  EXPECT_EQ(chunk->number, header.number);

  EXPECT_EQ(DecodeFooter(Encode(Footer{1ull << 40}))->index_offset, 1ull << 40);
}

TEST(Framing, IntegersAreLittleEndian) {
  const std::string bytes = Encode(FileHeader{1, 0x0203});
  EXPECT_EQ(bytes.substr(8, 4), std::string("\x01\x00\x03\x02", 4));
}

// Every bit is covered by a mark or by the checksum.
TEST(Framing, AnyFlippedBitIsNoticed) {
  const auto flips = [](const std::string& good, auto decode) {
    for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(decode(bad)) << "bit " << bit;
    }
  };
  flips(Encode(FileHeader{1, 0}), DecodeFileHeader);
  flips(Encode(ChunkHeader{1, 1, 2, 3, 4, 5}), DecodeChunkHeader);
  flips(Encode(Footer{99}), DecodeFooter);
}

TEST(Framing, TooFewBytesAreNoHeader) {
  EXPECT_FALSE(DecodeFileHeader(Encode(FileHeader{}).substr(0, 15)));
  EXPECT_FALSE(DecodeChunkHeader(Encode(ChunkHeader{}).substr(0, 39)));
  EXPECT_FALSE(DecodeFooter(Encode(Footer{}).substr(0, 23)));
  EXPECT_FALSE(DecodeFooter(""));
}

}  // namespace
}  // namespace torchtape::format::internal
