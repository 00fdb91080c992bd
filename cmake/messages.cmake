# messages(TARGET module FILES schemas... PREFIX folder/of/headers)
#
# Compiles message schemas (tools/schema) at build time into the module: codecs under
# ${CMAKE_BINARY_DIR}/generated/PREFIX, included as "PREFIX/<name>.h", where <name> is the file's
# without its number; "PREFIX/list.h" names them all. Reference pages go to docs/PREFIX in the
# build folder. The fuzz targets are written beside the codecs; see fuzz_suites.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
file(GLOB TAILRACE_SCHEMA_COMPILER CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/schema/*.py)

function(messages)
    cmake_parse_arguments(M "" "TARGET;PREFIX" "FILES" ${ARGN})
    set(compile ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tools/schema/compile.py)
    set(generated ${CMAKE_BINARY_DIR}/generated)
    set(options --prefix ${M_PREFIX} --output ${generated})
    set(headers "")
    set(sources "")
    set(fuzz_sources "")
    foreach(file ${M_FILES})
        cmake_path(GET file STEM numbered)
        string(REGEX REPLACE "^[0-9]+_" "" stem ${numbered})
        set(out ${generated}/${M_PREFIX}/${stem})
        set(fuzz ${generated}/${M_PREFIX}/fuzz/${stem}_fuzz.c)
        set(page ${CMAKE_BINARY_DIR}/docs/${M_PREFIX}/${numbered}.md)
        add_custom_command(
            OUTPUT ${out}.h ${out}.c ${fuzz} ${page}
            COMMAND ${compile} message ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${options}
                    --docs ${CMAKE_BINARY_DIR}/docs/${M_PREFIX}
            DEPENDS ${file} ${TAILRACE_SCHEMA_COMPILER}
            COMMENT "Compiling ${M_PREFIX}/${numbered}.msg"
            VERBATIM)
        list(APPEND headers ${out}.h)
        list(APPEND sources ${out}.c)
        list(APPEND fuzz_sources ${fuzz})
    endforeach()
    set(list ${generated}/${M_PREFIX}/list.h)
    list(TRANSFORM M_FILES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    add_custom_command(
        OUTPUT ${list}
        COMMAND ${compile} list ${M_FILES} ${options}
        DEPENDS ${M_FILES} ${TAILRACE_SCHEMA_COMPILER}
        COMMENT "Listing ${M_PREFIX}"
        VERBATIM)
    target_sources(${M_TARGET} PRIVATE ${sources} ${headers} ${list})
    # Whoever uses the module waits for its headers.
    string(REPLACE "/" "-" target ${M_PREFIX})
    add_custom_target(${target}-headers DEPENDS ${headers} ${list} ${fuzz_sources})
    add_dependencies(${M_TARGET} ${target}-headers)
    set_property(GLOBAL PROPERTY TAILRACE_FUZZ_${M_PREFIX} ${fuzz_sources})
endfunction()

# fuzz_suites(PREFIX folder/of/headers USES modules... VECTORS file)
#
# A test for each schema of the prefix, which feeds its codec a fixed number of changed messages:
# golden vectors, if there are any, and default messages. With -DTAILRACE_FUZZ=ON and clang also a
# libFuzzer program, <name>_fuzzer.
function(fuzz_suites)
    cmake_parse_arguments(F "" "PREFIX;VECTORS" "USES" ${ARGN})
    set(harness ${CMAKE_SOURCE_DIR}/tests/protocol)
    get_property(sources GLOBAL PROPERTY TAILRACE_FUZZ_${F_PREFIX})
    foreach(source ${sources})
        cmake_path(GET source STEM name)
        suite(${name} SOURCES ${source} ${harness}/fuzz_message.c ${harness}/fuzz_main.c
            USES ${F_USES} LIBRARIES jansson z ARGS ${F_VECTORS})
        if(TAILRACE_FUZZ)
            add_executable(${name}er ${source} ${harness}/fuzz_message.c)
            target_link_options(${name}er PRIVATE -fsanitize=fuzzer)
            target_link_libraries(${name}er PRIVATE ${F_USES})
        endif()
    endforeach()
endfunction()
