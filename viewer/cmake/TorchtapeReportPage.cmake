# torchtape_report_page(TARGET): bundles viewer/report into the target. That
# takes esbuild, a single program; without it the tool is built all the same,
# and says that it has no report.

find_program(TORCHTAPE_ESBUILD esbuild)
mark_as_advanced(TORCHTAPE_ESBUILD)

set(torchtape_report_sources ${CMAKE_CURRENT_LIST_DIR}/../report)
set(torchtape_report_bundler ${CMAKE_CURRENT_LIST_DIR}/bundle_report.cmake)

function(torchtape_report_page target)
  set(page ${CMAKE_CURRENT_BINARY_DIR}/report_page.cc)
  if(NOT TORCHTAPE_ESBUILD)
    message(STATUS "esbuild was not found: torchtape will have no report")
  endif()
  file(GLOB inputs CONFIGURE_DEPENDS ${torchtape_report_sources}/src/*.ts
    ${torchtape_report_sources}/page.html ${torchtape_report_sources}/style.css)
  add_custom_command(OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} "-DESBUILD=${TORCHTAPE_ESBUILD}"
      -DFROM=${torchtape_report_sources} -DINTO=${page}
      -P ${torchtape_report_bundler}
    DEPENDS ${inputs} ${torchtape_report_bundler}
    COMMENT "Bundling the report's page" VERBATIM)
  target_sources(${target} PRIVATE ${page})
endfunction()
