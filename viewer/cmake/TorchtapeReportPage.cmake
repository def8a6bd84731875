# torchtape_report_page(TARGET): bundles viewer/report into the target. That
# takes esbuild, a single program; without it the tool is built all the same,
# and says that it has no report.

find_program(TORCHTAPE_ESBUILD esbuild)
mark_as_advanced(TORCHTAPE_ESBUILD)

set(torchtape_report_sources ${CMAKE_CURRENT_LIST_DIR}/../report)
set(torchtape_report_files
  page.html
  src/axis.ts
  src/canvas.ts
  src/charts.ts
  src/critical_path.ts
  src/data.ts
  src/devices.ts
  src/dom.ts
  src/facts.ts
  src/findings.ts
  src/graph.ts
  src/graph_align.ts
  src/graph_choices.ts
  src/graph_colour.ts
  src/graph_draw.ts
  src/graph_edges.ts
  src/graph_fold.ts
  src/graph_item.ts
  src/graph_keys.ts
  src/graph_layout.ts
  src/graph_legend.ts
  src/graph_lines.ts
  src/graph_measures.ts
  src/graph_merge.ts
  src/graph_minimap.ts
  src/graph_model.ts
  src/graph_notices.ts
  src/graph_source.ts
  src/graph_states.ts
  src/graph_threw.ts
  src/graph_tip.ts
  src/graph_union.ts
  src/graph_view.ts
  src/lanes.ts
  src/layer_family.ts
  src/live.ts
  src/main.ts
  src/memory.ts
  src/memory_blocks.ts
  src/memory_chart.ts
  src/notices.ts
  src/overview.ts
  src/palettes.ts
  src/pancanvas.ts
  src/panel.ts
  src/path_facts.ts
  src/replay.ts
  src/run.ts
  src/search.ts
  src/step_sets.ts
  src/store.ts
  src/table.ts
  src/tables.ts
  src/theme.ts
  src/timecanvas.ts
  src/timeline.ts
  src/timeline_view.ts
  src/units.ts
  src/view.ts
  src/work.ts
  style.css)
set(torchtape_report_bundler ${CMAKE_CURRENT_LIST_DIR}/bundle_report.cmake)

function(torchtape_report_page target)
  set(page ${CMAKE_CURRENT_BINARY_DIR}/report_page.cc)
  if(NOT TORCHTAPE_ESBUILD)
    message(STATUS "esbuild was not found: torchtape will have no report")
  endif()
  list(TRANSFORM torchtape_report_files PREPEND ${torchtape_report_sources}/
    OUTPUT_VARIABLE inputs)
  add_custom_command(OUTPUT ${page}
    COMMAND ${CMAKE_COMMAND} "-DESBUILD=${TORCHTAPE_ESBUILD}"
      -DFROM=${torchtape_report_sources} -DINTO=${page}
      -P ${torchtape_report_bundler}
    DEPENDS ${inputs} ${torchtape_report_bundler}
    COMMENT "Bundling the report's page" VERBATIM)
  target_sources(${target} PRIVATE ${page})
endfunction()
