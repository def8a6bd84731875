#ifndef TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_JSON_H_
#define TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_JSON_H_

// Where in the source, in words and in JSON. README.md ("Call sites") describes
// both.

#include <string>

#include "replay/log_state.h"
#include "source/source_lines.h"

namespace torchtape::viewer {

// "model.cc:42, Net::forward", or what of it is known. Escaped.
std::string FrameText(const SourceFrame& frame);

// The user's part of a site; else the function that called, or the address.
// Escaped.
std::string SiteText(const CallSite& call_site, const SourceLines& lines);

// {file, line, function, ...} of a span. Null if neither its line nor its call
// site is known.
Json SourceJson(const UserLine& line, const CallSite* call_site,
                const SourceLines& lines);

// {file, line, function}; null for what is not known.
Json FrameJson(const SourceFrame& frame);

}  // namespace torchtape::viewer

#endif  // TORCHTAPE_VIEWER_SRC_SOURCE_SOURCE_JSON_H_
