#include "output/text_escape.h"

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
