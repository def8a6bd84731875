#ifndef TORCHTAPE_VIEWER_SRC_OUTPUT_TEXT_ESCAPE_H_
#define TORCHTAPE_VIEWER_SRC_OUTPUT_TEXT_ESCAPE_H_

// Makes names safe to print. Names come from users: they may hold bytes that
// are not UTF-8, and control characters that would move a terminal's cursor.

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace torchtape::viewer {

// For a terminal: one line of printable UTF-8. A backslash becomes `\\`, a
// newline `\n`, a tab `\t`, any other control character and any byte that is
// not UTF-8 `\x1b`; characters that change the direction of text or break lines
// become `\u202e`. Nothing else changes, so the original can be told.
std::string EscapeText(absl::string_view name);

// For a command line that a reader may copy into a shell (bash, zsh): `name`
// itself if it is plain, else in quotes, one line of printable text in any
// case.
std::string ShellWord(absl::string_view name);

// For a JSON string: `name` itself if it is valid UTF-8, else with each byte
// that is not as `\xff`. The JSON writer escapes what JSON wants escaped.
std::string ToUtf8(absl::string_view name);

// How many columns a terminal needs for escaped text: code points.
size_t TextWidth(absl::string_view text);

// At most `width` columns of escaped text; a cut is shown by "..".
std::string FitText(absl::string_view text, size_t width);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_OUTPUT_TEXT_ESCAPE_H_
