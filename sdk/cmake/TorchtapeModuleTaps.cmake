# Writes the list of modules whose forward the LibTorch at hand exports, as a
# source that makes one wrapper for each (src/torch/module_taps.h).
# Needs TorchtapeTaps.cmake.

# The functions by which programs call modules.
set(torchtape_module_functions
  forward forward_with_indices forward_with_packed_input)

# Splits a mangled name behind "_ZN5torch2nn". Sets `type` and `function`, both
# empty if it is no such function. A template's forward is that of the type it
# was instantiated for: ReflectionPadImpl<1, ReflectionPad1dImpl>.
function(torchtape_split_module symbol type_var function_var)
  string(REGEX REPLACE "^_ZN5torch2nn" "" rest "${symbol}")
  string(REGEX REPLACE "^[0-9]+[A-Za-z]+ImplILm[0-9]ENS0_" "" inner "${rest}")
  set(close "")
  if(NOT inner STREQUAL rest)
    set(close "EE")
  endif()
  string(REGEX MATCH "^[0-9]+" length "${inner}")
  string(REGEX REPLACE "^[0-9]+" "" inner "${inner}")
  string(SUBSTRING "${inner}" 0 ${length} type)
  string(SUBSTRING "${inner}" ${length} -1 rest)
  set(${function_var} "" PARENT_SCOPE)
  set(${type_var} ${type} PARENT_SCOPE)
  foreach(function IN LISTS torchtape_module_functions)
    string(LENGTH ${function} length)
    if(type MATCHES "Impl$" AND rest MATCHES "^${close}${length}${function}E")
      set(${function_var} ${function} PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# Writes the source, from what nm says of the library's dynamic symbols.
function(torchtape_write_module_taps table made_from file)
  string(REGEX MATCHALL
    " [TW] _ZN5torch2nn[0-9]+[A-Za-z0-9]+Impl[A-Za-z0-9_]*forward[A-Za-z0-9_]+"
    lines "${table}")
  set(number 0)
  set(taps "")
  foreach(line IN LISTS lines)
    string(SUBSTRING "${line}" 3 -1 symbol)
    torchtape_split_module(${symbol} type function)
    if(function)
      string(APPEND taps
        "    TORCHTAPE_MODULE_TAP(${type}, ${function}, ${number},\n        \"${symbol}\"),\n")
      math(EXPR number "${number} + 1")
    endif()
  endforeach()
  message(STATUS "Modules to tap: ${number}")
  file(CONFIGURE OUTPUT ${file} CONTENT "// ${made_from}

#include <torch/nn.h>

#include \"torch/module_taps.h\"

namespace torchtape::internal {

static const ModuleTap kTaps[] = {
${taps}    {nullptr, nullptr, nullptr}};

const ModuleTap* const kModuleTaps = kTaps;
const size_t kModuleTapCount = ${number};

}  // namespace torchtape::internal
" @ONLY)
endfunction()

# Sets `result` to the source, whose list is empty where there is nothing to tap.
function(torchtape_module_tap_source result)
  set(file ${CMAKE_CURRENT_BINARY_DIR}/taps/module_taps.cc)
  set(${result} ${file} PARENT_SCOPE)
  torchtape_tapped_library(library)
  set(size 0)
  if(library)
    file(SIZE ${library} size)
  endif()
  # Anew only when LibTorch is another: its table of symbols is long.
  set(made_from
    "Made by TorchtapeModuleTaps.cmake, version 1, from ${library}, ${size} bytes")
  if(EXISTS ${file})
    file(STRINGS ${file} before LIMIT_COUNT 1)
    if(before STREQUAL "// ${made_from}")
      return()
    endif()
  endif()
  set(table "")
  if(library)
    execute_process(
      COMMAND ${CMAKE_NM} -D --defined-only ${library}
      OUTPUT_VARIABLE table ERROR_QUIET)
  endif()
  torchtape_write_module_taps("${table}" "${made_from}" ${file})
endfunction()
