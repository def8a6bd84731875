// FORMAT.md suffices to read a log: a reader made from it alone, read_tape.py,
// finds what the writer wrote.

#include <cstdio>

#include "gmock/gmock.h"
#include "support/parse_text.h"
#include "support/temp_folder.h"
#include "torchtape/format/layout.h"
#include "torchtape/format/log_writer.h"

namespace torchtape::format {
namespace {

using ::testing::HasSubstr;
using testing::ParseText;
using testing::ReadFile;
using testing::TempFolder;
using testing::WriteFile;

constexpr char kFirst[] = R"(
  dictionary {
    operators { name: "aten::add" }
    operators { name: "epoch" kind: SPAN_KIND_RANGE }
    signatures { op: 1 values { tensor: 1 } values { real: true } }
    signatures { op: 2 }
    signatures { values { list { values { tensor: 1 } } } }
  }
  steps { number: 1 }
  streams {
    thread: 1 start_time_ns: 1000 tensor_base: 5 storage_base: 5
    kinds: "\001\002\007\004\010" times: [0, 10, 1, 9, 1]
    signatures: [2, 1] sequences: -3 results: 3
    tensors: [3, 1] storages: [4, 1] reals: 0.5
    allocations: 3 sizes: 4096 addresses: 77 frees: 1
    saves: [4, 1] saved_storages: [-6, 0] saved_bytes: 48
  })";

// The range that began in the first chunk ends here.
constexpr char kSecond[] = R"(
  dictionary {
    operators { name: "aten::add" }
    operators { name: "epoch" kind: SPAN_KIND_RANGE }
    signatures { op: 2 }
    signatures { op: 1 }
  }
  steps { number: 2 }
  streams {
    thread: 1 start_time_ns: 2000 open { start_time_ns: 1000 signature: 1 }
    first_span: 2 kinds: "\001\005\006" times: [5, 7, 1] signatures: 2
  }
  streams {
    thread: 2 kinds: "\007\007" times: [1, 1] allocations: [3, 3]
    sizes: [100, 200] addresses: [1, 1] allocation_devices: [0, 256]
  }
  device_times {
    device_type: 1 stream: 7 threads: [1, 0] numbers: [2, -1]
    starts: [-50, 20] durations: [4, 60]
  }
  device_clocks { device_type: 1 offset_ns: 2050 error_ns: 5 }
  device_loss { exhausted: 1 unresolved: 2 }
  device_memory {
    device_type: 1 times: [2000, 5] allocated: [4096, -1024] reserved: [8192, 0]
  }
  activities {
    kinds: "\001\002\001" names: [1, 0, 1] starts: [1000, 10, 10]
    durations: [5, 6, 7] correlations: [1, 0, 1] bytes: [0, 64, 0]
  }
  activity_names: ["Memcpy", "gemm"]
  activity_clock { offset_ns: -500 })";

class ReadTapeTest : public ::testing::Test {
 protected:
  ReadTapeTest() {
    LogWriter writer(ToString(&log_), v1::Run());
    for (const char* text : {kFirst, kSecond}) {
      v1::Events events = ParseText<v1::Events>(text);
      events.add_values()->set_name(std::string(1000, '.'));  // to compress
      last_chunk_ = writer.written_bytes();
      EXPECT_TRUE(writer.Write(v1::CHUNK_KIND_EVENTS, events, {}).ok());
    }
    EXPECT_TRUE(writer.Close(v1::Statistics()).ok());
  }

  // What the reader prints about `log`, on one line.
  std::string Read(const std::string& log) {
    TempFolder folder;
    WriteFile(folder / "run.tape", log);
    const std::string command = std::string(READ_TAPE) + " " +
                                (folder / "run.tape") + " | tr -d '\\n ' > " +
                                (folder / "out");
    EXPECT_EQ(std::system(command.c_str()), 0);
    return ReadFile(folder / "out");
  }

  std::string log_;
  uint64_t last_chunk_ = 0;  // where it begins
};

TEST_F(ReadTapeTest, FindsWhatWasWritten) {
  EXPECT_EQ(Read(log_),
            R"({"activities":{"1:gemm":{"count":2,"total_ns":12},)"
            R"("2:Memcpy":{"count":1,"total_ns":6}},)"
            R"("allocated_bytes":4396,"allocations":3,"chunks":4,)"
            R"("damage":null,"device_memory":{"1:0":{"last_allocated":3072,)"
            R"("last_reserved":8192}},"device_streams":{"1:0:7":{)"
            R"("last_start_ns":2020,"spans":1,"steps":1,"total_ns":64}},)"
            R"("ended":3,"frees":1,"lost_device_times":3,)"
            R"("ops":{"aten::add":{"count":2,"total_ns":17}},)"
            R"("peak_bytes":4396,"saved_bytes":48,"saves":1,)"
            R"("spans":3,"steps":2,"threads":2})");
}

TEST_F(ReadTapeTest, ChecksTheChecksums) {
  std::string bad = log_;
  bad[last_chunk_ + kChunkHeaderBytes] ^= 1;
  EXPECT_THAT(Read(bad), HasSubstr("checksum"));
}

TEST_F(ReadTapeTest, ReadsLogsThatWereNotFinished) {
  const std::string cut = log_.substr(0, log_.size() - 24);
  EXPECT_THAT(Read(cut), HasSubstr("\"damage\":null"));
}

}  // namespace
}  // namespace torchtape::format
