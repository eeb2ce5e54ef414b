# bl_build_info: which version, from which sources, built how. See cmake/build_info/build_info.h.
# The source hash is looked up at each build, not at configure time, or it would go stale with the
# next commit. The file is rewritten only when its text changes, and one object depends on it.
set(build_info_source "${CMAKE_BINARY_DIR}/generated/build_info.c")
set(build_info_command
    "${CMAKE_COMMAND}"
    "-DSOURCE_DIR=${CMAKE_SOURCE_DIR}"
    "-DTEMPLATE=${CMAKE_SOURCE_DIR}/cmake/build_info/build_info.c.in"
    "-DOUTPUT=${build_info_source}"
    "-DVERSION=${PROJECT_VERSION}"
    "-DLANE=${BL_LANE}"
    "-DCOMPILER=${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
    -P "${CMAKE_SOURCE_DIR}/cmake/build_info/generate.cmake")

add_custom_target(bl_build_info_source
    COMMAND ${build_info_command}
    BYPRODUCTS "${build_info_source}"
    COMMENT "Looking up the source hash"
    VERBATIM)

add_library(bl_build_info STATIC "${build_info_source}")
add_dependencies(bl_build_info bl_build_info_source)
target_include_directories(bl_build_info PUBLIC "${CMAKE_SOURCE_DIR}/cmake/build_info")
target_link_libraries(bl_build_info PRIVATE bl_settings)
