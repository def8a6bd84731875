// A program that records without a word of torch:  record LOG

#include <torchtape/range.h>
#include <torchtape/tracker.h>

#include <iostream>

int main(int, char** argv) {
  torchtape::Tracker tracker(argv[1]);
  {
    torchtape::Range range("work");
    tracker.Log("loss", 0.5);
  }
  tracker.Step();
  const absl::Status status = tracker.Stop();
  std::cout << status << '\n';
  return status.ok() ? 0 : 1;
}
