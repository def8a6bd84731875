# Finds elfutils' libdw, which reads DWARF, with the libelf below it, and makes
# the target `libdw::libdw`. Debian's package brings a pkg-config file but no
# CMake one.

find_path(libdw_INCLUDE_DIR elfutils/libdw.h)
find_library(libdw_LIBRARY dw)
find_library(libelf_LIBRARY elf)
mark_as_advanced(libdw_INCLUDE_DIR libdw_LIBRARY libelf_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libdw DEFAULT_MSG
  libdw_LIBRARY libelf_LIBRARY libdw_INCLUDE_DIR)

if(libdw_FOUND AND NOT TARGET libdw::libdw)
  add_library(libdw::libdw UNKNOWN IMPORTED GLOBAL)
  set_target_properties(libdw::libdw PROPERTIES
    IMPORTED_LOCATION "${libdw_LIBRARY}"
    INTERFACE_LINK_LIBRARIES "${libelf_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${libdw_INCLUDE_DIR}")
endif()
