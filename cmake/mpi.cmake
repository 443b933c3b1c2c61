# libleitmotif_mpi.so, when OpenMPI and the PMIx that comes with it are found.
if(LEITMOTIF_MPI)
  pkg_check_modules(ompi QUIET IMPORTED_TARGET ompi-c)
  pkg_check_modules(pmix QUIET IMPORTED_TARGET pmix)
endif()
if(NOT TARGET PkgConfig::ompi OR NOT TARGET PkgConfig::pmix)
  if(LEITMOTIF_MPI)
    message(STATUS "OpenMPI (libopenmpi-dev) is not here: the MPI plugin is left out, everything else is built")
  endif()
  return()
endif()

# What it needs of the library is inside it; it exports its one function.
add_library(leitmotif_mpi MODULE src/dist/mpi_plugin.c src/core/clock.c src/core/memory.c)
target_link_libraries(leitmotif_mpi PRIVATE leitmotif_flags PkgConfig::ompi PkgConfig::pmix)
set_target_properties(leitmotif_mpi PROPERTIES C_VISIBILITY_PRESET hidden
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
install(TARGETS leitmotif_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
