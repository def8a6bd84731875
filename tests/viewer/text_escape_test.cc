#include "output/text_escape.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace torchtape::viewer {
namespace {

using std::string_literals::operator""s;

TEST(EscapeText, OrdinaryNamesStayAsTheyAre) {
  EXPECT_EQ(EscapeText("aten::add_"), "aten::add_");
  EXPECT_EQ(EscapeText(""), "");
}

TEST(EscapeText, EveryScriptOfTheWorldIsPrinted) {
  EXPECT_EQ(EscapeText("größe 大きさ 🙂"), "größe 大きさ 🙂");
}

TEST(EscapeText, ControlCharactersCannotReachTheTerminal) {
  EXPECT_EQ(EscapeText("a\x1b[31mb\n\t\r\x7f"s + '\0'),
            "a\\x1b[31mb\\n\\t\\x0d\\x7f\\x00");
  EXPECT_EQ(EscapeText("\xc2\x9b"
                       "31m"),
            "\\u009b31m");
}

TEST(EscapeText, TextCannotChangeItsDirection) {
  EXPECT_EQ(EscapeText("a\u202egpj"), "a\\u202egpj");
  EXPECT_EQ(EscapeText("a\u2028b"), "a\\u2028b");
}

TEST(EscapeText, BytesThatAreNotUtf8AreShownAsBytes) {
  EXPECT_EQ(EscapeText("a\xff"), "a\\xff");
  EXPECT_EQ(EscapeText("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(EscapeText("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(EscapeText("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(EscapeText("\xe5\xa4"), "\\xe5\\xa4");  // cut short
}

TEST(EscapeText, AnEscapeCannotBeForged) {
  EXPECT_NE(EscapeText("\\xff"), EscapeText("\xff"));
  EXPECT_EQ(EscapeText("\\xff"), "\\\\xff");
}

// What a shell takes the word for.
std::string ReadByShell(const std::string& word) {
  const std::string script =
      absl::StrCat(::testing::TempDir(), "shell_word_", getpid(), ".sh");
  std::ofstream(script) << "printf %s " << word;
  std::FILE* const shell = popen(("bash '" + script + "'").c_str(), "r");
  std::string read;
  for (int c; (c = std::fgetc(shell)) != EOF;) read += static_cast<char>(c);
  EXPECT_EQ(pclose(shell), 0);
  std::remove(script.c_str());
  return read;
}

TEST(ShellWord, PlainNamesStayAsTheyAre) {
  EXPECT_EQ(ShellWord("logs/run-1.tape"), "logs/run-1.tape");
  EXPECT_EQ(ShellWord("größe.tape"), "größe.tape");
}

TEST(ShellWord, IsWhatAShellReads) {
  for (const std::string& name :
       {"my run.tape"s, "it's.tape"s, "$HOME `id` \"x\".tape"s, "a\\b c"s,
        "two\nlines'\\.tape"s, "\xff.tape"s, "a;b&c|d"s, "*"s, ""s}) {
    EXPECT_EQ(ReadByShell(ShellWord(name)), name);
    EXPECT_EQ(ShellWord(name).find('\n'), std::string::npos);
  }
}

TEST(ShellWord, IsNoOption) {
  EXPECT_EQ(ShellWord("-v.tape"), "./-v.tape");
  EXPECT_EQ(ShellWord("-v 1.tape"), "'./-v 1.tape'");
}

TEST(ToUtf8, KeepsValidTextAndReplacesOtherBytes) {
  EXPECT_EQ(ToUtf8("größe\n\\"), "größe\n\\");
  EXPECT_EQ(ToUtf8("a\xff"), "a\\xff");
}

TEST(FitText, CutsBetweenCharactersAndShowsIt) {
  EXPECT_EQ(FitText("größe", 5), "größe");
  EXPECT_EQ(FitText("größer", 5), "grö..");
  EXPECT_EQ(TextWidth("größe"), 5u);
}

}  // namespace
}  // namespace torchtape::viewer
