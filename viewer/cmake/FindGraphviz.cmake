# Finds Graphviz's libraries, which place and draw graphs, and makes the target
# `Graphviz::gvc`. Debian's package brings pkg-config files but no CMake one.

find_path(Graphviz_INCLUDE_DIR graphviz/gvc.h)
find_library(Graphviz_gvc_LIBRARY gvc)
find_library(Graphviz_cgraph_LIBRARY cgraph)
mark_as_advanced(Graphviz_INCLUDE_DIR Graphviz_gvc_LIBRARY
  Graphviz_cgraph_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Graphviz DEFAULT_MSG
  Graphviz_gvc_LIBRARY Graphviz_cgraph_LIBRARY Graphviz_INCLUDE_DIR)

# The headers include each other without their folder.
if(Graphviz_FOUND AND NOT TARGET Graphviz::gvc)
  add_library(Graphviz::gvc UNKNOWN IMPORTED GLOBAL)
  set_target_properties(Graphviz::gvc PROPERTIES
    IMPORTED_LOCATION "${Graphviz_gvc_LIBRARY}"
    INTERFACE_LINK_LIBRARIES "${Graphviz_cgraph_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES
      "${Graphviz_INCLUDE_DIR};${Graphviz_INCLUDE_DIR}/graphviz")
endif()
