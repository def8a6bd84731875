#ifndef TORCHTAPE_VIEWER_SRC_REPLAY_PLAYER_H_
#define TORCHTAPE_VIEWER_SRC_REPLAY_PLAYER_H_

// Tells visitors what happened in one chunk after the other, threads merged.
// Replay() says which chunks.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "replay/operator_table.h"
#include "replay/read_ahead.h"
#include "replay/replay.h"
#include "source/call_site_table.h"

namespace torchtape::viewer {

class Player {
 public:
  Player(const ReplayOptions& options, absl::Span<Visitor* const> visitors,
         ReplayReport* report)
      : columns_(options.columns),
        steps_(options.steps),
        visitors_(visitors),
        report_(report) {}

  void Play(const ParsedChunk& parsed);
  // Chunks are left out before this one.
  void Seek(const ParsedChunk& parsed);
  // From here on, what comes after the steps is left out.
  void StopAfterSteps() { stops_ = true; }
  // The steps are over, and so are all spans that began in them.
  bool Done() const {
    return stops_ && step_ && *step_ > steps_.last && open_in_steps_ == 0;
  }
  // There are no more chunks.
  void EndSpans();

 private:
  struct Head;
  struct Mark;

  template <typename Message>
  bool Parse(const format::Chunk& chunk, Message* message);
  void PlayEvents(const format::EventsView& view);
  void PlaySummary(const format::Chunk& chunk);
  static std::vector<Mark> MarksOf(const v1::Events& events);
  void AddHeads(const format::EventsView& view, std::vector<Head>* heads);
  void PlayDevices(const v1::Events& events);
  void PlayActivities(const v1::Events& events);
  void Merge(const std::vector<Mark>& marks, std::vector<Head>* heads);
  void EnterChunk(const format::EventsView& view);
  uint64_t StepOf(const format::Span& span, bool resumed) const;
  void Reconcile(const format::StreamView& stream, ThreadState* thread);
  void Apply(const Mark& mark);
  void Apply(const format::Event& event, ThreadState* thread);
  void Begin(const format::Span& span, const Values& inputs, bool resumed,
             ThreadState* thread);
  void End(Ending ending, uint64_t time_ns, const Values& outputs,
           ThreadState* thread);
  void ChangeMemory(const format::Event& event, const ThreadState& thread);
  Values ValuesOf(uint32_t signature, const format::Event& event) const;
  void LoseSpans();
  void AddDamage(std::string reason);

  // Calls every visitor.
  template <typename Method, typename... Arguments>
  void Tell(Method method, const Arguments&... arguments) {
    for (Visitor* visitor : visitors_) (visitor->*method)(arguments...);
  }

  const format::StreamCursor::Columns columns_;
  const StepRange steps_;
  const absl::Span<Visitor* const> visitors_;
  ReplayReport* const report_;
  OperatorTable operators_;
  CallSiteTable call_sites_;
  std::map<uint32_t, ThreadState> threads_;
  std::optional<uint64_t> step_;
  uint64_t step_start_ns_ = 0;
  bool stops_ = false;
  uint64_t open_in_steps_ = 0;  // spans that began in the steps
  const v1::Dictionary* dictionary_ = nullptr;
  const format::Chunk* chunk_ = nullptr;
  uint64_t releases_ = 0;  // regions so far
  // By thread: how many there were when its last stream came.
  absl::flat_hash_map<uint32_t, uint64_t> releases_before_;
};

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_REPLAY_PLAYER_H_
