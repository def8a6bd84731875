# Writes the source file INTO with the report's page: FROM/page.html with the
# bundle of FROM/src and FROM/style.css in it. The page's security policy allows
# this script and this style alone, by their hashes.
#
#   cmake -DESBUILD=... -DFROM=viewer/report -DINTO=report_page.cc -P ...

cmake_minimum_required(VERSION 3.24)

# The base64 of a hash, which CMake has in hexadecimal.
function(base64_of_hash hex result)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  string(APPEND hex "00")  # 33 bytes: three at a time
  foreach(at RANGE 0 60 6)
    string(SUBSTRING ${hex} ${at} 6 three)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${three} >> ${shift}) & 63")
      string(SUBSTRING ${digits} ${digit} 1 character)
      string(APPEND text ${character})
    endforeach()
  endforeach()
  string(SUBSTRING ${text} 0 43 text)
  set(${result} "${text}=" PARENT_SCOPE)
endfunction()

function(bundle from result)
  execute_process(COMMAND ${ESBUILD} ${from} --bundle --minify --charset=utf8
      --target=chrome103,firefox113,safari16.4 --log-level=warning
    OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(STRIP "${text}" text)
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

set(head "")
set(tail "")
if(ESBUILD)
  bundle(${FROM}/src/main.ts script)
  bundle(${FROM}/style.css style)
  string(SHA256 script_hash "${script}")
  string(SHA256 style_hash "${style}")
  base64_of_hash(${script_hash} script_hash)
  base64_of_hash(${style_hash} style_hash)
  file(READ ${FROM}/page.html page)
  string(REPLACE "{SCRIPT_HASH}" "${script_hash}" page "${page}")
  string(REPLACE "{STYLE_HASH}" "${style_hash}" page "${page}")
  string(FIND "${page}" "{STYLE}" at)
  string(SUBSTRING "${page}" 0 ${at} head)
  math(EXPR at "${at} + 7")
  string(SUBSTRING "${page}" ${at} -1 page)
  string(APPEND head "${style}")
  string(FIND "${page}" "{DATA}" at)
  string(SUBSTRING "${page}" 0 ${at} middle)
  string(APPEND head "${middle}")
  math(EXPR at "${at} + 6")
  string(SUBSTRING "${page}" ${at} -1 page)
  string(FIND "${page}" "{SCRIPT}" at)
  string(SUBSTRING "${page}" 0 ${at} tail)
  math(EXPR at "${at} + 8")
  string(SUBSTRING "${page}" ${at} -1 page)
  string(APPEND tail "${script}${page}")
endif()

file(WRITE ${INTO} "// Made from viewer/report.

#include \"report/report_page.h\"

namespace torchtape::viewer {

ReportPage GetReportPage() {
  return {R\"torchtape(${head})torchtape\", R\"torchtape(${tail})torchtape\"};
}

}  // namespace torchtape::viewer
")
