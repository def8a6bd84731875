#ifndef TORCHTAPE_TESTS_SDK_CORE_RUNTIME_FAKE_CUPTI_H_
#define TORCHTAPE_TESTS_SDK_CORE_RUNTIME_FAKE_CUPTI_H_

// A stand-in for CUPTI, with the functions that are used, and what a test does
// in place of a device. Its records are written byte by byte where the headers
// of CUDA 12 have the fields, and not with the declarations under test.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

struct FakeCupti {
  // What it says.
  uint32_t version = 26;
  int subscribe_result = 0;
  int enable_result = 0;
  size_t dropped = 0;           // told once
  int64_t clock_offset_ns = 0;  // to CLOCK_MONOTONIC
  size_t record_padding = 0;    // newer records are longer

  // What it was asked for.
  int subscribers = 0;
  std::set<uint32_t> kinds;                       // that are enabled
  std::set<std::pair<int, std::string>> enabled;  // calls, by domain and name
  std::vector<uint32_t> flushes;                  // their flags
  size_t refused_buffers = 0;

  // A program's call of the runtime (domain 2) or driver (1), as the subscriber
  // sees it. Returns the call's number.
  uint32_t (*call)(int domain, const char* name);

  struct Activity {
    uint32_t kind = 10;
    const char* name = "kernel";
    uint32_t correlation = 0;
    uint64_t start = 1, end = 2;  // CLOCK_MONOTONIC
    uint32_t device = 0, context = 1, stream = 7;
    uint8_t direction = 0, from = 0, to = 0;
    uint64_t bytes = 0;
  };
  // Writes its record, in a buffer that it asks for if need be.
  void (*add)(const Activity& activity);
  // Gives back the buffer, on a thread of its own.
  void (*complete)();
};

extern "C" FakeCupti* GetFakeCupti();

#endif  // TORCHTAPE_TESTS_SDK_CORE_RUNTIME_FAKE_CUPTI_H_
