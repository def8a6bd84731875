# Finds zstd and makes the target `zstd::libzstd`. Debian's package brings a
# pkg-config file but no CMake one. The installed package uses this file too.

find_package(zstd CONFIG QUIET)
if(TARGET zstd::libzstd)
  return()
endif()

find_path(zstd_INCLUDE_DIR zstd.h)
find_library(zstd_LIBRARY zstd)
mark_as_advanced(zstd_INCLUDE_DIR zstd_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(zstd DEFAULT_MSG zstd_LIBRARY zstd_INCLUDE_DIR)

if(zstd_FOUND)
  add_library(zstd::libzstd UNKNOWN IMPORTED GLOBAL)
  set_target_properties(zstd::libzstd PROPERTIES
    IMPORTED_LOCATION "${zstd_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${zstd_INCLUDE_DIR}")
endif()
