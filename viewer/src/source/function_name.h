#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_FUNCTION_NAME_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_FUNCTION_NAME_H_

// The name of a function as its author would say it.

#include <string>

namespace torchtape::viewer {

// "NetImpl::forward" of "_ZN7NetImpl7forwardEN2at6TensorE". What is not mangled
// stays as it is, and so does what is too long to be a name.
std::string FunctionName(const std::string& linkage_name);

// Drops the return type and the arguments: "Net::run<int>" of
// "void Net::run<int>(int) const".
std::string WithoutSignature(const std::string& demangled);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_FUNCTION_NAME_H_
