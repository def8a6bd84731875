#include "fake_cupti.h"

#include <time.h>

#include <cstring>
#include <mutex>
#include <thread>

namespace {

constexpr int kInvalid = 1, kNoMore = 12;

// By domain: the names of calls, from number 1 on.
const std::vector<const char*> kCalls[3] = {
    {},
    {"cuInit", "cuLaunchKernel", "cuMemcpyHtoD_v2", "cuLaunchHostFunc"},
    {"cudaGetDevice_v3020", "cudaLaunchKernel_v7000", "cudaMemcpyAsync_v3020",
     "cudaLaunchHostFunc_v10000", "cudaGraphLaunch_v10000",
     "cudaMemsetAsync_v3020"}};

using OnCall = void (*)(void*, int, uint32_t, const void*);
using Request = void (*)(uint8_t**, size_t*, size_t*);
using Complete = void (*)(void*, uint32_t, uint8_t*, size_t, size_t);

FakeCupti state;
std::mutex mutex;
OnCall on_call;
void* user;
Request request;
Complete complete;
uint8_t* buffer;
size_t buffer_bytes, valid_bytes;
uint32_t last_call = 1000;

uint64_t MonotonicNs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000u +
         static_cast<uint64_t>(time.tv_nsec);
}

uint64_t FakeNs(uint64_t monotonic_ns) {
  return monotonic_ns == 0
             ? 0
             : monotonic_ns + static_cast<uint64_t>(state.clock_offset_ns);
}

template <typename Field>
void Put(uint8_t* record, size_t offset, Field field) {
  std::memcpy(record + offset, &field, sizeof field);
}

size_t SizeOf(uint32_t kind) {
  const size_t size = kind == 10 || kind == 3 ? 208 : kind == 22 ? 96 : 88;
  return size + state.record_padding;
}

uint32_t Call(int domain, const char* name) {
  const uint32_t correlation = ++last_call;
  if (state.enabled.count({domain, name}) == 0) return correlation;
  struct {
    int site = 0;
    const char* function = nullptr;
    const void* parameters = nullptr;
    void* result = nullptr;
    const char* symbol = nullptr;
    void* context = nullptr;
    uint32_t context_id = 1;
    uint64_t* data = nullptr;
    uint32_t correlation = 0;
  } data;
  data.correlation = correlation;
  for (data.site = 0; data.site <= 1; ++data.site) {
    on_call(user, domain, 2, &data);
  }
  return correlation;
}

void CompleteBuffer() {
  std::lock_guard<std::mutex> lock(mutex);
  if (buffer == nullptr) return;
  std::thread([] {
    complete(nullptr, 0, buffer, buffer_bytes, valid_bytes);
  }).join();
  buffer = nullptr;
}

void Write(uint8_t* record, const FakeCupti::Activity& activity) {
  std::memset(record, 0xa5, SizeOf(activity.kind));
  const bool kernel = activity.kind == 10 || activity.kind == 3;
  Put(record, 0, activity.kind);
  Put(record, 16, FakeNs(activity.start));
  Put(record, 24, FakeNs(activity.end));
  const size_t ids = kernel ? 40 : 32;
  Put(record, ids, activity.device);
  Put(record, ids + 4, activity.context);
  Put(record, ids + 8, activity.stream);
  Put(record,
      kernel                ? 92
      : activity.kind == 22 ? 60
                            : 44,
      activity.correlation);
  if (kernel) {
    Put(record, 104, activity.name);
    return;
  }
  Put(record, 8, activity.bytes);
  if (activity.kind == 2) return;
  Put(record, 4, activity.direction);
  Put(record, 5, activity.from);
  Put(record, 6, activity.to);
}

void Add(const FakeCupti::Activity& activity) {
  const size_t size = SizeOf(activity.kind);
  if (buffer != nullptr && buffer_bytes - valid_bytes < size) CompleteBuffer();
  std::lock_guard<std::mutex> lock(mutex);
  if (buffer == nullptr) {
    size_t most = 1;
    request(&buffer, &buffer_bytes, &most);
    valid_bytes = 0;
    if (buffer == nullptr) {
      ++state.refused_buffers;
      ++state.dropped;
      return;
    }
  }
  Write(buffer + valid_bytes, activity);
  valid_bytes += size;
}

}  // namespace

extern "C" {

FakeCupti* GetFakeCupti() {
  state.call = &Call;
  state.add = &Add;
  state.complete = &CompleteBuffer;
  return &state;
}

int cuptiGetVersion(uint32_t* version) {
  *version = state.version;
  return 0;
}
int cuptiGetResultString(int result, const char** text) {
  *text = result == 15 ? "CUPTI_ERROR_NOT_INITIALIZED" : "CUPTI_ERROR_UNKNOWN";
  return 0;
}
int cuptiGetTimestamp(uint64_t* ns) {
  *ns = FakeNs(MonotonicNs());
  return 0;
}
int cuptiGetCallbackName(int domain, uint32_t call, const char** name) {
  if (call == 0 || call > kCalls[domain].size()) return kInvalid;
  *name = kCalls[domain][call - 1];
  return 0;
}
int cuptiSubscribe(void** subscriber, OnCall callback, void* data) {
  if (state.subscribe_result != 0) return state.subscribe_result;
  if (state.subscribers != 0) return 39;
  ++state.subscribers;
  on_call = callback;
  user = data;
  *subscriber = &state;
  return 0;
}
int cuptiUnsubscribe(void* subscriber) {
  if (subscriber != &state) return kInvalid;
  --state.subscribers;
  state.enabled.clear();
  return 0;
}
int cuptiEnableCallback(uint32_t enable, void*, int domain, uint32_t call) {
  const std::pair<int, std::string> key(domain, kCalls[domain].at(call - 1));
  if (enable != 0) {
    state.enabled.insert(key);
  } else {
    state.enabled.erase(key);
  }
  return 0;
}
int cuptiActivityRegisterCallbacks(Request on_request, Complete on_complete) {
  request = on_request;
  complete = on_complete;
  return 0;
}
int cuptiActivityEnable(uint32_t kind) {
  if (state.enable_result == 0) state.kinds.insert(kind);
  return state.enable_result;
}
int cuptiActivityDisable(uint32_t kind) {
  state.kinds.erase(kind);
  return 0;
}
// What is not over stays in its buffer unless it is forced out.
int cuptiActivityFlushAll(uint32_t flag) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    state.flushes.push_back(flag);
  }
  if (flag != 0) CompleteBuffer();
  return 0;
}
int cuptiActivityGetNextRecord(uint8_t* bytes, size_t valid,
                               const uint32_t** record) {
  const auto* const last = reinterpret_cast<const uint8_t*>(*record);
  const uint8_t* const next = last == nullptr ? bytes : last + SizeOf(**record);
  if (next >= bytes + valid) return kNoMore;
  *record = reinterpret_cast<const uint32_t*>(next);
  return **record == 0xdead ? 21 : 0;
}
int cuptiActivityGetNumDroppedRecords(void*, uint32_t, size_t* dropped) {
  std::lock_guard<std::mutex> lock(mutex);
  *dropped = std::exchange(state.dropped, 0);
  return 0;
}
}
