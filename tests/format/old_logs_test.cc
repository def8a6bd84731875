// Logs of every version, tests/logs/*/*.tape, say for ever what they said when
// they were recorded: the text beside each. What a human should read before a
// new text is taken:
//   TORCHTAPE_REFRESH_GOLDEN=1 format_test --gtest_filter='*OldLogs*'

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "gmock/gmock.h"
#include "support/status_matchers.h"
#include "support/temp_folder.h"
#include "torchtape/format/journal.h"
#include "torchtape/format/log_reader.h"
#include "torchtape/format/recovery.h"
#include "torchtape/format/stream_cursor.h"

namespace torchtape::format {
namespace {

using testing::IsOk;
using testing::ReadFile;
using testing::WriteFile;

// Paths without ".tape", such as "v1/taps".
std::vector<std::string> OldLogs() {
  std::vector<std::string> logs;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(OLD_LOGS)) {
    if (file.path().extension() != ".tape") continue;
    logs.push_back(std::filesystem::relative(file.path(), OLD_LOGS)
                       .replace_extension()
                       .string());
  }
  std::sort(logs.begin(), logs.end());
  return logs;
}

std::string Gunzip(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  std::string content;
  char buffer[1 << 16];
  for (int n; (n = gzread(file, buffer, sizeof buffer)) > 0;) {
    content.append(buffer, static_cast<size_t>(n));
  }
  gzclose(file);
  return content;
}

// Adds up a whole log. `hash` is over everything that an event says, with what
// its indices stand for: no value can change unnoticed.
class Facts {
 public:
  std::string Of(std::shared_ptr<ByteSource> log) {
    absl::StatusOr<LogReader> reader = LogReader::Open(std::move(log));
    EXPECT_THAT(reader, IsOk());
    if (!reader.ok()) return "";
    while (true) {
      absl::StatusOr<std::optional<Chunk>> chunk = reader->Next();
      EXPECT_THAT(chunk, IsOk());
      if (!chunk.ok() || !chunk->has_value()) break;
      Add(**chunk);
    }
    for (const SkippedRegion& skipped : reader->skipped()) {
      text_ << "skipped " << skipped.begin << " to " << skipped.end << ": "
            << skipped.reason << '\n';
    }
    const v1::Run& run = reader->run();
    text_ << "program " << run.program() << " on " << run.host()
          << ", LibTorch " << run.torch_version() << ", by " << run.op_source()
          << '\n'
          << "schedule " << run.options().schedule() << '\n'
          << "finished " << (reader->index() ? "yes" : "no") << '\n';
    for (const auto& [name, count] : counts_) {
      text_ << name << ' ' << count << '\n';
    }
    text_ << "hash " << std::hex << hash_ << '\n';
    return text_.str();
  }

 private:
  void Add(const Chunk& chunk) {
    ++counts_["chunks of kind " + std::to_string(chunk.kind)];
    if (chunk.kind == v1::CHUNK_KIND_MODEL) {
      absl::StatusOr<v1::Model> model = chunk.Parse<v1::Model>();
      ASSERT_THAT(model, IsOk());
      counts_["modules"] += model->modules_size();
      counts_["parameters"] += model->parameters_size();
      Hash(chunk.payload);
    }
    if (chunk.kind != v1::CHUNK_KIND_EVENTS) return;
    absl::StatusOr<v1::Events> events = chunk.Parse<v1::Events>();
    ASSERT_THAT(events, IsOk());
    for (const v1::Stream& stream : events->streams()) Add(*events, stream);
    counts_["steps"] += events->steps_size();
    counts_["values"] += events->values_size();
    counts_["audits"] += events->audits_size();
    counts_["windows"] += events->windows_size();
    for (const v1::Drop& drop : events->drops()) {
      counts_["dropped events"] += drop.events();
    }
    events->clear_streams();
    Hash(events->DebugString());
  }

  void Add(const v1::Events& events, const v1::Stream& stream) {
    const v1::Dictionary& dictionary = events.dictionary();
    StreamCursor cursor(events, stream, StreamCursor::Columns::kAll);
    for (Event event; cursor.Next(&event);) {
      ++counts_["events of kind " + std::to_string(event.kind)];
      counts_["ids"] += event.tensors.size();
      counts_["reals"] += event.reals.size();
      counts_["allocated bytes"] += event.bytes;
      if (event.kind <= v1::EVENT_KIND_BEGIN_BACKWARD) {
        const v1::Signature& signature =
            dictionary.signatures(event.span->signature - 1);
        ++counts_["op " + dictionary.operators(signature.op() - 1).name()];
      }
      Hash(event);
    }
    EXPECT_THAT(cursor.status(), IsOk());
  }

  void Hash(const Event& event) {
    Hash({static_cast<uint64_t>(event.kind), event.time_ns, event.depth,
          event.result, event.storage, event.bytes, event.address,
          event.device_type, static_cast<uint64_t>(event.device_index)});
    if (event.span != nullptr) {
      const Span& span = *event.span;
      Hash({span.number, span.start_time_ns, span.signature,
            span.forward_thread, span.sequence.has_value(),
            static_cast<uint64_t>(span.sequence.value_or(0))});
    }
    for (const TensorId& id : event.tensors) Hash({id.tensor, id.storage});
    for (double real : event.reals) {
      Hash(std::string(reinterpret_cast<const char*>(&real), sizeof real));
    }
  }

  void Hash(std::initializer_list<uint64_t> numbers) {
    for (uint64_t number : numbers) Hash(std::to_string(number) + ' ');
  }

  void Hash(const std::string& bytes) {  // FNV-1a
    for (char byte : bytes) {
      hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
  }

  std::ostringstream text_;
  std::map<std::string, uint64_t> counts_;
  uint64_t hash_ = 0xcbf29ce484222325;
};

void ExpectGolden(const std::string& path, const std::string& text) {
  if (std::getenv("TORCHTAPE_REFRESH_GOLDEN") != nullptr) WriteFile(path, text);
  EXPECT_EQ(text, ReadFile(path)) << path;
}

class OldLogs_ : public ::testing::TestWithParam<std::string> {};

TEST_P(OldLogs_, SayWhatTheyAlwaysSaid) {
  const std::string base = std::string(OLD_LOGS "/") + GetParam();
  auto log = OpenFile(base + ".tape");
  ASSERT_THAT(log, IsOk());
  ExpectGolden(base + ".txt", Facts().Of(*std::move(log)));
}

// Only the version that wrote a journal has to read it, so a later one may say
// so instead; then the log alone is read, as above.
TEST_P(OldLogs_, AreCompletedByTheirJournals) {
  const std::string base = std::string(OLD_LOGS "/") + GetParam();
  if (!std::filesystem::exists(base + ".tape.journal.gz")) return;
  auto journal = FromString(Gunzip(base + ".tape.journal.gz"));
  absl::StatusOr<Recovery> recovery =
      Recover(*OpenFile(base + ".tape"), *journal);
  ASSERT_THAT(recovery, IsOk());
  EXPECT_THAT(recovery->problems, ::testing::IsEmpty());
  EXPECT_GT(recovery->events, 0);
  ExpectGolden(base + ".recovered.txt", Facts().Of(recovery->log));
}

INSTANTIATE_TEST_SUITE_P(OldLogs, OldLogs_, ::testing::ValuesIn(OldLogs()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

}  // namespace
}  // namespace torchtape::format
