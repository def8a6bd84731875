# Fails if a C++ snippet of README.md is not, line by line and in order, in the
# example that the line before it names (run with -DROOT=...):
#
#   <!-- from examples/digits_cnn.cc -->
#   ```cpp
#   torchtape::Tracker tracker(log_path);
#
# Spaces at a line's start do not count, and a line "..." leaves lines out.

cmake_minimum_required(VERSION 3.24)

# Of a list, CMake would take apart what has a semicolon or a bracket in it.
function(read_lines file result)
  file(READ ${ROOT}/${file} text)
  string(REPLACE ";" "<semicolon>" text "${text}")
  string(REPLACE "[" "<open>" text "${text}")
  string(REPLACE "]" "<close>" text "${text}")
  string(REGEX REPLACE "\n[ \t]+" "\n" text "${text}")
  string(REPLACE "\n" ";" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

read_lines(README.md lines)
set(example "")
set(in_snippet FALSE)
set(snippet_count 0)
foreach(line IN LISTS lines)
  if(line MATCHES "^<!-- from (.*) -->$")
    set(example ${CMAKE_MATCH_1})
    read_lines(${example} rest)
  elseif(line STREQUAL "```cpp")
    if(NOT example)
      message(FATAL_ERROR "README.md: a snippet does not say where it is from")
    endif()
    set(in_snippet TRUE)
    math(EXPR snippet_count "${snippet_count} + 1")
  elseif(line STREQUAL "```")
    set(in_snippet FALSE)
    set(example "")
  elseif(in_snippet AND line AND NOT line STREQUAL "...")
    list(FIND rest "${line}" index)
    if(index EQUAL -1)
      message(FATAL_ERROR "README.md: not, or not here, in ${example}: ${line}")
    endif()
    math(EXPR index "${index} + 1")
    list(SUBLIST rest ${index} -1 rest)
  endif()
endforeach()

if(snippet_count EQUAL 0)
  message(FATAL_ERROR "README.md quotes nothing")
endif()
