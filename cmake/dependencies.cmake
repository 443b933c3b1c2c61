# The libraries of docs/design.md, "Dependencies". Missing ones are named with their Debian package.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

set(LEITMOTIF_DEPENDENCIES Threads::Threads ${CMAKE_DL_LIBS})
foreach(entry
    "yaml-0.1:libyaml-dev" "hdf5-serial:libhdf5-dev" "sndfile:libsndfile1-dev" "soxr:libsoxr-dev"
    "libutf8proc:libutf8proc-dev" "jansson:libjansson-dev" "libxxhash:libxxhash-dev")
  string(REPLACE ":" ";" entry ${entry})
  list(GET entry 0 module)
  list(GET entry 1 package)
  pkg_check_modules(${module} QUIET IMPORTED_TARGET ${module})
  if(NOT TARGET PkgConfig::${module})
    message(FATAL_ERROR "${module} is missing: run `make deps`, or install ${package}")
  endif()
  list(APPEND LEITMOTIF_MODULES ${module})
  list(APPEND LEITMOTIF_DEPENDENCIES PkgConfig::${module})
endforeach()
