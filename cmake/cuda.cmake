# libleitmotif_cuda.so, when nvcc is found: in PATH, in CUDA_PATH, in /usr/local/cuda. The list of
# sources and flags is cuda_plugin.mk; the commands are those of Makefile.cuda.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS cmake/cuda_plugin.mk)
file(STRINGS cmake/cuda_plugin.mk cuda_lines REGEX "^CUDA_[A-Z_]+ \\+= ")
foreach(line ${cuda_lines})
  string(REPLACE "[" "<" line "${line}") # a bracket would glue list items together
  string(REPLACE "]" ">" line "${line}")
  string(REGEX MATCH "^(CUDA_[A-Z_]+) \\+= (.*)$" line "${line}")
  separate_arguments(words UNIX_COMMAND "${CMAKE_MATCH_2}")
  list(APPEND ${CMAKE_MATCH_1} ${words})
endforeach()
foreach(list CUDA_FLAGS CUDA_LINK_FLAGS)
  string(REPLACE "<" "[" ${list} "${${list}}")
  string(REPLACE ">" "]" ${list} "${${list}}")
endforeach()

# For tests/cuda/test_plugin_builds.sh.
string(REPLACE ";" " " words "${CUDA_SOURCES}")
file(WRITE ${PROJECT_BINARY_DIR}/cuda/plugin.txt "sources ${words}\n")
string(REPLACE ";" " " words "${CUDA_FLAGS};${CUDA_LINK_FLAGS}")
file(APPEND ${PROJECT_BINARY_DIR}/cuda/plugin.txt "flags ${words}\nversion ${PROJECT_VERSION}\n")

if(LEITMOTIF_CUDA)
  find_program(LEITMOTIF_NVCC nvcc HINTS $ENV{CUDA_PATH}/bin PATHS /usr/local/cuda/bin)
endif()
if(NOT LEITMOTIF_CUDA OR NOT LEITMOTIF_NVCC)
  if(LEITMOTIF_CUDA)
    message(STATUS "nvcc is not here: the CUDA plugin is left out, everything else is built")
  endif()
  return()
endif()

# Paths from the root: nvcc writes what it was given into its list of headers, and ninja looks for
# relative ones in the build folder.
list(TRANSFORM CUDA_FLAGS REPLACE "^-I(.*)$" "-I${PROJECT_SOURCE_DIR}/\\1")
foreach(source ${CUDA_SOURCES})
  set(object ${PROJECT_BINARY_DIR}/cuda/${source}.o)
  get_filename_component(folder ${object} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  # nvcc's registers and shared memory per kernel go into a log beside the object.
  add_custom_command(OUTPUT ${object}
    COMMAND sh ${PROJECT_SOURCE_DIR}/scripts/run_logged ${object}.log ${LEITMOTIF_NVCC} ${CUDA_FLAGS}
            "-DLEIT_VERSION=\"${PROJECT_VERSION}\"" -MD -MF ${object}.d -c -o ${object}
            ${PROJECT_SOURCE_DIR}/${source}
    DEPENDS ${source} cmake/cuda_plugin.mk DEPFILE ${object}.d
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} COMMENT "nvcc ${source}" VERBATIM)
  list(APPEND cuda_objects ${object})
endforeach()

set(cuda_plugin ${PROJECT_BINARY_DIR}/libleitmotif_cuda.so)
add_custom_command(OUTPUT ${cuda_plugin}
  COMMAND ${LEITMOTIF_NVCC} ${CUDA_LINK_FLAGS} -o ${cuda_plugin} ${cuda_objects}
  DEPENDS ${cuda_objects} COMMENT "Linking the CUDA plugin" VERBATIM)
add_custom_target(leitmotif_cuda ALL DEPENDS ${cuda_plugin})
install(PROGRAMS ${cuda_plugin} DESTINATION ${CMAKE_INSTALL_LIBDIR})
