#include "torch/module_call.h"

#include <c10/util/Type.h>
#include <torch/nn/module.h>

#include <cstring>
#include <memory>
#include <typeinfo>
#include <utility>

#include "core/call_paths.h"
#include "core/module_names.h"
#include "core/op_source.h"
#include "core/thread_recorder.h"

namespace torchtape::internal {
namespace {

// A word that tells a module from others that lie or lay at its address: what
// its own weak_ptr to itself holds. Copying that weak_ptr would be two atomic
// operations, so its bytes are read; they are all that the base class has.
uint64_t OwnerOf(const torch::nn::Module& module) {
  using Base = std::enable_shared_from_this<torch::nn::Module>;
  static_assert(sizeof(Base) == sizeof(std::weak_ptr<torch::nn::Module>),
                "the weak_ptr and nothing else");
  uint64_t words[2];
  static_assert(sizeof words == sizeof(Base), "two pointers");
  std::memcpy(words,
              static_cast<const void*>(static_cast<const Base*>(&module)),
              sizeof words);
  // One of them is the address, or null.
  return words[0] ^ words[1];
}

// A module that this thread has not met. Locks and allocates.
__attribute__((noinline)) ModuleTable::Entry* Meet(
    const torch::nn::Module& module, const ModuleInstance& instance,
    ModuleSource source, ThreadRecorder* recorder) noexcept {
  try {
    const ModuleName name =
        ModuleNames::Get().Find(&module, c10::demangle(typeid(module).name()));
    return recorder->AddModule(instance, source, name.path, name.type);
  } catch (...) {
    return nullptr;  // no memory: the call is dropped and counted
  }
}

uint32_t SignatureOf(ModuleTable::Entry* known, const CallFrame* frame,
                     const CallPaths::Followed* followed,
                     ThreadRecorder* recorder) {
  return followed != nullptr
             ? recorder->SignatureOfModule(known, followed->path)
             : recorder->SignatureOfModule(known,
                                           CallPath(frame->return_address));
}

}  // namespace

bool BeginModule(const torch::nn::Module& module, ModuleTeller teller,
                 const CallFrame* frame, bool watch_exceptions) noexcept {
  ThreadRecorder* const recorder = ThreadRecorder::Current();
  if (__builtin_expect(recorder == nullptr, 0)) return false;
  const CostSample sample(&recorder->own_cost(), CostKind::kModules);
  // A holder stands outside of all that could have told.
  const void* const around = recorder->InnermostKey();
  if (teller != ModuleTeller::kHolder &&
      (around == KeyOf(module, ModuleTeller::kHolder) ||
       (teller == ModuleTeller::kTap &&
        (around == KeyOf(module, ModuleTeller::kScope) ||
         around == KeyOf(module, ModuleTeller::kTap))))) {
    return false;
  }
  const ModuleSource source =
      teller == ModuleTeller::kTap ? ModuleSource::kTap : ModuleSource::kScope;
  ModuleInstance instance;
  instance.address = reinterpret_cast<uintptr_t>(&module);
  instance.type = reinterpret_cast<uintptr_t>(&typeid(module));
  instance.owner = OwnerOf(module);
  CallPaths& paths = recorder->call_paths();
  const CallPaths::Followed* const followed =
      paths.KindOf(frame->return_address) == CodeKind::kHeader
          ? paths.Follow(frame)
          : nullptr;
  instance.call = followed != nullptr
                      ? ModuleInstance::PathWord(followed->hash, source)
                      : ModuleInstance::CallWord(frame->return_address, source);
  ModuleTable::Entry* known =
      recorder->modules().Find(instance, ModuleNames::Get().version());
  if (__builtin_expect(known == nullptr, 0)) {
    known = Meet(module, instance, source, recorder);
  }
  ThreadRecorder::Call call;
  call.key = KeyOf(module, teller);
  call.watch_exceptions = watch_exceptions;
  call.in_libtorch = teller == ModuleTeller::kTap;
  if (recorded.Times(DeviceTime::kModules)) {
    call.timed = ThreadRecorder::Call::kAlways;
  }
  if (known != nullptr) {
    call.signature = SignatureOf(known, frame, followed, recorder);
  }
  recorder->Begin(call);
  // Too many spans may be open; a call further out has the same key.
  return recorder->HasSpan(call.key);
}

void ModuleCall::EndModule(bool threw) noexcept {
  const uint64_t ticks = Ticks();
  const void* const key = std::exchange(key_, nullptr);
  ThreadRecorder* const recorder = ThreadRecorder::Current();
  if (recorder == nullptr) return;
  const CostSample sample(&recorder->own_cost(), CostKind::kModules);
  if (threw) {
    recorder->EndThrown(key, ticks);
  } else {
    recorder->End(key, ticks, /*signature=*/0, /*identities=*/false);
  }
}

}  // namespace torchtape::internal
