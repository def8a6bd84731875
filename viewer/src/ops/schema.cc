#include "ops/schema.h"

#include "absl/strings/ascii.h"

namespace torchtape::viewer {
namespace {

// Index of the bracket that closes the one at `open`; npos if none does.
size_t Closing(absl::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '(' || text[i] == '[') ++depth;
    if (text[i] == ')' || text[i] == ']') --depth;
    if (depth == 0) return i;
  }
  return absl::string_view::npos;
}

// The name is the last word, unless that word is part of the type.
Argument ParseOne(absl::string_view text) {
  Argument argument;
  const size_t space = text.rfind(' ');
  argument.type = std::string(text.substr(0, space));
  argument.written = text.find('!') != absl::string_view::npos;
  if (space == absl::string_view::npos) return argument;
  absl::string_view name = text.substr(space + 1);
  argument.name = std::string(name.substr(0, name.find('=')));
  return argument;
}

// A default may hold spaces and commas: "int[2] stride=[1, 1]", "str s=\"a
// b\"".
absl::string_view WithoutDefault(absl::string_view text) {
  return text.substr(0, text.find('='));
}

std::vector<Argument> ParseList(absl::string_view text) {
  std::vector<Argument> arguments;
  int depth = 0;
  bool quoted = false;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '"') quoted = !quoted;
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    const bool at_end = i == text.size();
    if (!at_end && (c != ',' || depth > 0 || quoted)) continue;
    const absl::string_view part =
        absl::StripAsciiWhitespace(text.substr(begin, i - begin));
    begin = i + 1;
    if (!part.empty() && part != "*") {
      arguments.push_back(ParseOne(WithoutDefault(part)));
    }
  }
  return arguments;
}

}  // namespace

std::vector<Argument> SchemaArguments(absl::string_view schema) {
  const size_t open = schema.find('(');
  if (open == absl::string_view::npos) return {};
  const size_t close = Closing(schema, open);
  if (close == absl::string_view::npos) return {};
  return ParseList(schema.substr(open + 1, close - open - 1));
}

std::vector<Argument> SchemaReturns(absl::string_view schema) {
  const size_t arrow = schema.rfind("-> ");
  if (arrow == absl::string_view::npos) return {};
  absl::string_view text = absl::StripAsciiWhitespace(schema.substr(arrow + 3));
  if (text.size() >= 2 && text.front() == '(' && text.back() == ')') {
    text = text.substr(1, text.size() - 2);
  }
  return ParseList(text);
}

}  // namespace torchtape::viewer
