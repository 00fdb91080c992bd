# Three kinds of build, one folder each: build/release, build/debug, build/asan.
# Assertions stay on in all of them; base/assert.h refuses NDEBUG.
set(TAILRACE_KIND "release" CACHE STRING "release, debug or asan")

add_compile_options(
    -Wall -Wextra -Werror -Wshadow -Wundef -Wvla -Wpointer-arith -Wwrite-strings
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wimplicit-fallthrough
    -Wswitch-enum -Wno-unused-parameter -Wno-missing-field-initializers
    -fno-strict-aliasing -fno-common -fvisibility=hidden
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -g)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
# libFuzzer programs beside the plain fuzz tests; with clang only (./dev fuzz).
option(TAILRACE_FUZZ "build the libFuzzer programs" OFF)
if(TAILRACE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

if(TAILRACE_KIND STREQUAL "release")
    add_compile_options(-O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
    add_link_options(-Wl,-z,relro,-z,now -pie)
elseif(TAILRACE_KIND STREQUAL "debug")
    add_compile_options(-O1 -fno-omit-frame-pointer)
elseif(TAILRACE_KIND STREQUAL "asan")
    add_compile_options(-O1 -fno-omit-frame-pointer -fsanitize=address,undefined
                        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
else()
    message(FATAL_ERROR "TAILRACE_KIND must be release, debug or asan, not '${TAILRACE_KIND}'")
endif()

option(TAILRACE_FUZZ "build the libFuzzer programs; needs clang" OFF)
if(TAILRACE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
