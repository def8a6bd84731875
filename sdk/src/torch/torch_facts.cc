#include "torch/torch_facts.h"

#include <ATen/Version.h>
#include <ATen/record_function.h>
#include <dlfcn.h>
#include <torch/version.h>

namespace torchtape::internal {

TorchFacts ReadTorchFacts() { return {TORCH_VERSION, at::show_config()}; }

void MakeCallbackList() { at::hasGlobalCallbacks(); }

void* TorchLibrary() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&at::clearCallbacks), &info) == 0) {
    return nullptr;
  }
  return dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
}

uint64_t CurrentTorchThread() { return at::RecordFunction::currentThreadId(); }

}  // namespace torchtape::internal
