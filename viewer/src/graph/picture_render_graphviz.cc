#include <graphviz/gvc.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "graph/picture_render.h"

namespace torchtape::viewer {
namespace {

// Graphviz has its messages printed by a function; ours keeps the first.
std::string* first_message = nullptr;

int KeepMessage(char* message) {
  if (first_message != nullptr && first_message->empty()) {
    *first_message = message;
  }
  return 0;
}

// Never freed: Graphviz keeps pointers to fonts of the first one.
GVC_t* Context() {
  static GVC_t* const context = gvContext();
  return context;
}

class Layout {
 public:
  explicit Layout(const std::string& dot)
      : context_(Context()), graph_(agmemread(dot.c_str())) {}
  ~Layout() {
    if (placed_) gvFreeLayout(context_, graph_);
    if (graph_ != nullptr) agclose(graph_);
  }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;

  // Of pictures made of dots; those of lines have their own scale.
  void SetDotsPerInch(std::string dots) {
    if (graph_ != nullptr) agsafeset(graph_, name_, dots.data(), empty_);
  }

  bool Place() {
    placed_ = graph_ != nullptr && gvLayout(context_, graph_, "dot") == 0;
    return placed_;
  }

  bool Draw(const char* format, std::string* picture) {
    char* bytes = nullptr;
    unsigned size = 0;
    if (gvRenderData(context_, graph_, format, &bytes, &size) != 0) {
      return false;
    }
    picture->assign(bytes, size);
    gvFreeRenderData(bytes);
    return !picture->empty();
  }

 private:
  GVC_t* const context_;
  Agraph_t* graph_;
  bool placed_ = false;
  // The library takes them without changing them, but not as constants.
  char name_[4] = "dpi", empty_[1] = "";
};

}  // namespace

absl::StatusOr<std::string> RenderDot(const std::string& dot,
                                      const std::string& format) {
  std::string message, picture;
  first_message = &message;
  agseterr(AGERR);
  agseterrf(KeepMessage);
  bool drawn = false;
  {
    Layout layout(dot);
    if (format == "png") layout.SetDotsPerInch("200");
    drawn = layout.Place() && layout.Draw(format.c_str(), &picture);
  }
  agseterrf(nullptr);
  first_message = nullptr;
  if (drawn) return picture;
  return absl::InternalError(
      absl::StrCat("Graphviz cannot draw this: ",
                   absl::StrReplaceAll(message, {{"\n", " "}})));
}

}  // namespace torchtape::viewer
