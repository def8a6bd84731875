#include "torch/callbacks_beside_taps.h"

#include <ATen/core/function_schema.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "core/op_source.h"
#include "core/thread_recorder.h"
#include "torch/op_taps.h"
#include "torch/record_function.h"

namespace torchtape::internal {
namespace {

// Counts of the audit that is going on or was the last.
std::atomic<uint64_t> missed{0};
std::atomic<uint64_t> seen{0};
constexpr uint64_t kAuditedCalls = 10000;
// Ranges and TorchScript functions, ever.
std::atomic<bool> scopes_seen{false};

enum class AuditState { kToDo, kGoingOn, kNothingMissed, kMissed };
std::atomic<AuditState> audit{AuditState::kToDo};

// Held while callbacks come and go, never while an event is recorded.
std::mutex handles_mutex;
bool installed = false;
std::atomic<uint64_t> operators_handle{0};  // 0: none
std::atomic<uint64_t> scopes_handle{0};

// What a thread does within TorchScript functions, whose interpreter calls
// operators where no tap is.
struct Script {
  int depth = 0;  // functions within functions
  at::CallbackHandle handle = at::INVALID_CALLBACK_HANDLE;
};
thread_local Script script;

// Whether a call of an operator is the one that a tap around it has just told
// of. Spans that are no operators are never taps' business, nor wanted beside
// them.
bool IsTapped(const at::RecordFunction& function, ThreadRecorder* recorder) {
  const char* announced = TakeAnnouncedTap(recorder);
  if (announced != nullptr && std::strcmp(announced, function.name()) == 0) {
    if (seen.fetch_add(1, std::memory_order_relaxed) == kAuditedCalls) {
      CallbacksBesideTaps::EndAudit();
    }
    return true;
  }
  if (!function.operator_schema().has_value()) return true;
  if (script.depth == 0) missed.fetch_add(1, std::memory_order_relaxed);
  return false;
}

std::unique_ptr<at::ObserverContext> OnOperatorBesideTaps(
    const at::RecordFunction& function) {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder == nullptr || IsTapped(function, recorder)) return nullptr;
  return BeginSpan(function);
}

void OnOperatorEndBesideTaps(const at::RecordFunction& function,
                             at::ObserverContext* context) {
  ThreadRecorder* recorder = ThreadRecorder::Current();
  if (recorder != nullptr && recorder->HasSpan(&function)) {
    EndSpan(function, context);
  }
}

at::RecordFunctionCallback OperatorCallback() {
  return at::RecordFunctionCallback(OnOperatorBesideTaps,
                                    OnOperatorEndBesideTaps)
      .needsInputs(recorded.shapes)
      .needsOutputs(recorded.shapes)
      .scopes({at::RecordScope::FUNCTION});
}

std::unique_ptr<at::ObserverContext> OnScopeBesideTaps(
    const at::RecordFunction& function) {
  scopes_seen.store(true, std::memory_order_relaxed);
  if (function.scope() == at::RecordScope::TORCHSCRIPT_FUNCTION &&
      script.depth++ == 0) {
    AnnounceTaps(true);
    script.handle = at::INVALID_CALLBACK_HANDLE;
    try {
      if (operators_handle == 0) {
        script.handle = at::addThreadLocalCallback(OperatorCallback());
      }
    } catch (...) {
      // No memory: what the function calls is not recorded.
    }
  }
  return BeginSpan(function);
}

void OnScopeEndBesideTaps(const at::RecordFunction& function,
                          at::ObserverContext* context) {
  EndSpan(function, context);
  if (function.scope() != at::RecordScope::TORCHSCRIPT_FUNCTION) return;
  if (script.depth == 0 || --script.depth != 0) return;
  AnnounceTaps(false);
  if (script.handle != at::INVALID_CALLBACK_HANDLE) {
    at::removeCallback(script.handle);
  }
}

void AddOperators() {
  AnnounceTaps(true);
  operators_handle = at::addGlobalCallback(OperatorCallback());
}

void AddScopes() {
  scopes_handle = at::addGlobalCallback(
      at::RecordFunctionCallback(OnScopeBesideTaps, OnScopeEndBesideTaps)
          .needsInputs(recorded.shapes)
          .needsOutputs(recorded.shapes)
          .scopes({at::RecordScope::USER_SCOPE,
                   at::RecordScope::TORCHSCRIPT_FUNCTION}));
}

// Also from inside the callback: a call goes on with the callbacks that it
// began with.
void RemoveOperators() {
  const uint64_t handle = operators_handle.exchange(0);
  if (handle == 0) return;
  at::removeCallback(handle);
  AnnounceTaps(false);
}

void RemoveScopes() {
  const uint64_t handle = scopes_handle.exchange(0);
  if (handle != 0) at::removeCallback(handle);
}

// What is wanted now.
void Hook() {
  if (audit == AuditState::kToDo) {
    missed = seen = 0;
    audit = AuditState::kGoingOn;
  }
  if (audit != AuditState::kNothingMissed) AddOperators();
  if (audit == AuditState::kGoingOn || scopes_seen) AddScopes();
}

}  // namespace

CallbacksBesideTaps::CallbacksBesideTaps() {
  audit = AuditState::kToDo;
  scopes_seen = false;
}

void CallbacksBesideTaps::Install() {
  std::lock_guard<std::mutex> lock(handles_mutex);
  installed = true;
  Hook();
}

void CallbacksBesideTaps::StartAudit() {
  std::lock_guard<std::mutex> lock(handles_mutex);
  RemoveOperators();
  RemoveScopes();
  audit = AuditState::kToDo;
  Hook();
}

void CallbacksBesideTaps::Remove() {
  std::lock_guard<std::mutex> lock(handles_mutex);
  installed = false;
  if (audit == AuditState::kGoingOn) audit = AuditState::kToDo;
  RemoveOperators();
  RemoveScopes();
}

void CallbacksBesideTaps::EndAudit() {
  if (seen + missed == 0) return;
  AuditState going_on = AuditState::kGoingOn;
  const uint64_t missed_by_taps = missed;
  const bool nothing_missed = missed_by_taps == 0;
  if (!audit.compare_exchange_strong(going_on, nothing_missed
                                                   ? AuditState::kNothingMissed
                                                   : AuditState::kMissed)) {
    return;
  }
  if (ThreadRecorder* recorder = ThreadRecorder::Current()) {
    recorder->Audit(seen, missed_by_taps);
  }
  std::lock_guard<std::mutex> lock(handles_mutex);
  if (nothing_missed) RemoveOperators();
  if (!scopes_seen) RemoveScopes();
}

void CallbacksBesideTaps::WatchScopes() {
  if (scopes_handle != 0) return;
  std::lock_guard<std::mutex> lock(handles_mutex);
  if (!installed || scopes_handle != 0) return;
  scopes_seen = true;
  AddScopes();
}

}  // namespace torchtape::internal
