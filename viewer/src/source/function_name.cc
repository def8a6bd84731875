#include "source/function_name.h"

#include <cxxabi.h>

#include <cctype>
#include <cstdlib>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace torchtape::viewer {
namespace {

// A mangled name can stand for a text that is exponentially longer.
constexpr size_t kMaxMangled = 4096;

// Begins a type that looks like arguments.
constexpr absl::string_view kDecltype = "decltype (";

bool IsNamePart(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Reads a demangled name from left to right.
class NameReader {
 public:
  explicit NameReader(absl::string_view text) : text_(text) {}

  std::string Name() {
    size_t begin = 0;
    while (at_ < text_.size()) {
      if (TakeOperator()) {
        // What follows is its name, or the type it converts to.
        while (at_ < text_.size() && text_[at_] != '(') SkipItem();
      } else if (absl::StartsWith(Rest(), kDecltype)) {
        at_ += kDecltype.size() - 1;
        SkipItem();
      } else if (text_[at_] == ' ') {
        begin = ++at_;  // it was the type that is returned
      } else if (text_[at_] == '(' && !IsAnonymous()) {
        const size_t end = at_;
        SkipArguments();
        if (!absl::StartsWith(Rest(), "::")) {
          return std::string(text_.substr(begin, end - begin));
        }
      } else {
        SkipItem();
      }
    }
    return std::string(text_.substr(begin));
  }

 private:
  absl::string_view Rest() const { return text_.substr(at_); }
  bool IsAnonymous() const {
    return absl::StartsWith(Rest(), "(anonymous namespace)");
  }

  // The word and its sign, which may look like a bracket.
  bool TakeOperator() {
    constexpr absl::string_view kWord = "operator";
    constexpr absl::string_view kSigns = "<>=-+*/%^&|!~,[]";
    if (!absl::StartsWith(Rest(), kWord)) return false;
    if (at_ > 0 && IsNamePart(text_[at_ - 1])) return false;
    const size_t after = at_ + kWord.size();
    if (after >= text_.size() || IsNamePart(text_[after])) return false;
    at_ = after;
    if (absl::StartsWith(Rest(), "()")) at_ += 2;
    while (at_ < text_.size() &&
           kSigns.find(text_[at_]) != absl::string_view::npos) {
      ++at_;
    }
    return true;
  }

  // One character, or a bracket with all that is in it.
  void SkipItem() {
    size_t depth = 0;
    do {
      const char c = text_[at_];
      const bool arrow = c == '>' && at_ > 0 && text_[at_ - 1] == '-';
      if (c == '<' || c == '(' || c == '{' || c == '[') ++depth;
      if ((c == '>' || c == ')' || c == '}' || c == ']') && depth > 0 && !arrow)
        --depth;
      ++at_;
    } while (depth > 0 && at_ < text_.size());
  }

  // Arguments with the qualifiers behind them, if a scope goes on after these:
  // "f(int) const::{lambda()#1}".
  void SkipArguments() {
    SkipItem();
    absl::string_view rest = Rest();
    absl::ConsumePrefix(&rest, " const");
    absl::ConsumePrefix(&rest, " volatile");
    absl::ConsumePrefix(&rest, " &");
    absl::ConsumePrefix(&rest, "&");
    if (absl::StartsWith(rest, "::")) at_ = text_.size() - rest.size();
  }

  const absl::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string WithoutSignature(const std::string& demangled) {
  const std::string name = NameReader(demangled).Name();
  return name.empty() ? demangled : name;
}

std::string FunctionName(const std::string& linkage_name) {
  if (linkage_name.size() > kMaxMangled ||
      !absl::StartsWith(linkage_name, "_Z")) {
    return linkage_name;
  }
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(linkage_name.c_str(), nullptr, nullptr, &status),
      &std::free);
  return text == nullptr ? linkage_name : WithoutSignature(text.get());
}

}  // namespace torchtape::viewer
