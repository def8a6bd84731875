#include "zstd_codec.h"

#include <cstring>
#include <random>

#include "gmock/gmock.h"
#include "support/status_matchers.h"

namespace torchtape::format::internal {
namespace {

using ::testing::_;
using testing::IsOk;
using ::testing::StartsWith;
using testing::StatusIs;

std::string Compress(absl::string_view raw) {
  std::string stored;
  EXPECT_THAT(Compressor().Append(raw, &stored), IsOk());
  return stored;
}

TEST(ZstdCodec, PayloadComesBack) {
  const std::string raw(100000, 'a');
  const std::string stored = Compress(raw);
  EXPECT_LT(stored.size(), 1000);
  EXPECT_EQ(Decompress(stored, 100000).value(), raw);
}

TEST(ZstdCodec, EmptyPayloadComesBack) {
  EXPECT_EQ(Decompress(Compress(""), 0).value(), "");
}

TEST(ZstdCodec, AppendsBehindWhatIsThere) {
  Compressor compressor;
  std::string stored = "head";
  ASSERT_THAT(compressor.Append("payload", &stored), IsOk());
  EXPECT_THAT(stored, StartsWith("head"));
  EXPECT_EQ(Decompress(stored.substr(4), 7).value(), "payload");
}

TEST(ZstdCodec, CompressorIsReusable) {
  Compressor compressor;
  for (const char* raw : {"first", "second", ""}) {
    std::string stored;
    ASSERT_THAT(compressor.Append(raw, &stored), IsOk());
    EXPECT_EQ(Decompress(stored, strlen(raw)).value(), raw);
  }
}

// Of each byte four bits are random, which ones differs. Tables that served
// both parts would spend five bits on a byte.
TEST(ZstdCodec, PartsThatDifferHaveTablesOfTheirOwn) {
  std::mt19937 random(1);
  for (const size_t part : {size_t{16} << 10, size_t{512} << 10}) {
    std::string raw;
    while (raw.size() < part) raw += static_cast<char>(random() % 16);
    while (raw.size() < 2 * part) raw += static_cast<char>(random() % 16 + 64);
    const std::string stored = Compress(raw);
    EXPECT_LT(static_cast<double>(stored.size()),
              0.53 * static_cast<double>(raw.size()));
    EXPECT_EQ(Decompress(stored, static_cast<uint32_t>(raw.size())).value(),
              raw);
  }
}

TEST(ZstdCodec, FrameOfAnotherSizeIsRefusedBeforeDecompression) {
  const std::string stored = Compress("payload");
  EXPECT_THAT(Decompress(stored, 6), StatusIs(absl::StatusCode::kDataLoss, _));
  EXPECT_THAT(Decompress(stored, 8), StatusIs(absl::StatusCode::kDataLoss, _));
}

TEST(ZstdCodec, AnythingButOneFrameIsRefused) {
  const std::string stored = Compress("payload");
  for (const std::string& bad :
       {stored + stored, stored + "x", stored + Compress(""),
        stored.substr(0, stored.size() - 1), std::string(),
        std::string("no frame")}) {
    EXPECT_THAT(Decompress(bad, 7), StatusIs(absl::StatusCode::kDataLoss, _));
  }
}

}  // namespace
}  // namespace torchtape::format::internal
