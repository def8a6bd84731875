#include "torch/python_steps.h"

#include <ATen/record_function.h>
#include <link.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

namespace torchtape::internal {
namespace {

constexpr std::string_view kStepPrefix = "Optimizer.step#";

std::atomic<OptimizerWatcher> python_watcher{nullptr};
std::mutex handle_mutex;
at::CallbackHandle handle = at::INVALID_CALLBACK_HANDLE;

bool HasPython() {
  return dl_iterate_phdr(
             [](dl_phdr_info* info, size_t, void*) {
               return std::strstr(info->dlpi_name, "libtorch_python") ? 1 : 0;
             },
             nullptr) != 0;
}

void OnEnd(const at::RecordFunction& function, at::ObserverContext*);

// Ends are told in the order in which callbacks came. Ours shall be told last,
// when whoever records the range has ended it.
void ComeLast() {
  std::lock_guard<std::mutex> lock(handle_mutex);
  if (handle != at::INVALID_CALLBACK_HANDLE) at::removeCallback(handle);
  handle = at::INVALID_CALLBACK_HANDLE;
  if (python_watcher.load() == nullptr) return;
  handle = at::addGlobalCallback(
      at::RecordFunctionCallback(
          [](const at::RecordFunction&)
              -> std::unique_ptr<at::ObserverContext> { return nullptr; },
          OnEnd)
          .scopes({at::RecordScope::USER_SCOPE}));
}

// Nothing may pass from here into LibTorch.
void OnEnd(const at::RecordFunction& function, at::ObserverContext*) {
  try {
    const std::string_view name = function.name();
    if (name.substr(0, kStepPrefix.size()) != kStepPrefix) return;
    const OptimizerWatcher told = python_watcher.load();
    if (told == nullptr) return;
    told(std::hash<std::string_view>()(name));
    ComeLast();
  } catch (...) {
    // No memory: the step is not told of.
  }
}

}  // namespace

void WatchPythonSteps(OptimizerWatcher to) {
  if (!HasPython()) return;
  python_watcher = to;
  ComeLast();
}

void UnwatchPythonSteps() {
  python_watcher = nullptr;
  ComeLast();
}

}  // namespace torchtape::internal
