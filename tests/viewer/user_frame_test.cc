#include "source/user_frame.h"

#include "gtest/gtest.h"

namespace torchtape::viewer {
namespace {

TEST(UserFrame, LibTorchAndTheStandardLibraryAreNotTheUsers) {
  for (const char* function :
       {"at::operator+", "torch::nn::LinearImpl::forward", "c10::List<int>",
        "std::accumulate<int>", "caffe2::Run"}) {
    EXPECT_FALSE(IsUsers({function, "/home/me/model.cc", 7})) << function;
  }
  for (const char* file :
       {"/usr/include/c++/12/bits/stl_numeric.h",
        "/usr/lib/gcc/x86_64-linux-gnu/12/include/x.h",
        "/venv/torch/include/ATen/core/TensorBody.h",
        "/opt/libtorch/include/torch/csrc/api/include/torch/nn/pimpl.h",
        "/pytorch/aten/src/ATen/Functions.cpp"}) {
    EXPECT_FALSE(IsUsers({"f", file, 7})) << file;
  }
}

TEST(UserFrame, AllElseIsTheUsers) {
  EXPECT_TRUE(IsUsers({"main", "/home/me/train.cc", 7}));
  EXPECT_TRUE(IsUsers({"Net::forward", "", 0}));
  EXPECT_TRUE(IsUsers({"atlas::run", "/home/me/at/atlas.h", 7}));
  EXPECT_TRUE(IsUsers({"my::std::f", "/home/me/include/my.h", 7}));
  EXPECT_FALSE(IsUsers({"", "", 0}));
}

TEST(UserFrame, IsTheFirstFromInside) {
  const CodeObject object = {"/bin/train", "id"};
  const CallSite call_site = {0, &object, 1};
  Site site;
  site.frames = {{"at::operator+", "/x/include/ATen/ops.h", 1, true},
                 {"BlockImpl::forward", "/me/model.cc", 19, true},
                 {"NetImpl::forward", "/me/model.cc", 42}};
  EXPECT_EQ(UserFrame(call_site, site), &site.frames[1]);
  site.frames = {site.frames[0]};
  EXPECT_EQ(UserFrame(call_site, site), nullptr);
  EXPECT_EQ(UserFrame(call_site, {}), nullptr);
}

TEST(UserFrame, NothingInLibTorchsObjectsIsTheUsers) {
  Site site;
  site.frames = {{"helper", "", 0}};
  for (const char* path :
       {"/x/libtorch_cpu.so", "/x/libtorch.so.2.1", "/x/libc10.so"}) {
    const CodeObject object = {path, "id"};
    EXPECT_EQ(UserFrame({0, &object, 1}, site), nullptr) << path;
  }
  const CodeObject object = {"/libtorch/train", "id"};
  EXPECT_EQ(UserFrame({0, &object, 1}, site), &site.frames[0]);
}

}  // namespace
}  // namespace torchtape::viewer
