#include "dictionary.h"

#include "gmock/gmock.h"
#include "support/records.h"

namespace torchtape::format {
namespace {

using ::testing::IsEmpty;
using testing::kScalarTensor;
using testing::WordsOfText;
using WordList = std::vector<uint64_t>;

constexpr uint64_t Tag(ValueTag tag, uint64_t rest = 0) {
  return ValueWord(tag, rest);
}

SignatureWords Signature(const WordList& words, uint32_t op = 0) {
  SignatureWords signature;
  signature.op = op;
  signature.values_recorded = true;
  signature.words.assign(reinterpret_cast<const char*>(words.data()),
                         words.size() * sizeof(uint64_t));
  return signature;
}

class DictionaryTest : public ::testing::Test {
 protected:
  DictionaryTest() : operators_(2) {
    operators_[0].set_name("aten::add");
    operators_[1].set_name("aten::mul");
  }
  uint32_t Index(const SignatureWords& signature) {
    return dictionary_.Index(signature, operators_, objects_);
  }
  // The only value of these words, as the log has it.
  std::string ValueOf(const WordList& words) {
    SignatureWords signature = Signature(words);
    if (!signature.Count()) return "malformed";
    const int index = static_cast<int>(Index(signature)) - 1;
    const v1::Signature& message = dictionary_.message().signatures(index);
    return message.values_size() == 1 ? message.values(0).ShortDebugString()
                                      : "not one value";
  }
  std::string TypeOf(const WordList& words) {
    const std::string value = ValueOf(words);
    const int types = dictionary_.message().types_size();
    return value == "tensor: " + std::to_string(types)
               ? dictionary_.message().types(types - 1).ShortDebugString()
               : value;
  }

  std::vector<v1::Operator> operators_;
  std::vector<v1::CodeObject> objects_;
  Dictionary dictionary_;
};

TEST_F(DictionaryTest, CallsFromTwoPlacesAreTwoSignatures) {
  objects_.emplace_back().set_path("program");
  SignatureWords here = Signature({kScalarTensor}, 1);
  SignatureWords there = here;
  here.call_path = {{1, 0x1000}};
  there.call_path = {{1, 0x2000}};
  const v1::Dictionary& message = dictionary_.message();
  EXPECT_EQ(Index(here), 1);
  EXPECT_EQ(Index(there), 2);
  EXPECT_EQ(Index(here), 1);
  EXPECT_EQ(message.objects_size(), 1);
  ASSERT_EQ(message.call_sites_size(), 2);
  EXPECT_EQ(message.call_sites(1).object(), 1);
  EXPECT_EQ(message.call_sites(1).address(), 0x2000);
  EXPECT_EQ(message.signatures(1).call_site(), 2);
}

TEST_F(DictionaryTest, CallersAreToldOnceAndBeforeWhatTheyCall) {
  objects_.emplace_back().set_path("program");
  SignatureWords here = Signature({kScalarTensor}, 1);
  SignatureWords there = here, direct = here;
  here.call_path = {{1, 0x10}, {1, 0x20}, {1, 0x1000}};
  there.call_path = {{1, 0x10}, {1, 0x20}, {1, 0x2000}};
  direct.call_path = {{1, 0x10}};
  EXPECT_EQ(Index(here), 1);
  EXPECT_EQ(Index(there), 2);
  EXPECT_EQ(Index(direct), 3);
  EXPECT_EQ(Index(here), 1);
  const v1::Dictionary& message = dictionary_.message();
  const auto path = [&message](int signature) {
    std::vector<uint64_t> addresses;
    for (uint32_t at = message.signatures(signature).call_site(); at != 0;
         at = message.call_sites(at - 1).caller()) {
      addresses.push_back(message.call_sites(at - 1).address());
      EXPECT_LT(message.call_sites(at - 1).caller(), at);
    }
    return addresses;
  };
  EXPECT_THAT(path(0), ::testing::ElementsAre(0x10, 0x20, 0x1000));
  EXPECT_THAT(path(1), ::testing::ElementsAre(0x10, 0x20, 0x2000));
  EXPECT_THAT(path(2), ::testing::ElementsAre(0x10));
  EXPECT_EQ(message.call_sites_size(), 7);
  EXPECT_EQ(message.objects_size(), 1);
}

TEST_F(DictionaryTest, EqualSignaturesOfTwoThreadsAreOne) {
  EXPECT_EQ(Index(Signature({kScalarTensor}, 1)), 1);
  EXPECT_EQ(Index(Signature({kScalarTensor}, 1)), 1);
  EXPECT_EQ(dictionary_.message().signatures_size(), 1);
}

TEST_F(DictionaryTest, OperatorValuesAndWhatWasAskedTellSignaturesApart) {
  SignatureWords bare = Signature({}, 1);
  bare.values_recorded = false;
  EXPECT_EQ(Index(Signature({}, 1)), 1);
  EXPECT_EQ(Index(Signature({}, 2)), 2);
  EXPECT_EQ(Index(Signature({}, 0)), 3);
  EXPECT_EQ(Index(Signature({kScalarTensor}, 1)), 4);
  EXPECT_EQ(Index(bare), 5);
}

TEST_F(DictionaryTest, OperatorsAndTypesAreThereOnce) {
  Index(Signature({kScalarTensor}, 2));
  Index(Signature({kScalarTensor, kScalarTensor}, 2));
  ASSERT_EQ(dictionary_.message().operators_size(), 1);
  EXPECT_EQ(dictionary_.message().operators(0).name(), "aten::mul");
  EXPECT_EQ(dictionary_.message().types_size(), 1);
}

TEST_F(DictionaryTest, NextChunkStartsEmpty) {
  const SignatureWords first = Signature({}, 1), second = Signature({}, 2);
  Index(first);
  Index(second);
  dictionary_.Clear();
  EXPECT_EQ(dictionary_.size_bytes(), 0);
  EXPECT_EQ(Index(second), 1);
  EXPECT_EQ(dictionary_.message().operators(0).name(), "aten::mul");
}

TEST_F(DictionaryTest, SizeIsAtLeastTheEncodedSize) {
  for (uint64_t i = 0; i < 1000; ++i) {
    Index(Signature({Tag(ValueTag::kInteger), ~i, kScalarTensor}, 1));
  }
  EXPECT_GE(dictionary_.size_bytes(), dictionary_.message().ByteSizeLong());
}

TEST_F(DictionaryTest, PlainValuesAreKept) {
  EXPECT_EQ(ValueOf({Tag(ValueTag::kNone)}), "none: true");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kUndefinedTensor)}),
            "undefined_tensor: true");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kBoolean, 1)}), "boolean: true");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kBoolean)}), "boolean: false");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kInteger), ~uint64_t{4}}), "integer: -5");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kDevice, 0x301)}),
            "device { type: 1 index: 2 }");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kElided, 9)}), "elided: 9");
}

TEST_F(DictionaryTest, RealsLeaveTheirNumbersToTheColumns) {
  EXPECT_EQ(ValueOf({Tag(ValueTag::kReal)}), "real: true");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kComplex)}), "complex: true");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kReals, 3)}), "reals: 3");
}

TEST_F(DictionaryTest, TextsAreKeptByteForByte) {
  for (const char* text : {"", "a", "12345678", "123456789"}) {
    WordList words = {Tag(ValueTag::kText, strlen(text))};
    for (uint64_t word : WordsOfText(text)) words.push_back(word);
    EXPECT_EQ(ValueOf(words), "text: \"" + std::string(text) + "\"");
    words[0] = Tag(ValueTag::kObject, strlen(text));
    EXPECT_EQ(ValueOf(words), "object: \"" + std::string(text) + "\"");
  }
}

TEST_F(DictionaryTest, ListsAreKept) {
  EXPECT_EQ(ValueOf({Tag(ValueTag::kIntegers, 2), 1, ~uint64_t{0}}),
            "integers { values: 1 values: -1 }");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kBooleans, 2), 1, 0}),
            "booleans { values: true values: false }");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kList)}), "list { }");
  EXPECT_EQ(ValueOf({Tag(ValueTag::kList, 2), Tag(ValueTag::kList, 1),
                     Tag(ValueTag::kNone), Tag(ValueTag::kReal)}),
            "list { values { list { values { none: true } } } "
            "values { real: true } }");
}

TEST_F(DictionaryTest, TypeKeepsAllButTheIdentity) {
  const uint64_t flags = kRequiresGrad | kStrided | kOffset;
  EXPECT_EQ(TypeOf({kScalarTensor | 6 << 8 | 1 << 16 | 3 << 24 |
                        uint64_t{2} << 32 | flags << 40 | uint64_t{2} << 48,
                    4, 5, 1, 4, 7}),
            "dtype: 6 device_type: 1 device_index: 2 layout: 2 requires_grad: "
            "true sizes: 4 sizes: 5 strides: 1 strides: 4 strided_explicitly: "
            "true storage_offset: 7");
  EXPECT_EQ(TypeOf({kScalarTensor}), "device_index: -1");
}

TEST_F(DictionaryTest, CountsWhatCallsCarry) {
  SignatureWords signature = Signature(
      {kScalarTensor, Tag(ValueTag::kList, 3), kScalarTensor,
       Tag(ValueTag::kReal), Tag(ValueTag::kElided, 4), Tag(ValueTag::kComplex),
       Tag(ValueTag::kReals, 5), Tag(ValueTag::kElided, 0)});
  ASSERT_TRUE(signature.Count());
  EXPECT_EQ(signature.tensors, 2);
  EXPECT_EQ(signature.reals, 1 + 2 + 5);
  EXPECT_EQ(signature.elided, 1) << "0 elements: not asked for";
}

TEST_F(DictionaryTest, MalformedWordsAreRefused) {
  const WordList malformed[] = {
      {0},                                        // no tag
      {16},                                       // unknown tag
      {Tag(ValueTag::kInteger)},                  // the integer is missing
      {Tag(ValueTag::kText, 9), 0},               // the ninth byte is missing
      {Tag(ValueTag::kText, ~uint64_t{0} >> 8)},  // as long as can be
      {Tag(ValueTag::kIntegers, 2), 0},           // one integer of two
      {Tag(ValueTag::kList, 2), kScalarTensor},   // one value of two
      {Tag(ValueTag::kReals, kMaxRecordWords + 1)},  // no record holds them
      {kScalarTensor | uint64_t{2} << 48, 4},        // one size of two
      {kScalarTensor | kOffset << 40},               // no offset
  };
  for (const WordList& words : malformed) {
    EXPECT_FALSE(Signature(words).Count()) << std::hex << words[0];
  }
}

TEST_F(DictionaryTest, ListsNestAsDeepAsTheFormatAllows) {
  WordList words(32, Tag(ValueTag::kList, 1));
  words.push_back(Tag(ValueTag::kNone));
  EXPECT_TRUE(Signature(words).Count());
  words.insert(words.begin(), Tag(ValueTag::kList, 1));
  EXPECT_FALSE(Signature(words).Count());
}

TEST(TakeText, TakesOneTextAndLeavesTheRest) {
  const WordList words = {9, 0x3837363534333231, 0x39, 42};
  absl::Span<const uint64_t> rest = words;
  std::string text;
  ASSERT_TRUE(TakeText(&rest, &text));
  EXPECT_EQ(text, "123456789");
  EXPECT_THAT(rest, ::testing::ElementsAre(42));
}

TEST(TakeText, RefusesWhatIsCutShort) {
  std::string text;
  for (const WordList& words :
       {WordList{}, WordList{1}, WordList{9, 0}, WordList{~uint64_t{0}, 0}}) {
    absl::Span<const uint64_t> rest = words;
    EXPECT_FALSE(TakeText(&rest, &text));
  }
  EXPECT_THAT(text, IsEmpty());
}

}  // namespace
}  // namespace torchtape::format
