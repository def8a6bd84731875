#include "graph/picture.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "output/text_escape.h"

namespace torchtape::viewer {
namespace {

constexpr int kRoot = 0;

// Modules further in are shown as parts of the one around them.
constexpr int kMostDepth = 100;

// "8 x 16" of a shape as JSON has it.
std::string ShapeText(const Json& shape) {
  std::vector<std::string> sizes;
  for (const Json& size : shape) sizes.push_back(size.dump());
  return sizes.empty() ? "scalar" : absl::StrJoin(sizes, " \u00d7 ");
}

class Drawing {
 public:
  Drawing(const Graph& graph, const ModuleTree& tree,
          const PictureChoice& choice)
      : graph_(graph), tree_(tree), choice_(choice) {
    picture_.boxes.emplace_back();
    picture_.boxes[kRoot].open = true;
    box_of_.resize(graph.nodes.size(), -1);
  }

  absl::StatusOr<Picture> Draw() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      AddForward(static_cast<int>(i));
    }
    for (const Node& node : graph_.nodes) AddBackward(node);
    absl::Status opened = Open();
    if (!opened.ok()) return opened;
    Connect();
    return std::move(picture_);
  }

 private:
  PictureBox& Box(int index) {
    return picture_.boxes[static_cast<size_t>(index)];
  }

  int AddBox(PictureBox::Kind kind, int parent, std::string name) {
    const int index = static_cast<int>(picture_.boxes.size());
    PictureBox box;
    box.kind = kind;
    box.parent = parent;
    box.name = std::move(name);
    picture_.boxes.push_back(std::move(box));
    Box(parent).children.push_back(index);
    return index;
  }

  int BoxOfModule(int module) {
    if (module == kNoModule) return kRoot;
    const std::vector<Module>& modules = tree_.modules();
    while (modules[static_cast<size_t>(module)].depth > kMostDepth) {
      module = modules[static_cast<size_t>(module)].parent;
    }
    const auto known = modules_.find(module);
    if (known != modules_.end()) return known->second;
    const Module& facts = modules[static_cast<size_t>(module)];
    const int parent = BoxOfModule(facts.parent);
    const int index = AddBox(PictureBox::Kind::kModule, parent, NameOf(facts));
    Box(index).type = std::string(ShortType(facts.type));
    Box(index).parameters = facts.parameters;
    modules_[module] = index;
    return index;
  }

  static bool IsForward(const Node& node) {
    return node.op->kind == v1::SPAN_KIND_OP && !node.backward &&
           !node.owner.optimizer;
  }

  // A module's time is that of all its ops, whatever is shown of them.
  void AddForward(int index) {
    const Node& node = graph_.nodes[static_cast<size_t>(index)];
    if (!IsForward(node)) return;
    int& box = box_of_[static_cast<size_t>(index)];
    int parent = -1;
    if (node.op_parent == kNoNode) {
      box = parent = BoxOfModule(node.owner.module);
      for (int at = box; at > kRoot; at = Box(at).parent) {
        Box(at).forward_ns += node.duration_ns.value_or(0);
        Box(at).threw |= node.ending == Ending::kThrew;
      }
    } else if (choice_.level == 0) {
      parent = box_of_[static_cast<size_t>(node.op_parent)];
    }
    if (parent < 0 || node.level < choice_.level) return;
    box = AddBox(PictureBox::Kind::kOp, parent,
                 std::string(absl::StripPrefix(node.op->name, "aten::")));
    Box(box).op_class = ClassOfOp(node.op->name);
    Box(box).forward_ns = node.duration_ns.value_or(0);
    Box(box).threw = node.ending == Ending::kThrew;
  }

  // The box of the op that made a backward node, or of one around that op.
  int OriginOf(const Node& node) const {
    for (int at = node.forward_op; at != kNoNode;
         at = graph_.nodes[static_cast<size_t>(at)].op_parent) {
      const int box = box_of_[static_cast<size_t>(at)];
      if (box > kRoot) return box;
    }
    const auto module = modules_.find(node.owner.module);
    return module == modules_.end() ? -1 : module->second;
  }

  void AddBackward(const Node& node) {
    const bool outermost = node.op_parent == kNoNode;
    if (node.op->kind != v1::SPAN_KIND_BACKWARD || !outermost) return;
    const std::string name = node.op->name.substr(node.op->name.rfind(':') + 1);
    for (int box = OriginOf(node); box > kRoot; box = Box(box).parent) {
      Box(box).backward.insert(name);
      Box(box).backward_ns += node.duration_ns.value_or(0);
    }
  }

  void OpenUp(int box) {
    for (; box > kRoot; box = Box(box).parent) Box(box).open = true;
  }

  absl::Status Open() {
    for (const std::string& path : choice_.open) {
      const int module = tree_.Find(path);
      if (module == kNoModule) {
        return absl::NotFoundError(
            absl::StrCat("--open: no module is called ", path));
      }
      OpenUp(BoxOfModule(module));
    }
    // Ops inside of ops are there only if everything was asked for.
    for (PictureBox& box : picture_.boxes) {
      const bool nested = box.kind == PictureBox::Kind::kOp &&
                          choice_.level == 0 && !box.children.empty();
      if (choice_.open_all || nested) box.open = true;
    }
    if (choice_.open.empty()) OpenOnlyModel();
    Show(kRoot);
    return absl::OkStatus();
  }

  void OpenOnlyModel() {
    int only = -1, count = 0;
    for (int child : Box(kRoot).children) {
      if (Box(child).kind != PictureBox::Kind::kModule) continue;
      only = child;
      ++count;
    }
    if (count == 1) Box(only).open = true;
  }

  void Show(int index) {
    std::vector<int> waiting = {index};
    while (!waiting.empty()) {
      const int box = waiting.back();
      waiting.pop_back();
      Box(box).open = Box(box).open && !Box(box).children.empty();
      Box(box).shown = true;
      if (!Box(box).open) continue;
      for (int child : Box(box).children) waiting.push_back(child);
    }
  }

  // The shown box that stands for a node; -1 if there is none: then data goes
  // through it unseen.
  int ShownBox(size_t node) {
    int box = box_of_[node];
    while (box > kRoot && !Box(box).shown) box = Box(box).parent;
    if (box <= kRoot) return -1;
    const bool around = Box(box).kind == PictureBox::Kind::kModule;
    return around && Box(box).open ? -1 : box;
  }

  void Connect() {
    Graph data;
    data.nodes.resize(graph_.nodes.size());
    std::vector<int> shown(graph_.nodes.size());
    for (size_t i = 0; i < shown.size(); ++i) {
      shown[i] = ShownBox(i);
      data.nodes[i].level = shown[i] < 0 ? 0 : 1;
    }
    for (const Edge& edge : graph_.edges) {
      if (!edge.gradient) data.edges.push_back(edge);
    }
    std::map<std::pair<int, int>, size_t> known;
    for (const Edge& edge : EdgesAtLevel(data, 1)) {
      const int from = shown[static_cast<size_t>(edge.from)],
                to = shown[static_cast<size_t>(edge.to)];
      if (from == to) continue;
      const auto [it, is_new] =
          known.try_emplace({from, to}, picture_.edges.size());
      if (is_new) picture_.edges.push_back({from, to, {}});
      const auto tensor = graph_.tensors.find(edge.tensor);
      if (tensor == graph_.tensors.end()) continue;
      picture_.edges[it->second].shapes.insert(ShapeText(tensor->second.shape));
    }
  }

  const Graph& graph_;
  const ModuleTree& tree_;
  const PictureChoice& choice_;
  Picture picture_;
  std::map<int, int> modules_;  // their boxes
  // Of nodes: their own, or that of their module; -1: none.
  std::vector<int> box_of_;
};

}  // namespace

absl::StatusOr<Picture> DrawPicture(const Graph& graph, const ModuleTree& tree,
                                    const PictureChoice& choice) {
  return Drawing(graph, tree, choice).Draw();
}

}  // namespace torchtape::viewer
