#include "torch/op_callbacks.h"

#include <unordered_set>

#include "torch/record_function.h"

namespace torchtape::internal {
namespace {

class OpCallbacks : public OpSource {
 public:
  void Install() override {
    std::unordered_set<at::RecordScope, std::hash<at::RecordScope>> scopes = {
        at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE,
        at::RecordScope::TORCHSCRIPT_FUNCTION};
    if (recorded.backward) scopes.insert(at::RecordScope::BACKWARD_FUNCTION);
    handle_ =
        at::addGlobalCallback(at::RecordFunctionCallback(BeginSpan, EndSpan)
                                  .needsInputs(recorded.shapes)
                                  .needsOutputs(recorded.shapes)
                                  .scopes(scopes));
  }

  void Remove() override { at::removeCallback(handle_); }

  const char* name() const override { return "callbacks"; }

 private:
  at::CallbackHandle handle_ = at::INVALID_CALLBACK_HANDLE;
};

}  // namespace

std::unique_ptr<OpSource> MakeOpCallbacks() {
  return std::make_unique<OpCallbacks>();
}

}  // namespace torchtape::internal
