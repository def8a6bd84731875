#include "viewer/fixture_run.h"

#include <ATen/ops.h>
#include <dlfcn.h>

#include <fstream>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace torchtape::viewer {
namespace {

const char* const kModels[] = {"debug", "plain", "stripped", "split"};

// As fixture/CMakeLists.txt gives them.
std::string BuildIdOf(const std::string& path) {
  int number = 1;
  for (int i = 0; i < 4; ++i) {
    if (absl::EndsWith(path, absl::StrCat("model_", kModels[i], ".so"))) {
      number = 2 + i;
    }
  }
  return absl::HexStringToBytes(
      absl::StrCat("00112233445566778899aabbccddeeff0000000", number));
}

std::vector<FixtureCall>* calls = nullptr;

void Tap(const char* op, const void* return_address) {
  Dl_info info;
  if (dladdr(return_address, &info) == 0) return;
  FixtureCall call;
  call.op = op;
  call.object = {info.dli_fname, BuildIdOf(info.dli_fname)};
  call.load_address = reinterpret_cast<uintptr_t>(info.dli_fbase);
  call.address =
      reinterpret_cast<uintptr_t>(return_address) - call.load_address;
  calls->push_back(call);
}

}  // namespace

std::string FixturePath(const std::string& model) {
  return absl::StrCat(TORCHTAPE_FIXTURE, "/libmodel_", model, ".so");
}

std::string FixtureLibraryPath() {
  return absl::StrCat(TORCHTAPE_FIXTURE, "/libtorch_fixture.so");
}

// The library stays loaded: a call site is an address in it.
std::vector<FixtureCall> RunFixture(const std::string& model) {
  std::vector<FixtureCall> seen;
  void* library = dlopen(FixturePath(model).c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(library, nullptr) << dlerror();
  if (library == nullptr) return seen;
  calls = &seen;
  at::tap = Tap;
  EXPECT_GT(reinterpret_cast<float (*)()>(dlsym(library, "Train"))(), 0);
  calls = nullptr;
  return seen;
}

uint32_t FixtureLine(const std::string& mark) {
  std::ifstream in(TORCHTAPE_FIXTURE_SOURCE);
  uint32_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (absl::EndsWith(line, "// line: " + mark)) return number;
  }
  ADD_FAILURE() << "no line has the comment: " << mark;
  return 0;
}

}  // namespace torchtape::viewer
