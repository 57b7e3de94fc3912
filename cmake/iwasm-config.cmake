# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# find_package(iwasm): the target iwasm::vmlib, for hosts that were built against that name.
include(CMakeFindDependencyMacro)
find_dependency(tern HINTS ${CMAKE_CURRENT_LIST_DIR}/../tern)
if(NOT TARGET iwasm::vmlib)
  add_library(iwasm::vmlib INTERFACE IMPORTED)
  target_link_libraries(iwasm::vmlib INTERFACE tern::iwasm)
endif()
