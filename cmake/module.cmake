# module(NAME PUBLIC headers... SOURCES files... USES modules... LIBRARIES libraries...)
#
# One folder of the house as a static library. USES is the whole truth about what the folder may
# include: the linker follows it, and tools/tidy reads the same line to check every #include.
# PUBLIC names the headers that other folders may include; the rest are the folder's own.
function(module name)
    cmake_parse_arguments(M "" "" "PUBLIC;SOURCES;USES;LIBRARIES" ${ARGN})
    add_library(${name} STATIC ${M_SOURCES})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME tailrace-${name})
    target_link_libraries(${name} PUBLIC ${M_USES} ${M_LIBRARIES})
endfunction()

# program(NAME SOURCES files... USES modules... LIBRARIES libraries...)
#
# What users run: build/<kind>/NAME.
function(program name)
    cmake_parse_arguments(P "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
    add_executable(${name} ${P_SOURCES})
    target_link_libraries(${name} PRIVATE ${P_USES} ${P_LIBRARIES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# What a test does is bounded, and how long that takes on a busy machine with a slow disk nobody knows:
# this only ends one that hangs.
set(TEST_SECONDS_MAX 1800)

# suite(NAME SOURCES files... USES modules... LIBRARIES libraries... ARGS arguments... LABELS labels...)
#
# A test program, registered with ctest under its own name. The label `long` keeps it out of the
# round with the sanitizers in `./dev test`, and has it begin before the others: a run must not end
# with one core waiting for it.
function(suite name)
    cmake_parse_arguments(S "" "" "SOURCES;USES;LIBRARIES;ARGS;LABELS" ${ARGN})
    add_executable(${name} ${S_SOURCES})
    target_link_libraries(${name} PRIVATE ${S_USES} ${S_LIBRARIES} cmocka)
    add_test(NAME ${name} COMMAND ${name} ${S_ARGS})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_SECONDS_MAX} LABELS "${S_LABELS}")
    if("long" IN_LIST S_LABELS)
        set_tests_properties(${name} PROPERTIES COST 100)
    endif()
endfunction()
