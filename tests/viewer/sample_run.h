#ifndef TORCHTAPE_TESTS_VIEWER_SAMPLE_RUN_H_
#define TORCHTAPE_TESTS_VIEWER_SAMPLE_RUN_H_

// A small training run that most tests look at, and shorthands to look.

#include <sstream>
#include <string>

#include "nlohmann/json.hpp"
#include "torchtape/viewer/verbs.h"
#include "viewer/log_builder.h"

namespace torchtape::viewer {

// Three steps of 1000 us on two threads. In each step
//   thread 1: linear (100 us; inside it t of 10 us and addmm of 60 us), relu
//             (20 us), and a range around both (150 us)
//   thread 2: the backward node of addmm (200 us; inside it mm of 150 us)
// The model has a layer "model.fc" with 12 + 3 parameters, and "model.act"
// without. Each step allocates 1000 B in linear and 500 B in the backward node
// and frees both. The loss falls from 3 to 1.
LogBuilder SampleRun();

// `bytes` as a log that is called "run.tape".
Log FromBytes(const std::string& bytes);

// What a verb printed; empty if it failed.
using VerbFunction = absl::StatusOr<Outcome> (*)(const Log&, const VerbOptions&,
                                                 std::ostream&);
std::string TextOf(VerbFunction verb, const std::string& bytes,
                   const VerbOptions& options = {});
nlohmann::json JsonOf(VerbFunction verb, const std::string& bytes,
                      VerbOptions options = {});

// The entry of an array whose `key` is `value`; null if there is none.
nlohmann::json Entry(const nlohmann::json& array, const std::string& key,
                     const nlohmann::json& value);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_TESTS_VIEWER_SAMPLE_RUN_H_
