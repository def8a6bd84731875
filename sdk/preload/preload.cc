// The library that `torchtape record` loads into a program before all others
// (LD_PRELOAD). It needs nothing but the C library, and does nothing in a
// program without LibTorch. Once LibTorch is there it loads the recorder beside
// it, which is linked with LibTorch, and starts it.
//
// LibTorch comes at one of two times:
//
//   with the program   seen before main(), since __libc_start_main() comes by
//                      here: the constructors of all libraries have run.
//   by dlopen()        as in `import torch`. Whoever loads a library then asks
//                      for a function in it, and dlsym() comes by here, too.
//                      The handle that it has can only come from a dlopen()
//                      that is over, with all constructors.
//
// dlopen() and dlsym() themselves depend on who calls them. So they are jumped
// to when this has had a look, and see their caller.

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic>

namespace {

// --- What the loader has ---

struct Objects {
  long count = 0;
  long torch = -1;   // LibTorch's place, in the order of loading; -1: none
  long wanted = -1;  // place of the object at `wanted_address`
  ElfW(Addr) wanted_address = 0;
};

const char* BaseName(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

int LookAtObject(dl_phdr_info* info, size_t, void* to) {
  Objects& objects = *static_cast<Objects*>(to);
  static constexpr char kTorch[] = "libtorch_cpu.so";
  if (strncmp(BaseName(info->dlpi_name), kTorch, sizeof kTorch - 1) == 0) {
    objects.torch = objects.count;
  }
  if (objects.wanted_address != 0 &&
      info->dlpi_addr == objects.wanted_address) {
    objects.wanted = objects.count;
  }
  ++objects.count;
  return 0;
}

Objects LookAtObjects(ElfW(Addr) wanted_address = 0) {
  Objects objects;
  objects.wanted_address = wanted_address;
  dl_iterate_phdr(LookAtObject, &objects);
  return objects;
}

// The function that would have been called without this library.
template <typename Function>
Function* Next(Function*, const char* name) {
  void* next = dlvsym(RTLD_NEXT, name, "GLIBC_2.34");
  if (next == nullptr) next = dlvsym(RTLD_NEXT, name, "GLIBC_2.2.5");
  return reinterpret_cast<Function*>(next);
}

decltype(&dlopen) NextOpen() {
  static const auto next = Next(&dlopen, "dlopen");
  return next;
}
decltype(&dlsym) NextSymbol() {
  static const auto next = Next(&dlsym, "dlsym");
  return next;
}

// --- Whether to record ---

enum class State {
  kBeforeMain,
  kWatching,  // for LibTorch
  kOver,      // the recorder has started, or shall not
};
std::atomic<State> state{State::kBeforeMain};
std::atomic<long> objects_without_torch{0};
std::atomic<void (*)()> stop_recorder{nullptr};

bool IsSet(const char* name) {
  const char* text = getenv(name);
  return text != nullptr && *text != '\0' && strcmp(text, "0") != 0;
}

// As in core/environment.h.
bool IsMeantProcess() {
  const char* process = getenv("TORCHTAPE_PROCESS");
  return process == nullptr || *process == '\0' || atol(process) == getpid();
}
bool IsWanted() {
  return IsSet("TORCHTAPE") &&
         (IsMeantProcess() || IsSet("TORCHTAPE_CHILDREN"));
}

template <typename... Arguments>
void Say(const char* format, Arguments... arguments) {
  dprintf(STDERR_FILENO, format, arguments...);
}

// LibTorch's version, such as "2.13.0"; of its description of itself, which is
// a std::string. False if it has none that can be read.
bool ReadTorchVersion(void* torch, char* version, size_t size) {
  struct String {  // as libstdc++ lays it out
    const char* text;
    size_t bytes;
    char rest[16];
  };
  const auto show_config = reinterpret_cast<String (*)()>(
      NextSymbol()(torch, "_ZN2at11show_configB5cxx11Ev"));
  if (show_config == nullptr) return false;
  const String config = show_config();  // never freed
  static constexpr char kKey[] = "TORCH_VERSION=";
  const char* found = strstr(config.text, kKey);
  if (found == nullptr) return false;
  found += sizeof kKey - 1;
  const size_t bytes = strcspn(found, ", +\n");
  if (bytes >= size) return false;
  memcpy(version, found, bytes);
  version[bytes] = '\0';
  return true;
}

// The recorder is linked with one LibTorch by name and layout. Another one
// would be loaded beside the program's, or not fit.
bool TorchFits() {
  void* const torch =
      NextOpen()(TORCHTAPE_TORCH_SONAME, RTLD_LAZY | RTLD_NOLOAD);
  char version[32] = "another version";
  const bool known =
      torch != nullptr && ReadTorchVersion(torch, version, sizeof version);
  if (known && strcmp(version, TORCHTAPE_TORCH_VERSION) == 0) return true;
  Say("torchtape: not recording: made for LibTorch %s, and %s has %s\n",
      TORCHTAPE_TORCH_VERSION, program_invocation_short_name, version);
  return false;
}

// Functions of a protobuf that the program shows to all come before those of
// the recorder's.
bool ProtobufFits() {
  void* const function = NextSymbol()(
      RTLD_DEFAULT, "_ZN6google8protobuf8internal13VerifyVersionEiiPKc");
  Dl_info info;
  if (function == nullptr || dladdr(function, &info) == 0) return true;
  const char* name = BaseName(info.dli_fname);
  if (strncmp(name, "libprotobuf", 11) == 0 &&
      strstr(name, TORCHTAPE_PROTOBUF_SUFFIX) != nullptr) {
    return true;
  }
  Say("torchtape: not recording: %s has a protobuf of its own, in %s\n",
      program_invocation_short_name, name);
  return false;
}

// Beside this library.
bool RecorderPath(char* path, size_t size) {
  Dl_info self;
  if (dladdr(reinterpret_cast<const void*>(&RecorderPath), &self) == 0) {
    return false;
  }
  const int folder =
      static_cast<int>(BaseName(self.dli_fname) - self.dli_fname);
  const int bytes = snprintf(path, size, "%.*s%s", folder, self.dli_fname,
                             "libtorchtape_recorder.so");
  return bytes > 0 && static_cast<size_t>(bytes) < size;
}

void StartRecorder() {
  State watching = State::kWatching;
  if (!state.compare_exchange_strong(watching, State::kOver)) return;
  char path[4096];
  if (!IsWanted() || !TorchFits() || !ProtobufFits() ||
      !RecorderPath(path, sizeof path)) {
    return;
  }
  void* const recorder = NextOpen()(path, RTLD_NOW | RTLD_LOCAL);
  if (recorder == nullptr) {
    Say("torchtape: not recording: %s\n", dlerror());
    return;
  }
  stop_recorder = reinterpret_cast<void (*)()>(
      NextSymbol()(recorder, "torchtape_recorder_stop"));
  reinterpret_cast<void (*)()>(
      NextSymbol()(recorder, "torchtape_recorder_start"))();
}

pid_t watched_process = 0;

// Before what the program does at its exit, such as to close its streams. Also
// from a signal handler: takes no lock.
void SayIfNothingCame() {
  if (getpid() != watched_process || IsSet("TORCHTAPE_CHILDREN")) return;
  State watching = State::kWatching;
  if (!state.compare_exchange_strong(watching, State::kOver)) return;
  Say("torchtape: nothing was recorded: no LibTorch was seen in %s\n",
      program_invocation_short_name);
}

// --- What comes by ---

using Main = int (*)(int, char**, char**);
Main program_main;

int MainAfterLook(int argc, char** argv, char** environment) {
  // A copy of the SDK in the program may have said that it is over.
  State before = State::kBeforeMain;
  if (IsWanted() && state.compare_exchange_strong(before, State::kWatching)) {
    watched_process = getpid();
    if (LookAtObjects().torch >= 0) StartRecorder();
  } else {
    state = State::kOver;
  }
  const int code = program_main(argc, argv, environment);
  SayIfNothingCame();
  return code;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// A copy of the SDK that the program brings records itself.
void torchtape_preload_leave() {
  state = State::kOver;
  if (void (*stop)() = stop_recorder.exchange(nullptr)) stop();
}

int __libc_start_main(Main main, int argc, char** argv, void (*init)(),
                      void (*fini)(), void (*loader_fini)(), void* stack_end) {
  program_main = main;
  return Next(&__libc_start_main, "__libc_start_main")(
      MainAfterLook, argc, argv, init, fini, loader_fini, stack_end);
}

void exit(int code) noexcept {
  SayIfNothingCame();
  Next(&exit, "exit")(code);
  __builtin_unreachable();
}

// As shells end.
void _exit(int code) {
  SayIfNothingCame();
  Next(&_exit, "_exit")(code);
  __builtin_unreachable();
}

// Both return where to go on.
__attribute__((used, visibility("hidden"))) void* torchtape_before_dlopen() {
  const int error = errno;
  if (state != State::kOver) {
    const Objects objects = LookAtObjects();
    if (objects.torch < 0) objects_without_torch = objects.count;
  }
  errno = error;
  return reinterpret_cast<void*>(NextOpen());
}

__attribute__((used, visibility("hidden"))) void* torchtape_before_dlsym(
    void* handle) {
  const int error = errno;
  if (state == State::kWatching && handle != RTLD_DEFAULT &&
      handle != RTLD_NEXT) {
    const Objects objects =
        LookAtObjects(static_cast<const link_map*>(handle)->l_addr);
    // It is what was asked for when LibTorch came.
    if (objects.torch >= 0 && objects.wanted >= objects_without_torch &&
        objects.wanted <= objects.torch) {
      StartRecorder();
    }
  }
  errno = error;
  return reinterpret_cast<void*>(NextSymbol());
}

__attribute__((naked)) void* dlopen(const char*, int) noexcept {
  asm("push %rdi\n\t"
      "push %rsi\n\t"
      "sub $8, %rsp\n\t"
      "call torchtape_before_dlopen\n\t"
      "add $8, %rsp\n\t"
      "pop %rsi\n\t"
      "pop %rdi\n\t"
      "jmp *%rax");
}

__attribute__((naked)) void* dlsym(void*, const char*) noexcept {
  asm("push %rdi\n\t"
      "push %rsi\n\t"
      "sub $8, %rsp\n\t"
      "call torchtape_before_dlsym\n\t"
      "add $8, %rsp\n\t"
      "pop %rsi\n\t"
      "pop %rdi\n\t"
      "jmp *%rax");
}
}
#pragma GCC visibility pop
