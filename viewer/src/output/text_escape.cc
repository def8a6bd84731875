#include "output/text_escape.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace torchtape::viewer {
namespace {

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 0;  // 0: not UTF-8
};

bool IsContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

size_t SequenceBytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

// Overlong forms, surrogates and values past U+10FFFF are not UTF-8.
CodePoint Decode(absl::string_view text) {
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char lead = text[0];
  const size_t bytes = SequenceBytes(lead);
  if (bytes == 0 || bytes > text.size()) return {};
  if (bytes == 1) return {lead, 1};
  uint32_t value = lead & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if (!IsContinuation(text[i])) return {};
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (value < kSmallest[bytes] || surrogate || value > 0x10ffff) return {};
  return {value, bytes};
}

bool IsControl(uint32_t value) {
  return value < 0x20 || (value >= 0x7f && value < 0xa0);
}

// Line and paragraph separators, marks and overrides of direction, and the
// byte order mark.
bool IsMisleading(uint32_t value) {
  return value == 0x061c || (value >= 0x200e && value <= 0x200f) ||
         (value >= 0x2028 && value <= 0x202e) ||
         (value >= 0x2066 && value <= 0x2069) || value == 0xfeff;
}

void AppendEscaped(absl::string_view bytes, uint32_t value, std::string* out) {
  if (value == '\\') {
    *out += "\\\\";
  } else if (value == '\n') {
    *out += "\\n";
  } else if (value == '\t') {
    *out += "\\t";
  } else if (value < 0x80 && IsControl(value)) {
    absl::StrAppendFormat(out, "\\x%02x", value);
  } else if (IsControl(value) || IsMisleading(value)) {
    absl::StrAppendFormat(out, "\\u%04x", value);
  } else {
    out->append(bytes.data(), bytes.size());
  }
}

void AppendByte(char byte, std::string* out) {
  absl::StrAppendFormat(out, "\\x%02x", static_cast<unsigned char>(byte));
}

// What `append` makes of each code point; bytes that are none stand escaped.
template <typename Append>
std::string Rewrite(absl::string_view name, Append append) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    const CodePoint point = Decode(name);
    if (point.bytes == 0) {
      AppendByte(name[0], &out);
      name.remove_prefix(1);
      continue;
    }
    append(name.substr(0, point.bytes), point.value, &out);
    name.remove_prefix(point.bytes);
  }
  return out;
}

}  // namespace

std::string EscapeText(absl::string_view name) {
  return Rewrite(name, AppendEscaped);
}

std::string ShellWord(absl::string_view name) {
  constexpr absl::string_view kPlain = "_./:@%+=,-";
  const auto is_plain = [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(kPlain, c) ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  // Else it would be an option.
  const absl::string_view here = absl::StartsWith(name, "-") ? "./" : "";
  if (EscapeText(name) != name) {
    std::string quoted = absl::StrCat("$'", here);
    for (const char c : name) {
      if (c == '\'' || c == '\\') {
        quoted += {'\\', c};
      } else if (absl::ascii_isprint(c)) {
        quoted += c;
      } else {
        absl::StrAppendFormat(&quoted, "\\x%02x",
                              static_cast<unsigned char>(c));
      }
    }
    return quoted + "'";
  }
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_plain)) {
    return absl::StrCat(here, name);
  }
  return absl::StrCat("'", here, absl::StrReplaceAll(name, {{"'", "'\\''"}}),
                      "'");
}

std::string ToUtf8(absl::string_view name) {
  return Rewrite(name, [](absl::string_view bytes, uint32_t, std::string* out) {
    out->append(bytes.data(), bytes.size());
  });
}

size_t TextWidth(absl::string_view text) {
  size_t width = 0;
  for (char byte : text) width += IsContinuation(byte) ? 0 : 1;
  return width;
}

std::string FitText(absl::string_view text, size_t width) {
  if (TextWidth(text) <= width) return std::string(text);
  if (width <= 2) return std::string(width, '.');
  size_t bytes = 0;
  for (size_t columns = 0; bytes < text.size(); ++bytes) {
    if (IsContinuation(text[bytes])) continue;
    if (columns++ == width - 2) break;
  }
  return std::string(text.substr(0, bytes)) + "..";
}

}  // namespace torchtape::viewer
