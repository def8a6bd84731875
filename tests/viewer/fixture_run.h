#ifndef TORCHTAPE_TESTS_VIEWER_FIXTURE_RUN_H_
#define TORCHTAPE_TESTS_VIEWER_FIXTURE_RUN_H_

// Runs the program of tests/viewer/fixture in this process and tells where its
// operators were called from, as a recorder would.

#include <cstdint>
#include <string>
#include <vector>

#include "replay/visitor.h"

namespace torchtape::viewer {

struct FixtureCall {
  std::string op;
  CodeObject object;
  uint64_t load_address = 0;  // of the object
  uint64_t address = 0;       // as v1::CallSite.address

  uint64_t address_in_memory() const { return load_address + address; }
};

// Its calls in order: add and relu in the block, linear in the library, relu in
// the net, add in the lambda, two adds in std::accumulate. `model` is
//   "debug"     compiled with -g
//   "plain"     without
//   "stripped"  with, but the debug information is in a file beside it
//   "split"     with, but most of the debug information is in .dwo files
std::vector<FixtureCall> RunFixture(const std::string& model);

// Its file, and the one of the library that it uses.
std::string FixturePath(const std::string& model);
std::string FixtureLibraryPath();

// The line of model.cc that has the comment "line: MARK".
uint32_t FixtureLine(const std::string& mark);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_VIEWER_FIXTURE_RUN_H_
