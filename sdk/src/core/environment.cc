#include "core/environment.h"

#include <errno.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/schedule.h"

namespace torchtape::internal {
namespace {

constexpr size_t kLeastBufferBytes = size_t{1} << 20;
constexpr uint64_t kLeastKeptBytes = uint64_t{64} << 10;

absl::Status Invalid(absl::string_view name, absl::string_view value,
                     absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": \"", value, "\" is not ", wanted));
}

absl::Status ReadSwitch(const char* name, bool* value) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return absl::OkStatus();
  if (absl::SimpleAtob(text, value)) return absl::OkStatus();
  return Invalid(name, text, "0 or 1");
}

absl::Status ReadOpSource(OpSource* source) {
  const char* text = std::getenv("TORCHTAPE_OP_SOURCE");
  if (text == nullptr || *text == '\0') return absl::OkStatus();
  const absl::string_view name = text;
  if (name == "auto") {
    *source = OpSource::kAuto;
  } else if (name == "taps") {
    *source = OpSource::kTaps;
  } else if (name == "callbacks") {
    *source = OpSource::kCallbacks;
  } else {
    return Invalid("TORCHTAPE_OP_SOURCE", name, "auto, taps or callbacks");
  }
  return absl::OkStatus();
}

absl::Status ReadDeviceTime(DeviceTime* level) {
  const char* text = std::getenv("TORCHTAPE_DEVICE_TIME");
  if (text == nullptr || *text == '\0') return absl::OkStatus();
  const absl::string_view name = text;
  if (name == "off") {
    *level = DeviceTime::kOff;
  } else if (name == "steps") {
    *level = DeviceTime::kSteps;
  } else if (name == "modules") {
    *level = DeviceTime::kModules;
  } else if (name == "ops") {
    *level = DeviceTime::kOps;
  } else if (name == "kernels") {
    *level = DeviceTime::kKernels;
  } else {
    return Invalid("TORCHTAPE_DEVICE_TIME", name,
                   "off, steps, modules, ops or kernels");
  }
  return absl::OkStatus();
}

absl::Status ReadCount(const char* name, uint64_t* count) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return absl::OkStatus();
  if (absl::SimpleAtoi(text, count)) return absl::OkStatus();
  return Invalid(name, text, "a number");
}

// "100" steps, or bytes such as "512MiB".
absl::Status ReadKeepLast(KeepLast* keep) {
  const char* const name = "TORCHTAPE_KEEP_LAST";
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return absl::OkStatus();
  constexpr std::pair<const char*, int> kUnits[] = {
      {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  absl::string_view number = text;
  uint64_t* value = &keep->steps;
  int shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (!absl::ConsumeSuffix(&number, unit)) continue;
    value = &keep->bytes;
    shift = bits;
    break;
  }
  *keep = KeepLast();
  if (absl::SimpleAtoi(number, value) && *value <= ~uint64_t{0} >> shift) {
    *value <<= shift;
    return absl::OkStatus();
  }
  return Invalid(name, text,
                 "a number of steps, or of KiB, MiB, GiB or TiB (512MiB)");
}

// The first of these variables that holds a number.
template <typename Set>
void ReadNumber(std::initializer_list<const char*> names, Set set) {
  for (const char* name : names) {
    const char* text = std::getenv(name);
    uint32_t number = 0;
    if (text != nullptr && absl::SimpleAtoi(text, &number)) return set(number);
  }
}

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string CpuModel() {
  for (absl::string_view line :
       absl::StrSplit(ReadFile("/proc/cpuinfo"), '\n')) {
    if (line.substr(0, 10) != "model name") continue;
    const size_t colon = line.find(": ");
    if (colon != line.npos) return std::string(line.substr(colon + 2));
  }
  return "";
}

// "run.tape" -> "run.{pid}.tape"
std::string PathOfChild(std::string path) {
  if (path.find("{pid}") != path.npos) return path;
  const size_t name = path.find_last_of('/') + 1;  // npos + 1 is 0
  const size_t dot = path.find_last_of('.');
  const bool has_extension = dot != path.npos && dot > name;
  return path.insert(has_extension ? dot : path.size(), ".{pid}");
}

}  // namespace

std::string AutomaticPath() {
  const char* path = std::getenv("TORCHTAPE");
  if (path == nullptr || absl::string_view(path) == "0") return "";
  const char* process = std::getenv("TORCHTAPE_PROCESS");
  uint64_t pid = 0;
  if (process == nullptr || !absl::SimpleAtoi(process, &pid) ||
      pid == static_cast<uint64_t>(getpid())) {
    return path;
  }
  const char* children = std::getenv("TORCHTAPE_CHILDREN");
  bool children_too = false;
  if (children == nullptr || !absl::SimpleAtob(children, &children_too) ||
      !children_too) {
    return "";
  }
  return PathOfChild(path);
}

absl::Status ApplyEnvironment(TrackerOptions* options) {
  if (std::string path = AutomaticPath(); !path.empty()) {
    options->log_path = std::move(path);
  }
  if (const char* path = std::getenv("TORCHTAPE_LOG_PATH")) {
    options->log_path = path;
  }
  absl::Status status;
  status.Update(ReadSwitch("TORCHTAPE_ENABLED", &options->enabled));
  status.Update(ReadSwitch("TORCHTAPE_SHAPES", &options->shapes));
  status.Update(ReadSwitch("TORCHTAPE_IDENTITIES", &options->identities));
  status.Update(ReadSwitch("TORCHTAPE_ARGUMENTS", &options->arguments));
  status.Update(ReadSwitch("TORCHTAPE_MEMORY", &options->memory));
  status.Update(ReadSwitch("TORCHTAPE_SAVED_TENSORS", &options->saved_tensors));
  status.Update(ReadSwitch("TORCHTAPE_DEVICE_CALLS", &options->device_calls));
  status.Update(ReadSwitch("TORCHTAPE_BACKWARD", &options->backward));
  status.Update(ReadDeviceTime(&options->device_time));
  status.Update(ReadOpSource(&options->op_source));
  status.Update(ReadSwitch("TORCHTAPE_COMMAND_LINE", &options->command_line));
  status.Update(ReadCount("TORCHTAPE_AUDIT_EVERY", &options->audit_every));
  status.Update(
      ReadCount("TORCHTAPE_MAX_BUFFER_BYTES", &options->max_buffer_bytes));
  status.Update(
      ReadCount("TORCHTAPE_SYNC_WITHIN_MS", &options->sync_within_ms));
  status.Update(ReadKeepLast(&options->keep_last));
  const char* text = std::getenv("TORCHTAPE_SCHEDULE");
  if (text != nullptr && *text != '\0') {
    const absl::Status parsed = ParseSchedule(text, &options->schedule);
    if (!parsed.ok()) {
      status.Update(absl::InvalidArgumentError(
          absl::StrCat("TORCHTAPE_SCHEDULE: ", parsed.message())));
    }
  }
  if (!status.ok()) return status;
  if (options->max_buffer_bytes < kLeastBufferBytes) {
    return Invalid("max_buffer_bytes", absl::StrCat(options->max_buffer_bytes),
                   "at least 1 MiB");
  }
  if (options->keep_last.bytes != 0 &&
      options->keep_last.bytes < kLeastKeptBytes) {
    return Invalid("keep_last", absl::StrCat(options->keep_last.bytes),
                   "at least 64 KiB");
  }
  if (options->log_path.empty()) {
    return absl::InvalidArgumentError("log_path is empty");
  }
  options->identities &= options->shapes;
  options->arguments &= options->shapes;
  return absl::OkStatus();
}

void ReadProcessFacts(const TrackerOptions& options, v1::Run* run) {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) == 0) run->set_host(host);
  run->set_program(program_invocation_short_name);
  run->set_pid(static_cast<uint64_t>(getpid()));
  ReadNumber({"RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"},
             [&](uint32_t rank) { run->set_rank(rank); });
  ReadNumber({"WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"},
             [&](uint32_t size) { run->set_world_size(size); });
  ReadNumber({"LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"},
             [&](uint32_t rank) { run->set_local_rank(rank); });
  if (options.command_line) {
    const std::string line = ReadFile("/proc/self/cmdline");
    for (absl::string_view word : absl::StrSplit(line, '\0')) {
      run->add_command_line(std::string(word));
    }
    if (run->command_line_size() != 0)
      run->mutable_command_line()->RemoveLast();
  }
  v1::Device* cpu = run->add_devices();
  cpu->set_name("cpu");
  cpu->set_model(CpuModel());
}

std::string ExpandPath(std::string path, const v1::Run& run) {
  return absl::StrReplaceAll(path, {{"{rank}", absl::StrCat(run.rank())},
                                    {"{pid}", absl::StrCat(run.pid())}});
}

}  // namespace torchtape::internal
