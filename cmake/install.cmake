# `cmake --install`: program, libraries, headers, leitmotif.pc and find_package(Leitmotif).
include(CMakePackageConfigHelpers)

install(TARGETS leitmotif_shared leitmotif_static EXPORT LeitmotifTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/leitmotif DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT LeitmotifTargets NAMESPACE Leitmotif::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Leitmotif)

configure_package_config_file(cmake/LeitmotifConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Leitmotif)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
# What the static library needs, for `pkg-config --static`. Flags, not Requires.private: who links the
# shared library needs no headers of ours.
foreach(module ${LEITMOTIF_MODULES})
  list(APPEND private_libraries ${${module}_LDFLAGS})
endforeach()
list(REMOVE_DUPLICATES private_libraries)
list(JOIN private_libraries " " LEITMOTIF_PRIVATE_LIBRARIES)
# Seen from the file itself, so that `cmake --install --prefix` may choose another place.
file(RELATIVE_PATH LEITMOTIF_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/leitmotif.pc.in ${CMAKE_CURRENT_BINARY_DIR}/leitmotif.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Leitmotif)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/leitmotif.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
