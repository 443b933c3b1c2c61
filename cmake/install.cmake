# `cmake --install`: program, library, headers, leitmotif.pc and find_package(Leitmotif).
include(CMakePackageConfigHelpers)

install(TARGETS leitmotif_shared EXPORT LeitmotifTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/leitmotif DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT LeitmotifTargets NAMESPACE Leitmotif::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Leitmotif)

configure_package_config_file(cmake/LeitmotifConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Leitmotif)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
configure_file(cmake/leitmotif.pc.in ${CMAKE_CURRENT_BINARY_DIR}/leitmotif.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/LeitmotifConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Leitmotif)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/leitmotif.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
