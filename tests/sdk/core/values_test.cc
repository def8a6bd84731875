#include "core/values.h"

#include <memory>
#include <random>
#include <string>

#include "dictionary.h"
#include "gmock/gmock.h"
#include "support/records.h"

namespace torchtape::internal {
namespace {

using ::testing::ElementsAre;

class ValuesTest : public ::testing::Test {
 protected:
  ValuesTest() { values_->Clear(); }

  TensorFacts Tensor() const {
    return {0x10, 0x1000, 6, 0, 0, 0, false, 2, sizes_, nullptr, 0};
  }
  // The values as a log has them; "malformed" if a reader would refuse them.
  std::string Written() {
    format::SignatureWords signature = Signature();
    if (!signature.Count()) return "malformed";
    format::Dictionary dictionary;
    dictionary.Index(signature, {}, {});
    std::string text;
    for (const v1::Value& value : dictionary.message().signatures(0).values()) {
      text += (text.empty() ? "" : "; ") + value.ShortDebugString();
    }
    return text;
  }
  format::SignatureWords Signature() const {
    format::SignatureWords signature;
    signature.words.assign(reinterpret_cast<const char*>(values_->tag_words()),
                           values_->tags() * sizeof(uint64_t));
    return signature;
  }
  std::vector<uint64_t> Dynamic() const {
    std::vector<uint64_t> words(values_->dynamic_words());
    values_->CopyDynamic(words.data());
    return words;
  }

  const int64_t sizes_[2] = {4, 5};
  const int64_t strides_[2] = {1, 4};
  std::unique_ptr<Values> values_ = std::make_unique<Values>();
};

TEST_F(ValuesTest, PlainValues) {
  values_->None();
  values_->UndefinedTensor();
  values_->Boolean(true);
  values_->Boolean(false);
  values_->Device(1, 3);
  values_->Elided(7);
  values_->Integer(-5);
  EXPECT_EQ(Written(),
            "none: true; undefined_tensor: true; boolean: true; boolean: "
            "false; device { type: 1 index: 2 }; elided: 7; integer: -5");
  EXPECT_EQ(values_->dynamic_words(), 0);
}

TEST_F(ValuesTest, RealsAreDynamic) {
  values_->Real(0.5);
  values_->Complex(1, 2);
  values_->Reals(std::vector<double>{3, 4});
  EXPECT_EQ(Written(), "real: true; complex: true; reals: 2");
  EXPECT_THAT(Dynamic(), ElementsAre(testing::BitsOf(0.5), testing::BitsOf(1),
                                     testing::BitsOf(2), testing::BitsOf(3),
                                     testing::BitsOf(4)));
}

TEST_F(ValuesTest, TextsOfAnyLength) {
  for (const char* text : {"", "1234567", "12345678", "123456789"}) {
    values_->Clear();
    values_->Text(text, strlen(text));
    values_->Object(text, strlen(text));
    EXPECT_EQ(Written(),
              "text: \"" + std::string(text) + "\"; object: \"" + text + "\"");
  }
}

// Else equal calls would not have equal signatures.
TEST_F(ValuesTest, PaddingOfTextsIsZero) {
  values_->Text("xxxxxxxx", 8);
  values_->Clear();
  values_->Text("a", 1);
  EXPECT_EQ(values_->tag_words()[1], 'a');
}

TEST_F(ValuesTest, ListsOfNumbers) {
  values_->Integers(std::vector<int64_t>{1, -1});
  values_->Booleans(std::vector<bool>{true, false});
  values_->Integers(std::vector<int64_t>{});
  EXPECT_EQ(Written(),
            "integers { values: 1 values: -1 }; booleans { values: true "
            "values: false }; integers { }");
}

TEST_F(ValuesTest, ListsOfValues) {
  ASSERT_TRUE(values_->List(2));
  ASSERT_TRUE(values_->List(1));
  values_->None();
  values_->Real(1);
  values_->None();
  EXPECT_EQ(Written(),
            "list { values { list { values { none: true } } } values { real: "
            "true } }; none: true");
}

TEST_F(ValuesTest, TensorsWithIdentities) {
  TensorFacts facts = Tensor();
  facts.strides = strides_;
  facts.offset = 3;
  values_->Real(1);
  values_->Tensor(facts, true);
  EXPECT_EQ(Written(), "real: true; tensor: 1");
  EXPECT_THAT(Dynamic(), ElementsAre(0x10, 0x1000, testing::BitsOf(1)));
  EXPECT_EQ(values_->tags(), 1 + 1 + 2 + 2 + 1);
}

TEST_F(ValuesTest, TensorsWithoutIdentities) {
  values_->Tensor(Tensor(), false);
  EXPECT_EQ(Written(), "tensor: 1");
  EXPECT_EQ(values_->dynamic_words(), 0);
}

TEST_F(ValuesTest, ClearForgetsEverything) {
  values_->Real(1);
  values_->Tensor(Tensor(), true);
  values_->List(100);
  values_->Clear();
  EXPECT_EQ(values_->tags() + values_->dynamic_words(), 0);
}

TEST_F(ValuesTest, TooLargeValuesAreElidedWithTheirSize) {
  // Volatile, lest the compiler warn of the loops that are never entered.
  const volatile size_t count = 20000;
  const std::string text(100000, 'x');
  values_->Text(text.data(), text.size());
  values_->Integers(std::vector<int64_t>(count));
  values_->Booleans(std::vector<bool>(count));
  values_->Reals(std::vector<double>(count));
  EXPECT_FALSE(values_->List(30000));
  values_->Integer(1);
  EXPECT_EQ(Written(),
            "elided: 100000; elided: 20000; elided: 20000; elided: 20000; "
            "elided: 30000; integer: 1");
}

TEST_F(ValuesTest, TensorOfTooManyDimensionsIsElided) {
  const std::vector<int64_t> sizes(Values::kMaxDimensions + 1);
  TensorFacts facts = Tensor();
  facts.sizes = sizes.data();
  facts.dimensions = sizes.size();
  values_->Tensor(facts, true);
  EXPECT_EQ(Written(), "elided: 1");
  EXPECT_EQ(values_->dynamic_words(), 0);
}

TEST_F(ValuesTest, TensorsOfALongListAreElidedWhereTheRoomEnds) {
  ASSERT_TRUE(values_->List(8000));
  for (int i = 0; i < 8000; ++i) values_->Tensor(Tensor(), true);
  format::SignatureWords signature = Signature();
  ASSERT_TRUE(signature.Count());
  EXPECT_GT(signature.tensors, 1000);
  EXPECT_EQ(signature.tensors + signature.elided, 8000);
}

TEST_F(ValuesTest, NumbersOfALongListAreElidedWhereTheRoomEnds) {
  for (auto add : {+[](Values* values) { values->Real(1); },
                   +[](Values* values) { values->Complex(1, 2); },
                   +[](Values* values) { values->Integer(1); }}) {
    values_->Clear();
    ASSERT_TRUE(values_->List(7000));
    for (int i = 0; i < 7000; ++i) add(values_.get());
    format::SignatureWords signature = Signature();
    ASSERT_TRUE(signature.Count());
    EXPECT_GT(signature.elided, 0);
  }
}

// Calls with all sorts of values, some of them huge.
class Caller {
 public:
  Caller(uint32_t seed, Values* values) : random_(seed), values_(values) {}

  void Call() {
    values_->Clear();
    for (uint64_t left = Below(40); left != 0; --left) Add(0);
  }
  bool identities() const { return identities_; }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  uint64_t Size() {
    return Below(uint64_t{1} << Below(15));  // small ones are frequent
  }

  void Add(int nesting) {
    switch (Below(nesting < 31 ? 12 : 9)) {
      case 0:
        return values_->Text(text_.data(), Size());
      case 1:
        return values_->Object(text_.data(), Below(20));
      case 2:
        return values_->Integers(std::vector<int64_t>(Size()));
      case 3:
        return values_->Reals(std::vector<double>(Size()));
      case 4:
        return values_->Booleans(std::vector<bool>(Size()));
      case 5:
        return AddTensor();
      case 6:
        return values_->Complex(1, 2);
      case 7:
        return values_->Integer(1);
      case 8:
        return values_->None();
      default:
        return AddList(nesting, Size());
    }
  }
  void AddTensor() {
    TensorFacts facts = {1, 2, 0, 0, 0, 0, false, 0, sizes_, nullptr, 0};
    facts.dimensions = static_cast<uint32_t>(Below(70));
    facts.strides = Below(2) != 0 ? sizes_ : nullptr;
    facts.offset = static_cast<int64_t>(Below(2));
    values_->Tensor(facts, identities_);
  }
  void AddList(int nesting, uint64_t size) {
    if (!values_->List(size)) return;
    for (; size != 0; --size) Add(size > 100 ? 31 : nesting + 1);
  }

  std::mt19937 random_;
  Values* values_;
  const bool identities_ = Below(2) != 0;
  const std::string text_ = std::string(1 << 15, 'x');
  const int64_t sizes_[70] = {};
};

TEST_F(ValuesTest, WhateverACallHasIsWellFormed) {
  for (uint32_t seed = 0; seed < 1000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Caller caller(seed, values_.get());
    caller.Call();
    format::SignatureWords signature = Signature();
    ASSERT_TRUE(signature.Count());
    EXPECT_LE(values_->tags(), Values::kMaxTags);
    EXPECT_EQ(
        values_->dynamic_words(),
        signature.reals + (caller.identities() ? 2 * signature.tensors : 0));
  }
}

}  // namespace
}  // namespace torchtape::internal
