# tests/fuzz/fuzz_<name>.c. In the fuzz lane it is a libFuzzer target; in each other lane it is
# linked with replay_main.c, which runs every file of its corpus once. So the seeds, and every
# input that once failed, are part of the ordinary tests.
file(GLOB fuzz_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/fuzz_*.c")
add_custom_target(bl_tests_fuzz-corpus)
foreach(source IN LISTS fuzz_sources)
    cmake_path(GET source STEM target)
    string(REGEX REPLACE "^fuzz_" "" name "${target}")
    set(corpus "${CMAKE_CURRENT_LIST_DIR}/corpus/${name}")
    if(BL_LANE STREQUAL "fuzz")
        add_executable(${target} "${source}")
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        set(arguments -runs=0 "${corpus}")
    else()
        add_executable(${target} "${source}" "${CMAKE_CURRENT_LIST_DIR}/replay_main.c")
        set(arguments "${corpus}")
    endif()
    add_dependencies(bl_tests_fuzz-corpus ${target})
    target_link_libraries(${target} PRIVATE bl_settings bl_all)
    target_compile_definitions(${target} PRIVATE "BL_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\"")
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests/fuzz")
    add_test(NAME fuzz-corpus.${name} COMMAND ${target} ${arguments}
             WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    set_tests_properties(fuzz-corpus.${name} PROPERTIES
        LABELS fuzz-corpus TIMEOUT 120 ENVIRONMENT "${test_environment}")
endforeach()
