# Fails if a file includes what its room may not know (run with -DROOT=...):
#
#   viewer --> format <-- sdk/src/core <-- sdk/src/torch --> LibTorch

cmake_minimum_required(VERSION 3.24)

set(torch "torch/|ATen/|c10/|caffe2/")
set(protobuf "google/protobuf/|torchtape/v1/|[a-z/_]*\\.pb\\.h")
set(zstd "zstd[a-z_]*\\.h")
set(format "torchtape/format/")
set(sdk "torchtape/[a-z_]+\\.h|sdk/|core/")
set(viewer "viewer/|CLI/|nlohmann/")
set(elfutils "elfutils/|dwarf\\.h|gelf\\.h|libelf\\.h")

# No file of `folder` may include what one of the named patterns matches.
set(exceptions)
function(refuse folder)
  file(GLOB_RECURSE files RELATIVE ${ROOT}
    ${ROOT}/${folder}/*.h ${ROOT}/${folder}/*.cc)
  if(NOT files)
    message(SEND_ERROR "no files in ${folder}")
  endif()
  list(REMOVE_ITEM files ${exceptions})
  foreach(file ${files})
    foreach(name ${ARGN})
      file(STRINGS ${ROOT}/${file} lines
        REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"](${${name}})")
      foreach(line ${lines})
        message(SEND_ERROR "${file} may not include ${name}: ${line}")
      endforeach()
    endforeach()
  endforeach()
endfunction()

refuse(format torch sdk viewer elfutils)
refuse(viewer torch sdk)
# Its point is the user's own type of module.
set(exceptions sdk/include/torchtape/module.h)
refuse(sdk/include torch protobuf zstd format viewer elfutils)
refuse(sdk/src/core torch viewer elfutils)
refuse(sdk/src/torch protobuf zstd viewer elfutils)
refuse(sdk/preload torch protobuf zstd format viewer elfutils)

# These are compiled without LibTorch's folders in the search path: nothing that
# they reach through our headers may include its own.
function(refuse_torch_behind file)
  set(reached ${file})
  set(next ${file})
  while(next)
    list(POP_FRONT next header)
    file(STRINGS ${ROOT}/${header} lines REGEX "^[ \t]*#[ \t]*include[ \t]")
    foreach(line ${lines})
      if(line MATCHES "<(${torch})")
        message(SEND_ERROR "${file} reaches LibTorch by ${header}: ${line}")
      elseif(line MATCHES "[<\"]([^>\"]+)[>\"]")
        foreach(folder sdk/src sdk/include)
          set(found ${folder}/${CMAKE_MATCH_1})
          if(EXISTS ${ROOT}/${found} AND NOT found IN_LIST reached)
            list(APPEND reached ${found})
            list(APPEND next ${found})
          endif()
        endforeach()
      endif()
    endforeach()
  endwhile()
endfunction()

foreach(name automatic automatic_start range tracker)
  refuse_torch_behind(sdk/src/${name}.cc)
endforeach()
