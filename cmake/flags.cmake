# One set of compiler flags for every C file of the project.
add_library(leitmotif_flags INTERFACE)
target_compile_definitions(leitmotif_flags INTERFACE _GNU_SOURCE LEIT_VERSION="${PROJECT_VERSION}")
target_include_directories(leitmotif_flags INTERFACE
  ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_options(leitmotif_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
  -Wno-psabi) # vectors wider than the CPU's stay inside functions

if(LEITMOTIF_SANITIZE)
  add_compile_options(-fsanitize=${LEITMOTIF_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=${LEITMOTIF_SANITIZE})
endif()

# Cutting a message to its buffer is what snprintf is used for here; GCC warns of it only at some
# levels of optimisation.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(leitmotif_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Wno-format-truncation>)
endif()
