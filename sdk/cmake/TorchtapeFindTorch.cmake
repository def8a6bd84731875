# Finds LibTorch, that is the target `torch`, in the first of these that has it:
#   1. Torch_DIR, Torch_ROOT or CMAKE_PREFIX_PATH
#   2. the torch that python3 imports
#   3. the wheel that tests/check and examples/quickstart put into
#      build/libtorch
#   4. the system, such as Debian's libtorch-dev
# A project that found LibTorch before it took this one in keeps its own.

if(TARGET torch)
  return()
endif()

# LibTorch's own files warn about optional parts that nobody here needs.
set(torchtape_log_level "${CMAKE_MESSAGE_LOG_LEVEL}")
set(CMAKE_MESSAGE_LOG_LEVEL ERROR)

find_package(Torch CONFIG QUIET NO_CMAKE_SYSTEM_PATH NO_CMAKE_PACKAGE_REGISTRY
  NO_SYSTEM_ENVIRONMENT_PATH)

if(NOT Torch_FOUND)
  # Asked for the folder only: importing torch takes seconds.
  execute_process(
    COMMAND python3 -c "import importlib.util as u; \
print(u.find_spec('torch').submodule_search_locations[0], end='')"
    OUTPUT_VARIABLE torchtape_python_torch ERROR_QUIET)
  find_package(Torch CONFIG QUIET NO_DEFAULT_PATH PATHS
    ${torchtape_python_torch} ${PROJECT_SOURCE_DIR}/build/libtorch/torch)
endif()

if(NOT Torch_FOUND)
  find_package(Torch CONFIG QUIET)
endif()

set(CMAKE_MESSAGE_LOG_LEVEL "${torchtape_log_level}")
if(NOT Torch_FOUND)
  message(FATAL_ERROR "torchtape: LibTorch was not found. Give its folder with "
    "-DTorch_DIR=.../share/cmake/Torch, or run examples/quickstart, which "
    "installs it. -DTORCHTAPE_BUILD_SDK=OFF builds without it.")
endif()
message(STATUS "LibTorch ${Torch_VERSION}: ${Torch_DIR}")
