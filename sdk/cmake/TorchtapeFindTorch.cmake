# Finds LibTorch, that is the target `torch`, in the first of these that has it:
#   1. Torch_DIR, Torch_ROOT, CMAKE_PREFIX_PATH (variables, or of the shell)
#   2. an installed SDK only: the LibTorch that the SDK was built with
#   3. the torch that python3 imports
#   4. the wheel that tests/check and examples/quickstart put into
#      build/libtorch
#   5. the system, such as Debian's libtorch-dev
# Sets Torch_FOUND. A project that has found LibTorch before it takes this one in keeps its own.

if(TARGET torch)
  set(Torch_FOUND TRUE)
  return()
endif()

# Sets `result` to the folder of TorchConfig.cmake below the first of the given
# folders that has one.
function(torchtape_torch_folder result)
  foreach(prefix ${ARGN})
    foreach(suffix . Torch share/cmake/Torch lib/cmake/Torch cmake/Torch)
      get_filename_component(folder ${prefix}/${suffix} ABSOLUTE)
      if(EXISTS ${folder}/TorchConfig.cmake)
        set(${result} ${folder} PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
endfunction()

if(NOT Torch_DIR)
  string(REPLACE ":" ";" torchtape_prefixes "$ENV{CMAKE_PREFIX_PATH}")
  # Only where it is: to import torch takes seconds.
  execute_process(
    COMMAND python3 -c "import importlib.util as u; \
print(u.find_spec('torch').submodule_search_locations[0], end='')"
    OUTPUT_VARIABLE torchtape_python_torch ERROR_QUIET)
  torchtape_torch_folder(Torch_DIR
    $ENV{Torch_DIR} ${Torch_ROOT} $ENV{Torch_ROOT} ${CMAKE_PREFIX_PATH}
    ${torchtape_prefixes} ${torchtape_sdk_torch} ${torchtape_python_torch}
    ${CMAKE_CURRENT_LIST_DIR}/../../build/libtorch/torch)
endif()

# LibTorch's own file looks for its parts in the system first, and would mix
# two versions where Debian's package is installed as well.
if(EXISTS "${Torch_DIR}/../Caffe2/Caffe2Config.cmake")
  get_filename_component(torchtape_prefix ${Torch_DIR}/../../.. ABSOLUTE)
  set(Caffe2_DIR ${Torch_DIR}/../Caffe2)
  foreach(library torch c10)
    string(REPLACE torch TORCH variable ${library}_LIBRARY)
    find_library(${variable} ${library} PATHS ${torchtape_prefix}/lib
      NO_DEFAULT_PATH)
  endforeach()
endif()

# It also warns about optional parts that nobody here needs.
set(torchtape_log_level "${CMAKE_MESSAGE_LOG_LEVEL}")
set(CMAKE_MESSAGE_LOG_LEVEL ERROR)
find_package(Torch CONFIG QUIET)
set(CMAKE_MESSAGE_LOG_LEVEL "${torchtape_log_level}")
