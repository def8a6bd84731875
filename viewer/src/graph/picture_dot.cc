#include "graph/picture_dot.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "output/text_escape.h"
#include "output/units.h"

namespace torchtape::viewer {
namespace {

// What a box and an edge have room for.
constexpr size_t kNameColumns = 36;
constexpr size_t kMostShapes = 2;

// Names from logs are only ever the text of a label.
std::string Text(const std::string& name, size_t columns = kNameColumns) {
  return absl::StrReplaceAll(
      FitText(EscapeText(name), columns),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// The tints of Okabe and Ito's colours, which all kinds of sight tell apart.
const char* Colour(const PictureBox& box) {
  if (box.kind == PictureBox::Kind::kModule) return "#e8edf2";
  switch (box.op_class) {
    case OpClass::kLayer:
      return "#cfe4f5";
    case OpClass::kProduct:
      return "#f9dcc8";
    case OpClass::kTensor:
      return "#c9ebe0";
    case OpClass::kMemory:
      return "#f7e8bd";
    case OpClass::kView:
      return "#eceef0";
    case OpClass::kCustom:
      return "#efdbe8";
  }
  return "#ffffff";
}

// A second line. `align` is that of the first one.
std::string Small(const std::string& text, const char* align) {
  return absl::StrCat("<BR ALIGN=\"", align,
                      "\"/><FONT POINT-SIZE=\"9\" COLOR=\"#56606b\">", text,
                      "</FONT>");
}

std::string Time(uint64_t ns) {
  return ns == 0 ? "" : TimeText(static_cast<double>(ns));
}

// "Linear, 1.2 k parameters, 3.1 ms"
std::string Details(const PictureBox& box) {
  std::vector<std::string> parts;
  if (!box.type.empty()) parts.push_back(Text(box.type));
  if (box.parameters > 0) {
    parts.push_back(absl::StrCat(CountText(box.parameters), " parameters"));
  }
  if (box.forward_ns > 0) parts.push_back(Time(box.forward_ns));
  if (box.threw) parts.push_back("<B>threw</B>");
  return absl::StrJoin(parts, " \u00b7 ");
}

std::string ForwardLabel(const PictureBox& box, const char* align) {
  std::string label = absl::StrCat("<B>", Text(box.name), "</B>");
  const std::string details = Details(box);
  if (!details.empty()) label += Small(details, align);
  return absl::StrCat(label, "<BR ALIGN=\"", align, "\"/>");
}

std::string BackwardLabel(const PictureBox& box) {
  const bool one =
      box.backward.size() == 1 && box.kind == PictureBox::Kind::kOp;
  std::string label = one ? Text(*box.backward.begin()) : "backward";
  label = absl::StrCat("<FONT POINT-SIZE=\"9\">", label, "</FONT>");
  if (box.backward_ns > 0) label += Small(Time(box.backward_ns), "CENTER");
  return label;
}

// Forward left, its backward right of it.
std::string Label(const PictureBox& box) {
  std::string cells = absl::StrCat("<TD PORT=\"f\" BGCOLOR=\"", Colour(box),
                                   "\">", ForwardLabel(box, "CENTER"), "</TD>");
  if (box.backward_ns > 0 || !box.backward.empty()) {
    absl::StrAppend(&cells, "<TD BGCOLOR=\"#fbeee6\">", BackwardLabel(box),
                    "</TD>");
  }
  return absl::StrCat(
      "<TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"0\" "
      "CELLPADDING=\"5\" COLOR=\"#8a95a1\"><TR>",
      cells, "</TR></TABLE>");
}

class Writer {
 public:
  explicit Writer(const Picture& picture) : picture_(picture) {}

  std::string Write(const std::string& title) {
    out_ =
        "digraph step {\n"
        "  graph [rankdir=TB, compound=true, fontname=\"DejaVu Sans\", "
        "fontsize=11, fontcolor=\"#56606b\", nodesep=0.25, ranksep=0.35, "
        "bgcolor=white, pad=0.2, labelloc=b, labeljust=l, label=<";
    absl::StrAppend(&out_, title.empty() ? "" : Text(title, 200), ">];\n");
    out_ +=
        "  node [shape=plain, fontname=\"DejaVu Sans\", fontsize=11, "
        "fontcolor=\"#1d2732\"];\n"
        "  edge [color=\"#5b6773\", arrowsize=0.6, penwidth=0.9, "
        "fontname=\"DejaVu Sans\", fontsize=8, fontcolor=\"#56606b\"];\n";
    WriteChildren(0, 1);
    for (const PictureEdge& edge : picture_.edges) WriteEdge(edge);
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  const PictureBox& Box(int index) const {
    return picture_.boxes[static_cast<size_t>(index)];
  }

  void WriteChildren(int index, int depth) {
    for (int child : Box(index).children) WriteBox(child, depth);
  }

  void WriteBox(int index, int depth) {
    const PictureBox& box = Box(index);
    const std::string indent(2 * static_cast<size_t>(depth), ' ');
    if (!box.open) {
      absl::StrAppend(&out_, indent, "b", index, " [label=<", Label(box),
                      ">];\n");
      return;
    }
    absl::StrAppend(&out_, indent, "subgraph cluster_", index, " {\n", indent,
                    "  graph [label=<", ForwardLabel(box, "LEFT"),
                    ">, labelloc=t, labeljust=l, style=\"rounded,filled\", "
                    "color=\"#b9c3cd\", fillcolor=\"",
                    depth % 2 == 1 ? "#f7f9fb" : "#ffffff",
                    "\", fontcolor=\"#1d2732\", margin=10];\n");
    WriteChildren(index, depth + 1);
    absl::StrAppend(&out_, indent, "}\n");
  }

  // An edge needs a node: the first or last one in what is open.
  int NodeIn(int index, bool first) const {
    while (Box(index).open) {
      const std::vector<int>& children = Box(index).children;
      index = first ? children.front() : children.back();
    }
    return index;
  }

  void WriteEdge(const PictureEdge& edge) {
    const int from = NodeIn(edge.from, false), to = NodeIn(edge.to, true);
    if (from == to) return;
    std::vector<std::string> shapes;
    for (const std::string& shape : edge.shapes) {
      if (shapes.size() < kMostShapes) shapes.push_back("&#160;" + Text(shape));
    }
    if (edge.shapes.size() > kMostShapes) shapes.push_back("\u2026");
    absl::StrAppend(&out_, "  b", from, ":f:s -> b", to, ":f:n [label=<",
                    absl::StrJoin(shapes, "<BR/>"), ">");
    if (from != edge.from) {
      absl::StrAppend(&out_, ", ltail=cluster_", edge.from);
    }
    if (to != edge.to) absl::StrAppend(&out_, ", lhead=cluster_", edge.to);
    out_ += "];\n";
  }

  const Picture& picture_;
  std::string out_;
};

}  // namespace

std::string PictureDot(const Picture& picture, const std::string& title) {
  return Writer(picture).Write(title);
}

}  // namespace torchtape::viewer
