#include "source/function_name.h"

#include "gtest/gtest.h"

namespace torchtape::viewer {
namespace {

TEST(FunctionName, IsWhatTheAuthorWouldSay) {
  const std::pair<const char*, const char*> cases[] = {
      {"main", "main"},
      {"_ZN7NetImpl7forwardEN2at6TensorE", "NetImpl::forward"},
      {"_ZNK3Net3runEv", "Net::run"},
      {"_ZN12_GLOBAL__N_14TestEi", "(anonymous namespace)::Test"},
      {"_ZN2atplERKNS_6TensorES2_", "at::operator+"},
      {"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()"},
      {"_ZNotMangled", "_ZNotMangled"},
      {"", ""},
  };
  for (const auto& [mangled, name] : cases) {
    EXPECT_EQ(FunctionName(mangled), name);
  }
}

TEST(FunctionName, LosesReturnTypeAndArguments) {
  const std::pair<const char*, const char*> cases[] = {
      {"f(int)", "f"},
      {"a::b::f(std::function<void (int)>) const", "a::b::f"},
      {"void f<int>(int)", "f<int>"},
      {"std::vector<int, std::allocator<int> > f<a b>(int)", "f<a b>"},
      {"f(int)::Local::run(int)", "f(int)::Local::run"},
      {"A::f(int) const::{lambda(int)#2}::operator()(int) const",
       "A::f(int) const::{lambda(int)#2}::operator()"},
      {"(anonymous namespace)::f(int)", "(anonymous namespace)::f"},
      {"int (anonymous namespace)::f<int>(int)",
       "(anonymous namespace)::f<int>"},
      {"a::operator<(a::B const&, a::B const&)", "a::operator<"},
      {"a::B& a::operator<< <int>(a::B&, int)", "a::operator<< <int>"},
      {"a::B::operator->() const", "a::B::operator->"},
      {"a::B::operator()(int)", "a::B::operator()"},
      {"a::B::operator std::string() const", "a::B::operator std::string"},
      {"a::B::operator new[](unsigned long)", "a::B::operator new[]"},
      {"f[abi:cxx11](int)", "f[abi:cxx11]"},
      {"f(int) [clone .cold]", "f"},
      {"my_operator(int)", "my_operator"},
      {"decltype ((a)->b) f<decltype ((a)->b)>(int)", "f<decltype ((a)->b)>"},
      {"", ""},
      {"(", "("},
      {"f(", "f"},
      {"<<<", "<<<"},
      {"operator", "operator"},
  };
  for (const auto& [demangled, name] : cases) {
    EXPECT_EQ(WithoutSignature(demangled), name);
  }
}

TEST(FunctionName, NameThatIsTooLongIsNotRead) {
  const std::string name = "_ZN" + std::string(1 << 20, '9');
  EXPECT_EQ(FunctionName(name), name);
}

}  // namespace
}  // namespace torchtape::viewer
