// A library whose name is LibTorch's, for what only names tell.

extern "C" {

__attribute__((visibility("default"))) void CallBack(void (*call)(void*),
                                                     void* argument) {
  call(argument);
  asm volatile("" ::: "memory");  // no tail call
}

}  // extern "C"
