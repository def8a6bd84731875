#include "file_kind.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace torchtape::format::internal {
namespace {

struct Kind {
  absl::string_view prefix;
  absl::string_view words;
};

constexpr Kind kKinds[] = {
    {"PK\x03\x04", "a zip archive, such as a model saved by PyTorch"},
    {"\x1f\x8b", "a file compressed by gzip; decompress it first"},
    {"\x28\xb5\x2f\xfd", "a file compressed by zstd; decompress it first"},
    {"\xfd"
     "7zXZ",
     "a file compressed by xz; decompress it first"},
    {"BZh", "a file compressed by bzip2; decompress it first"},
    {"\x7f"
     "ELF",
     "a program or library"},
    {"\x89PNG", "a PNG image"},
    {"\xff\xd8\xff", "a JPEG image"},
    {"%PDF", "a PDF document"},
    {"\x93NUMPY", "a NumPy array"},
    {"SQLite format 3", "an SQLite database"},
    {"\x80\x02", "a Python pickle"},
    {"#!", "a script"},
};

bool IsText(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const unsigned char u = static_cast<unsigned char>(c);
    return u >= 0x20 ? u != 0x7f : absl::ascii_isspace(u);
  });
}

}  // namespace

absl::string_view LooksLike(absl::string_view first_bytes) {
  for (const Kind& kind : kKinds) {
    if (absl::StartsWith(first_bytes, kind.prefix)) return kind.words;
  }
  const auto is_zero = [](char c) { return c == '\0'; };
  if (std::all_of(first_bytes.begin(), first_bytes.end(), is_zero)) {
    return "a file of zeros, as a crash of the machine can leave";
  }
  if (!IsText(first_bytes)) return "some other binary file";
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(first_bytes);
  if (absl::StartsWith(text, "{") || absl::StartsWith(text, "[")) {
    return "JSON";
  }
  if (absl::StartsWithIgnoreCase(text, "<!doctype html") ||
      absl::StartsWithIgnoreCase(text, "<html")) {
    return "an HTML page";
  }
  return "text";
}

}  // namespace torchtape::format::internal
