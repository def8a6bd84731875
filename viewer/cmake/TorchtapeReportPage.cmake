# torchtape_report_page(TARGET): bundles viewer/report into the target. That
# takes esbuild, a single program; without it the tool is built all the same,
# and says that it has no report.

find_program(TORCHTAPE_ESBUILD esbuild)
mark_as_advanced(TORCHTAPE_ESBUILD)

set(torchtape_report_sources ${CMAKE_CURRENT_LIST_DIR}/../report)
set(torchtape_report_files
  page.html
  src/graph/graph.ts
  src/graph/graph_align.ts
  src/graph/graph_choices.ts
  src/graph/graph_colour.ts
  src/graph/graph_draw.ts
  src/graph/graph_edges.ts
  src/graph/graph_fold.ts
  src/graph/graph_item.ts
  src/graph/graph_keys.ts
  src/graph/graph_layout.ts
  src/graph/graph_legend.ts
  src/graph/graph_lines.ts
  src/graph/graph_measures.ts
  src/graph/graph_merge.ts
  src/graph/graph_minimap.ts
  src/graph/graph_model.ts
  src/graph/graph_notices.ts
  src/graph/graph_source.ts
  src/graph/graph_states.ts
  src/graph/graph_threw.ts
  src/graph/graph_tip.ts
  src/graph/graph_union.ts
  src/graph/graph_view.ts
  src/graph/layer_family.ts
  src/main.ts
  src/memory/live.ts
  src/memory/memory.ts
  src/memory/memory_blocks.ts
  src/memory/memory_chart.ts
  src/notices.ts
  src/overview/charts.ts
  src/overview/findings.ts
  src/overview/overview.ts
  src/panel.ts
  src/ranks/rank_chart.ts
  src/ranks/rank_times.ts
  src/ranks/rank_view.ts
  src/replay.ts
  src/run/critical_path.ts
  src/run/data.ts
  src/run/devices.ts
  src/run/facts.ts
  src/run/ranks.ts
  src/run/run.ts
  src/run/step_sets.ts
  src/run/work.ts
  src/search.ts
  src/selection.ts
  src/store.ts
  src/tables.ts
  src/timeline/band_painter.ts
  src/timeline/bands.ts
  src/timeline/flame_chart.ts
  src/timeline/flame_tree.ts
  src/timeline/lanes.ts
  src/timeline/path_facts.ts
  src/timeline/strips.ts
  src/timeline/timeline.ts
  src/timeline/timeline_view.ts
  src/widgets/axis.ts
  src/widgets/canvas.ts
  src/widgets/dom.ts
  src/widgets/palettes.ts
  src/widgets/pancanvas.ts
  src/widgets/table.ts
  src/widgets/theme.ts
  src/widgets/timecanvas.ts
  src/widgets/units.ts
  src/widgets/view.ts
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
