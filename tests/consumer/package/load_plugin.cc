// A program that knows neither LibTorch nor the SDK and loads a plug-in that
// has both, twice:  load_plugin PLUGIN LOG

#include <dlfcn.h>

#include <iostream>

int main(int, char** argv) {
  for (int i = 0; i < 2; ++i) {
    void* plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) {
      std::cerr << dlerror() << '\n';
      return 1;
    }
    auto train = reinterpret_cast<int (*)(const char*)>(dlsym(plugin, "Train"));
    if (train == nullptr || train(argv[2]) != 0) return 1;
    dlclose(plugin);
  }
}
