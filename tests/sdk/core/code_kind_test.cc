#include "core/code_kind.h"

#include <cstdint>
#include <cstdlib>
#include <exception>

#include "gtest/gtest.h"

namespace torch::code_kind_test {

// As if from a header of LibTorch.
__attribute__((noinline)) uint64_t Here() {
  const uint64_t here =
      reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  asm volatile("" ::: "memory");
  return here;
}
__attribute__((noinline)) uint64_t AnAddress() {
  const uint64_t here = Here();
  asm volatile("" ::: "memory");  // no tail call
  return here;
}

}  // namespace torch::code_kind_test

namespace torchtape_code_kind_test {

__attribute__((noinline)) uint64_t AnAddress() {
  const uint64_t here = torch::code_kind_test::Here();
  asm volatile("" ::: "memory");
  return here;
}

}  // namespace torchtape_code_kind_test

namespace torchtape::internal {
namespace {

TEST(HeaderNameTest, NamesOfLibTorchAndTheStandardLibraryAre) {
  for (const char* name : {
           "_ZN2at4reluERKNS_6TensorE",
           "_ZNK2at6Tensor4viewEN3c108ArrayRefIlEE",
           "_ZN5torch2nn14SequentialImpl7forwardIN2at6TensorEJRS4_EEET_DpOT0_",
           "_ZNSt8functionIFvvEEclEv",
           "_ZSt4moveIRiEONSt16remove_referenceIT_E4typeEOS2_",
           "_ZZN3c104impl5helloEvENKUlvE_clEv",
           "_ZN9torchtape12ModuleHolderI7NetImplEclEv",
       }) {
    EXPECT_TRUE(IsHeaderName(name)) << name;
  }
}

TEST(HeaderNameTest, NamesOfAProgramAreNot) {
  for (const char* name : {
           "",
           "main",
           "at",
           "_Z4mainv",
           "_ZN7NetImpl7forwardEN2at6TensorE",
           "_ZN3att4reluEv",
           "_ZZ4mainENKUlvE_clEv",
           "_ZZN7NetImpl7forwardEvENKUlvE_clEv",
           "_ZN",
           // It takes a std::string, and is none.
           "_Z4loadRKSs",
           "_ZN9torchtape7testing4MainEv",
       }) {
    EXPECT_FALSE(IsHeaderName(name)) << name;
  }
}

TEST(KindOfCodeTest, FunctionsOfTheProgramAreToldApart) {
  EXPECT_EQ(KindOfCode(torch::code_kind_test::AnAddress()), CodeKind::kHeader);
  EXPECT_EQ(KindOfCode(torchtape_code_kind_test::AnAddress()),
            CodeKind::kPrograms);
}

TEST(KindOfCodeTest, WhatRunsTheProgramIsNoPartOfIt) {
  EXPECT_EQ(KindOfCode(reinterpret_cast<uintptr_t>(&std::terminate) + 1),
            CodeKind::kUnknown);
  EXPECT_EQ(KindOfCode(reinterpret_cast<uintptr_t>(&std::qsort) + 1),
            CodeKind::kUnknown);
}

TEST(KindOfCodeTest, WhatIsNoCodeIsUnknown) {
  int on_the_stack = 0;
  EXPECT_EQ(KindOfCode(reinterpret_cast<uintptr_t>(&on_the_stack)),
            CodeKind::kUnknown);
  EXPECT_EQ(KindOfCode(1), CodeKind::kUnknown);
}

}  // namespace
}  // namespace torchtape::internal
