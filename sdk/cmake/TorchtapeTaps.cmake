# Writes the list of operators that the LibTorch at hand exports, as sources
# that make one wrapper for each (src/torch/tap.h).
#
# torchtape_tap_sources(result): sets `result` to the sources. Where there is
# nothing to tap (a static LibTorch, another processor, TORCHTAPE_TAPS off), their
# list is empty and callbacks serve alone.

# Files that are compiled side by side: each pays for LibTorch's headers once.
set(torchtape_tap_files 4)

# The operators of libtorch_cpu: two lists of the same order.
function(torchtape_exported_operators library names_var symbols_var)
  execute_process(
    COMMAND ${CMAKE_NM} -D --defined-only ${library}
    OUTPUT_VARIABLE table ERROR_QUIET)
  string(REGEX MATCHALL " T _ZN2at4_ops[0-9]+[A-Za-z0-9_]+" lines "${table}")
  foreach(line IN LISTS lines)
    string(SUBSTRING "${line}" 3 -1 symbol)
    string(REGEX MATCH "^_ZN2at4_ops([0-9]+)" unused "${symbol}")
    set(length ${CMAKE_MATCH_1})
    string(REGEX REPLACE "^_ZN2at4_ops[0-9]+" "" rest "${symbol}")
    string(SUBSTRING "${rest}" 0 ${length} name)
    string(SUBSTRING "${rest}" ${length} 6 function)
    if(function STREQUAL "4callE")
      list(APPEND names ${name})
      list(APPEND symbols ${symbol})
    endif()
  endforeach()
  set(${names_var} "${names}" PARENT_SCOPE)
  set(${symbols_var} "${symbols}" PARENT_SCOPE)
endfunction()

# Sets `result` to the shared library that can be tapped; empty if none can.
function(torchtape_tapped_library result)
  set(${result} "" PARENT_SCOPE)
  if(NOT TORCHTAPE_TAPS OR NOT TARGET torch_cpu OR
      NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    return()
  endif()
  get_target_property(library torch_cpu IMPORTED_LOCATION)
  get_target_property(configurations torch_cpu IMPORTED_CONFIGURATIONS)
  foreach(configuration IN LISTS configurations)
    if(NOT library)
      get_target_property(library torch_cpu IMPORTED_LOCATION_${configuration})
    endif()
  endforeach()
  if(library MATCHES "\\.so")
    set(${result} ${library} PARENT_SCOPE)
  endif()
endfunction()

function(torchtape_tap_sources result)
  torchtape_tapped_library(library)
  if(NOT library)
    set(file ${CMAKE_CURRENT_BINARY_DIR}/no_taps.cc)
    file(CONFIGURE OUTPUT ${file} CONTENT "#include \"torch/tap.h\"\n
namespace torchtape::internal {\n
const TapTable* const kTapTables[] = {nullptr};
const size_t kTapTableCount = 0;\n
}  // namespace torchtape::internal\n" @ONLY)
    set(${result} ${file} PARENT_SCOPE)
    return()
  endif()

  # Anew only when LibTorch is another: its table of symbols is long.
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/taps)
  set(sources)
  foreach(file RANGE 1 ${torchtape_tap_files})
    list(APPEND sources ${folder}/taps_${file}.cc)
  endforeach()
  list(APPEND sources ${folder}/tap_tables.cc)
  set(${result} "${sources}" PARENT_SCOPE)
  file(SIZE ${library} size)
  set(made_from "${library} ${size} 3")
  if(EXISTS ${folder}/made_from)
    file(READ ${folder}/made_from before)
    if(before STREQUAL made_from)
      return()
    endif()
  endif()

  torchtape_exported_operators(${library} names symbols)
  list(LENGTH names count)
  message(STATUS "Operators to tap: ${count}")
  set(head "// Made by TorchtapeTaps.cmake from the operators that\n// ${library} exports.\n\n")
  foreach(file RANGE 1 ${torchtape_tap_files})
    set(text${file} "${head}#include <ATen/Operators.h>\n\n#include \"torch/tap.h\"\n
namespace torchtape::internal {\n
static const TapFacts kFacts[] = {\n")
    set(count${file} 0)
  endforeach()
  # Neighbours share a file, and the numbers of a file are neighbours.
  math(EXPR share "(${count} + ${torchtape_tap_files} - 1) / ${torchtape_tap_files}")
  set(number 0)
  foreach(name symbol IN ZIP_LISTS names symbols)
    math(EXPR file "${number} / ${share} + 1")
    string(APPEND text${file}
      "    TORCHTAPE_TAP(${name}, ${number},\n        \"${symbol}\"),\n")
    math(EXPR count${file} "${count${file}} + 1")
    math(EXPR number "${number} + 1")
  endforeach()
  set(tables "${head}#include \"torch/tap.h\"\n\nnamespace torchtape::internal {\n\n")
  set(list "")
  foreach(file RANGE 1 ${torchtape_tap_files})
    file(CONFIGURE OUTPUT ${folder}/taps_${file}.cc CONTENT
      "${text${file}}};\n\nextern const TapTable kTapTable${file};\nconst TapTable kTapTable${file} = {kFacts, ${count${file}}};\n\n}  // namespace torchtape::internal\n" @ONLY)
    string(APPEND tables "extern const TapTable kTapTable${file};\n")
    string(APPEND list "    &kTapTable${file},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${folder}/tap_tables.cc CONTENT
    "${tables}\nconst TapTable* const kTapTables[] = {\n${list}};\nconst size_t kTapTableCount = ${torchtape_tap_files};\n\nstatic_assert(${count} <= kMaxTaps, \"room for all operators\");\n\n}  // namespace torchtape::internal\n" @ONLY)
  file(WRITE ${folder}/made_from "${made_from}")
endfunction()
