#ifndef TORCHTAPE_TESTS_SUPPORT_PARSE_TEXT_H_
#define TORCHTAPE_TESTS_SUPPORT_PARSE_TEXT_H_

#include <stdexcept>
#include <string>

#include "google/protobuf/text_format.h"

namespace torchtape::testing {

// A message from protobuf's text format.
template <typename Message>
Message ParseText(const std::string& text) {
  Message message;
  if (!google::protobuf::TextFormat::ParseFromString(text, &message)) {
    throw std::invalid_argument("not the text of a message: " + text);
  }
  return message;
}

}  // namespace torchtape::testing

#endif  // TORCHTAPE_TESTS_SUPPORT_PARSE_TEXT_H_
