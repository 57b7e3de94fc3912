# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What `make install` puts where. The installed tree may be moved: tern.pc and the CMake package find
# themselves.

include(CMakePackageConfigHelpers)
if(NOT DEFINED CMAKE_INSTALL_LIBDIR)
  set(CMAKE_INSTALL_LIBDIR lib CACHE PATH "Libraries, below the prefix")
endif()
include(GNUInstallDirs)

install(TARGETS tern_static tern_shared iwasm_shared EXPORT tern-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET tern_cli)
  install(TARGETS tern_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${PROJECT_BINARY_DIR}/iwasm DESTINATION ${CMAKE_INSTALL_BINDIR}) # a symbolic link to tern
  if(NOT CMAKE_CROSSCOMPILING)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/completions/ DESTINATION ${CMAKE_INSTALL_DATADIR})
  endif()
endif()
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# pkg-config: paths relative to the file itself.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE TERN_PC_PREFIX)
configure_file(cmake/tern.pc.in ${PROJECT_BINARY_DIR}/cmake/tern.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmake/tern.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/tern)
configure_package_config_file(cmake/tern-config.cmake.in
  ${PROJECT_BINARY_DIR}/cmake/tern-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/tern-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/tern-config.cmake
  ${PROJECT_BINARY_DIR}/cmake/tern-config-version.cmake DESTINATION ${package})
install(EXPORT tern-targets NAMESPACE tern:: DESTINATION ${package})

# The same library under the name and version of the API it stands in for.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/iwasm-config-version.cmake
  VERSION 2.4.3 COMPATIBILITY SameMajorVersion)
install(FILES cmake/iwasm-config.cmake ${PROJECT_BINARY_DIR}/cmake/iwasm-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/iwasm)
