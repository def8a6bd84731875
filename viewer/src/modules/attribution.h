#ifndef TORCHTAPE_VIEWER_SRC_MODULES_ATTRIBUTION_H_
#define TORCHTAPE_VIEWER_SRC_MODULES_ATTRIBUTION_H_

// Tells which module each op and backward node works for, and who told.
// README.md ("Modules") describes the rules; each source has its own header.
//
// Some of it shows only afterwards: who reads what an op makes. So units are
// kept until their step is over, and then told to visitors of units:
//
//   Attribution attribution(&call_sites);
//   ModuleTotals totals(steps, &attribution);
//   attribution.AddVisitor(&totals);
//   Replay({}, {&attribution, &totals}, &reader);
//
// Memory: the units of a step, and the owners of the one before.

#include <cstdint>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "modules/call_site_modules.h"
#include "modules/data_flow.h"
#include "modules/forward_ops.h"
#include "modules/module_calls.h"
#include "modules/parameter_use.h"
#include "modules/unit.h"

namespace torchtape::viewer {

// A call of a module that the log has.
struct ModuleCall {
  int module = kNoModule;
  ModuleSource source = ModuleSource::kNone;
  uint32_t number = 0;   // how-many-th of the module in its step
  uint64_t ordinal = 0;  // among all of the log; 0: there is none
};

class Attribution : public Visitor {
 public:
  // `call_sites` must outlive this; null: they are not asked.
  explicit Attribution(CallSiteModules* call_sites = nullptr)
      : call_sites_(call_sites) {}

  // Must outlive the replay. Is told in the order of adding.
  void AddVisitor(UnitVisitor* visitor) { visitors_.push_back(visitor); }

  void OnModel(const v1::Model& model) override;
  void OnStep(const StepStart&) override;
  void OnWindow(const v1::Window&) override { Decide(); }
  void OnBegin(const SpanBegin& begin) override;
  void OnEnd(const SpanEnd& end) override;
  void OnLogEnd() override { Decide(); }

  const ModuleTree& tree() const { return tree_; }

  // The module that works on a thread now, as far as it is known without the
  // rest of the step, or kNoModule. For visitors that are called after this.
  int Current(uint32_t thread) const;

  // In OnEnd(): the same of the unit that ends now.
  int Ending(uint32_t thread) const;

  // The unit of the innermost open span of a thread, or kNoUnit.
  uint64_t CurrentUnit(uint32_t thread) const;

  // The innermost open module call of a thread.
  ModuleCall CurrentCall(uint32_t thread) const;

  // What is known of a unit of this step; null if it was told before.
  const Unit* Find(uint64_t unit) const;

  // The owner of a unit of this step or the one before.
  Owner OwnerOf(uint64_t unit) const;

  // In OnUnits(): what was entered that has no module call in the log.
  const std::vector<Entry>& entries() const { return calls_.entries(); }

  // Tells the units up to now by what is known of the step so far. For visitors
  // that cannot wait for its end.
  void Decide();

 private:
  struct ThreadModules {
    std::vector<ModuleCall> calls;  // open, outermost first
    uint64_t unit = kNoUnit;        // that is open
    uint64_t ending = kNoUnit;      // the last one that ended
    uint64_t node = kNoUnit;        // of the engine span that is open
    bool only_parameters = false;   // whether the open unit reads nothing else
    uint64_t step_first = kNoUnit;  // unit of the optimizer's step that is open
    bool runs_model = false;        // in that step, by a closure
  };

  ThreadModules& Of(uint32_t thread);
  const ThreadModules& Of(uint32_t thread) const;
  void BeginModule(const Operator& op, ThreadModules* thread);
  void BeginUnit(const SpanBegin& begin, ThreadModules* thread);
  void OwnByInputs(const SpanBegin& begin, ThreadModules* thread, Unit* unit);
  void OwnByOrigin(const SpanBegin& begin, const ThreadModules& thread,
                   Unit* unit);
  bool IsTypeTold(int module) const;
  void FindUntoldCalls();
  void OwnStep(uint32_t thread, ThreadModules* modules);
  uint64_t NextUnit() const { return first_ + units_.size() - carried_; }
  void EndUnit(const SpanEnd& end, ThreadModules* thread);
  Unit* FindMutable(uint64_t number);
  uint32_t PlaceOf(uint64_t number) const;
  void Tell();
  void StartBatch();

  CallSiteModules* const call_sites_;
  std::vector<UnitVisitor*> visitors_;
  ModuleTree tree_;
  ParameterUses parameters_{&tree_};
  DataFlow flow_;
  ModuleCalls calls_;
  ForwardOps<uint64_t> forward_ops_;  // their units
  absl::node_hash_map<uint32_t, ThreadModules> threads_;
  ThreadModules* last_ = nullptr;  // of the last event
  uint32_t last_thread_ = 0;

  // First those that began in an earlier batch and go on: their owners stay.
  std::vector<Unit> units_;
  size_t carried_ = 0;
  std::vector<Unit> ended_;      // those of them that are told
  uint64_t first_ = 0;           // number of the first that is not carried over
  std::vector<Owner> previous_;  // owners of the batch before, by number
  uint64_t previous_first_ = 0;
  uint64_t module_calls_ = 0;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_MODULES_ATTRIBUTION_H_
