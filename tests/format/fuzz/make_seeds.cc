// Makes what the fuzzers start from: make_seeds tests/logs/v1 corpus
//
// corpus/log_reader gets the beginnings of the logs and a small made-up one,
// all without compression, which would hide what is in them from a fuzzer;
// corpus/recovery gets what killed runs leave behind.

#include <filesystem>

#include "framing.h"
#include "left_behind.h"
#include "repair.h"
#include "support/journaled_run.h"
#include "support/small_log.h"
#include "support/temp_folder.h"

namespace torchtape::format::fuzz {
namespace {

using testing::JournaledRun;
using testing::ReadFile;
using testing::Records;
using testing::WriteFile;

constexpr size_t kMaxSeedBytes = 50000;

std::string PlainChunk(v1::ChunkKind kind, uint64_t number,
                       const std::string& payload) {
  internal::ChunkHeader header;
  header.kind = static_cast<uint8_t>(kind);
  header.stored_bytes = header.raw_bytes =
      static_cast<uint32_t>(payload.size());
  header.number = number;
  return internal::Encode(header) + payload;
}

// As many chunks as fit, and the last, as a finished log.
std::string Plain(const std::string& log) {
  LogReader reader = *LogReader::Open(FromString(log));
  std::string plain = internal::Encode(internal::FileHeader{1, 0});
  plain += PlainChunk(v1::CHUNK_KIND_RUN, 0, reader.run().SerializeAsString());
  uint64_t index = 0;
  while (auto chunk = *reader.Next()) {
    const bool last = chunk->kind == v1::CHUNK_KIND_INDEX;
    if (!last && plain.size() + chunk->payload.size() > kMaxSeedBytes) continue;
    index = plain.size();
    plain += PlainChunk(chunk->kind, chunk->number, chunk->payload);
  }
  plain += internal::Encode(internal::Footer{index});
  RepairLog(&plain);
  return plain;
}

Records SomeRecords(uint32_t thread) {
  Records records(thread);
  records.Operator(1, "aten::add").Operator(2, "loss");
  records.Signature(1, 1, {testing::kScalarTensor});
  records.SignatureAt(0x1234, 2, 1, {testing::kScalarTensor});
  records.Window(1, true).Step(2, 1).Audit(3, 5, 0);
  for (uint64_t i = 1; i < 6; ++i) {
    const uint64_t at = 100 * i, memory = 0x1000 * i;
    records.BeginWith(at, 1 + i % 2, {memory, memory + 8});
    records.Allocate(at + 1, memory + 64, 400).Begin(at + 2, 2);
    records.End(at + 3).EndWith(at + 9, 1, {memory + 16, memory + 64});
    records.Free(at + 10, memory + 64).Value(at + 11, 2, 0.5);
    records.Step(at + 12, i + 1).Drop(at + 13, at + 14, 7);
  }
  return records;
}

// Killed after `chunks` chunks; with records that are in none.
LeftBehind Killed(int chunks) {
  testing::TempFolder folder;
  const std::string log = folder / "run.tape";
  {
    JournaledRun run(log, std::string(16, 'r'));
    v1::Model model;
    model.add_modules()->set_path("net");
    run.AddModel(1, model);
    Records first = SomeRecords(1), second = SomeRecords(2);
    for (int i = 0; i < chunks; ++i) {
      first.Begin(1000 + 10 * i, 1).Model(1001 + 10 * i, 1);
      run.Publish(1, first);
      (void)run.WriteChunk();
    }
    first.Begin(2000, 1).End(2010).Begin(2020, 2);
    run.Publish(1, first);
    run.Publish(2, second);
  }
  return {ReadFile(log), ReadFile(JournalPath(log))};
}

void MakeSeeds(const std::filesystem::path& logs, const std::string& folder) {
  const std::string readers = folder + "/log_reader/";
  const std::string recoveries = folder + "/recovery/";
  std::filesystem::create_directories(readers);
  std::filesystem::create_directories(recoveries);
  WriteFile(readers + "small", testing::SmallLog(4));
  for (const auto& file : std::filesystem::directory_iterator(logs)) {
    if (file.path().extension() != ".tape") continue;
    WriteFile(readers + file.path().stem().string(),
              Plain(ReadFile(file.path())));
  }
  for (const int chunks : {0, 1, 3}) {
    WriteFile(recoveries + "killed_after_" + std::to_string(chunks) + "_chunks",
              PackLeftBehind(Killed(chunks)));
  }
}

}  // namespace
}  // namespace torchtape::format::fuzz

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  torchtape::format::fuzz::MakeSeeds(argv[1], argv[2]);
  return 0;
}
