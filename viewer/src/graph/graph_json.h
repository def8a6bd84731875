#ifndef TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_JSON_H_
#define TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_JSON_H_

// A graph in JSON. README.md ("export") describes it.

#include <ostream>

#include "graph/graph.h"
#include "graph/graph_devices.h"
#include "totals/step_totals.h"

namespace torchtape::viewer {

struct ExportFacts {
  const v1::Run& run;
  const Graph& graph;
  const ModuleTree& tree;
  const SourceLines& lines;
  const Step& step;
  int level;
  bool memory;                  // whether allocations were recorded
  const GraphDevices* devices;  // null: their times were not recorded
  bool kernels;                 // whether kernels were
};

// Prints node by node: a step has many.
void PrintGraph(const ExportFacts& facts, std::ostream& out);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_GRAPH_GRAPH_JSON_H_
