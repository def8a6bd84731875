#ifndef TORCHTAPE_MODULE_H_
#define TORCHTAPE_MODULE_H_

// Tells the log which module runs, for modules of your own. LibTorch's modules
// (Linear, Conv2d, ...) need nothing: they are seen without.
//
//   struct NetImpl : torch::nn::Module {
//     torch::Tensor forward(torch::Tensor x);
//   };
//   TORCHTAPE_MODULE(Net);   // in place of TORCH_MODULE(Net)
//   ...
//   Net net;
//   y = net(x);              // a call of the module, in the log
//
// makes every call `net(x)` one, with no change to forward. In the log it is
// named by the module's path in the model that was attached, "model.encoder",
// or else by type and number, "NetImpl#1".
//
// Calls that do not go by `net(x)` are `net->forward(x)`, those of modules that
// a shared_ptr holds, and those by a torch::nn::Sequential: C++ gives nobody a
// hand in them from outside. One line in forward tells of them all:
//
//   torch::Tensor forward(torch::Tensor x) {
//     TORCHTAPE_SCOPE(*this);
//     ...
//   }
//
// Both may be used at once; a call is recorded once.

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <atomic>
#include <utility>

namespace torchtape {

namespace internal {
// Whether a step is being recorded.
extern __attribute__((visibility("default"))) std::atomic<bool>
    module_calls_recorded;
}  // namespace internal

// A call of `module`, from here to the end of the scope, whether that is
// reached by a return or an exception. What TORCHTAPE_SCOPE makes.
//
// Belongs to the thread that made it and must be destroyed there, innermost
// first; the module must outlive it. Costs one load and a branch while nothing
// is recorded; else about as much as a Range, without the lookup of a name.
class __attribute__((visibility("default"))) ModuleScope {
 public:
  explicit ModuleScope(const torch::nn::Module& module) noexcept {
    if (IsRecorded()) Begin(module, /*by_holder=*/false);
  }
  ~ModuleScope() {
    if (__builtin_expect(key_ != nullptr, 0)) End();
  }

  ModuleScope(const ModuleScope&) = delete;
  ModuleScope& operator=(const ModuleScope&) = delete;

 private:
  template <typename Contained>
  friend class ModuleHolder;

  struct ByHolder {};
  ModuleScope(const torch::nn::Module& module, ByHolder) noexcept {
    if (IsRecorded()) Begin(module, /*by_holder=*/true);
  }

  static bool IsRecorded() noexcept {
    return __builtin_expect(
        internal::module_calls_recorded.load(std::memory_order_relaxed), 0);
  }
  void Begin(const torch::nn::Module& module, bool by_holder) noexcept;
  void End() noexcept;

  const void* key_ = nullptr;  // null: not recorded
};

// A torch::nn::ModuleHolder whose call operator is a call of the module.
template <typename Contained>
class ModuleHolder : public torch::nn::ModuleHolder<Contained> {
 public:
  using torch::nn::ModuleHolder<Contained>::ModuleHolder;

  template <typename... Arguments>
  auto operator()(Arguments&&... arguments)
      -> torch::detail::return_type_of_forward_t<Contained, Arguments...> {
    const ModuleScope scope(*this->impl_, ModuleScope::ByHolder());
    return this->impl_->forward(std::forward<Arguments>(arguments)...);
  }
};

}  // namespace torchtape

// In place of TORCH_MODULE(Name): makes the holder `Name` of `NameImpl`.
#define TORCHTAPE_MODULE(Name) TORCHTAPE_MODULE_IMPL(Name, Name##Impl)

// In place of TORCH_MODULE_IMPL(Name, ImplType).
#define TORCHTAPE_MODULE_IMPL(Name, ImplType)                \
  class Name : public ::torchtape::ModuleHolder<ImplType> {  \
   public:                                                   \
    using ::torchtape::ModuleHolder<ImplType>::ModuleHolder; \
    using Impl [[maybe_unused]] = ImplType;                  \
  }

// From here to the end of the scope, `module` is called.
#define TORCHTAPE_SCOPE(module) \
  const ::torchtape::ModuleScope torchtape_module_scope(module)

#endif  // TORCHTAPE_MODULE_H_
