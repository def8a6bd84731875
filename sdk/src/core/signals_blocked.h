#ifndef TORCHTAPE_SDK_CORE_SIGNALS_BLOCKED_H_
#define TORCHTAPE_SDK_CORE_SIGNALS_BLOCKED_H_

// A thread that is started while one of these lives gets no signals: all of
// them stay with the program's own threads.

#include <pthread.h>
#include <signal.h>

namespace torchtape::internal {

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace torchtape::internal

#endif  // TORCHTAPE_SDK_CORE_SIGNALS_BLOCKED_H_
