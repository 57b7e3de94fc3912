# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# How everything is compiled: the language, warnings, optimisation, sanitizers. Targets take it by
# linking tern_settings; the interpreter's own options are at the end.

include(CheckLibraryExists)
include(CheckLinkerFlag)
include(CheckCCompilerFlag)

get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo or MinSizeRel" FORCE)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_DEBUG "-O1 -g" CACHE STRING "" FORCE)
check_c_compiler_flag(-Oz TERN_HAVE_OZ)
if(TERN_HAVE_OZ)
  set(CMAKE_C_FLAGS_MINSIZEREL "-Oz -DNDEBUG" CACHE STRING "" FORCE)
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
set(TERN_LIBM)
check_library_exists(m fmaf "" TERN_HAVE_LIBM)
if(TERN_HAVE_LIBM)
  set(TERN_LIBM m)
endif()

find_program(TERN_CCACHE ccache)
if(TERN_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${TERN_CCACHE})
endif()

add_library(tern_settings INTERFACE)
target_compile_options(tern_settings INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wundef -Wvla -Wpointer-arith -Wwrite-strings
  -Wstrict-prototypes -Wmissing-prototypes
  # Guests observe floating point: no fusing of a * b + c, and nobody reads errno after a sqrt.
  -ffp-contract=off -fno-math-errno)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # "if (!read(d, &x)) return false" is the house's pattern, and gcc cannot see that read() only fails by
  # returning false. clang's -Wsometimes-uninitialized is exact and stays on.
  target_compile_options(tern_settings INTERFACE -Wno-maybe-uninitialized)
endif()
if(TERN_WERROR)
  target_compile_options(tern_settings INTERFACE -Werror)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "MinSizeRel")
  # Tables to unwind what nothing unwinds are a sixth of all code.
  target_compile_options(tern_settings INTERFACE -ffunction-sections -fdata-sections
    -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-stack-protector)
  if(NOT APPLE)
    target_link_options(tern_settings INTERFACE -Wl,--gc-sections)
  endif()
endif()

foreach(switch IN ITEMS TERN_FAST TERN_SIMD TERN_MEMORY64 TERN_TAIL_CALLS TERN_THREADS TERN_GC TERN_METERING TERN_DETAILS TERN_PROPOSALS)
  if(NOT ${switch})
    target_compile_definitions(tern_settings INTERFACE ${switch}=0)
  endif()
endforeach()

if(TERN_SANITIZE)
  target_compile_options(tern_settings INTERFACE -fsanitize=${TERN_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tern_settings INTERFACE -fsanitize=${TERN_SANITIZE})
endif()

if(TERN_FUZZ)
  target_compile_options(tern_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What is shipped is hardened: buffers on the stack are guarded, functions of libc that are told sizes check them,
# and what the loader has filled in is read-only. The handlers go without (TERN_INTERP_OPTIONS): they have no buffers,
# and a frame that is checked on return cannot end in a sibling call. Sanitizers do all of this better; the smallest
# build has no room for it.
include(CheckCCompilerFlag)
if(NOT TERN_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "MinSizeRel")
  check_c_compiler_flag(-fstack-protector-strong TERN_HAVE_STACK_PROTECTOR)
  if(TERN_HAVE_STACK_PROTECTOR)
    target_compile_options(tern_settings INTERFACE -fstack-protector-strong)
  endif()
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug") # needs optimisation
    target_compile_options(tern_settings INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()
check_linker_flag(C "LINKER:-z,relro,-z,now,-z,noexecstack" TERN_HAVE_RELRO)
if(TERN_HAVE_RELRO)
  target_link_options(tern_settings INTERFACE "LINKER:-z,relro,-z,now,-z,noexecstack")
endif()

# A name that nothing defines is found when the library is linked, not when a host is.
if(NOT TERN_SANITIZE AND NOT APPLE)
  target_link_options(tern_settings INTERFACE -Wl,--no-undefined)
endif()

# The linker's own marks around the handlers (__start_tern_interp) are nobody else's business: two
# libraries in one process must each find their own.
check_linker_flag(C -Wl,-z,start-stop-visibility=hidden TERN_HAVE_START_STOP_VISIBILITY)
if(TERN_HAVE_START_STOP_VISIBILITY)
  target_link_options(tern_settings INTERFACE -Wl,-z,start-stop-visibility=hidden)
endif()

# --- the interpreter's handlers ------------------------------------------------------------------

# Not for link-time optimisation: the table of tokens is the assembler's, who would not find the handlers.
set(TERN_INTERP_OPTIONS -fno-stack-protector -fno-plt -fno-exceptions -fno-lto)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # gcc makes sibling calls only when told to or at -O2.
  list(APPEND TERN_INTERP_OPTIONS -foptimize-sibling-calls)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT CMAKE_BUILD_TYPE STREQUAL "MinSizeRel"
   AND NOT TERN_SANITIZE)
  list(APPEND TERN_INTERP_OPTIONS -O3 -fomit-frame-pointer)
endif()
