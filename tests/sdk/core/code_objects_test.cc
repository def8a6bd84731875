#include "core/code_objects.h"

#include <cstdlib>

#include "gtest/gtest.h"

namespace torchtape::internal {
namespace {

uint64_t AddressOf(const void* code) {
  return reinterpret_cast<uintptr_t>(code);
}

int Here() { return 1; }

TEST(CodeObjectsTest, OwnCodeIsTheProgramsWithItsBuildId) {
  CodeObjects objects;
  const CodeObject* program =
      objects.Find(AddressOf(reinterpret_cast<const void*>(&Here)));
  ASSERT_NE(program, nullptr);
  EXPECT_EQ(program->path.front(), '/');
  EXPECT_NE(program->path.find("test"), std::string::npos) << program->path;
  EXPECT_EQ(program->build_id.size(), 20u);
}

TEST(CodeObjectsTest, LibrariesAreToldApart) {
  CodeObjects objects;
  const CodeObject* library =
      objects.Find(AddressOf(reinterpret_cast<const void*>(&std::exit)));
  ASSERT_NE(library, nullptr);
  const std::string path = library->path;
  const CodeObject* program =
      objects.Find(AddressOf(reinterpret_cast<const void*>(&Here)));
  ASSERT_NE(program, nullptr);
  EXPECT_NE(program->path, path);
}

TEST(CodeObjectsTest, DataIsNobodysCode) {
  static int data = Here();
  EXPECT_EQ(CodeObjects().Find(AddressOf(&data)), nullptr);
  EXPECT_EQ(CodeObjects().Find(0), nullptr);
}

}  // namespace
}  // namespace torchtape::internal
