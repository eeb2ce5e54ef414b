# Compiler settings. A lane is one way of building: what we ship (release), what we step through
# (debug), and what we hunt defects with (asan, tsan, coverage, fuzz). CMake's own build types are
# not used: each of theirs but Debug defines NDEBUG, and assertions stay in what we ship.
set(BL_LANE "release" CACHE STRING "release, debug, asan, tsan, coverage or fuzz")
set_property(CACHE BL_LANE PROPERTY STRINGS release debug asan tsan coverage fuzz)

add_library(bl_settings INTERFACE)
target_include_directories(bl_settings INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/src")
target_compile_definitions(bl_settings INTERFACE "_GNU_SOURCE=")
target_compile_options(bl_settings INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Werror
    # A decision must be the same to the bit on every machine and from every compiler, because a
    # recorded one is replayed elsewhere. A fused multiply-add rounds once where two operations
    # round twice, so contraction is off. For the same reason: no -ffast-math, no -march=native.
    -ffp-contract=off
    # Position-independent, so that the loader can randomise addresses. PIE rather than PIC: all
    # code ends up in executables, and calls within one need no indirection.
    -fPIE)
target_link_options(bl_settings INTERFACE -pie)

if(BL_LANE STREQUAL "release")
    target_compile_options(bl_settings INTERFACE
        -O3 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
        -fstack-protector-strong -fstack-clash-protection)
    target_link_options(bl_settings INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
    # The path of a request crosses many small files: optimising over them saves an eighth of its
    # time. The second compiler would need another linker for it, and only checks.
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    endif()
elseif(BL_LANE STREQUAL "debug")
    target_compile_options(bl_settings INTERFACE -O0 -g3 -fno-omit-frame-pointer)
elseif(BL_LANE STREQUAL "asan")
    # A double that does not fit the integer it is cast to is undefined, but not part of "undefined".
    set(sanitizers -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all)
    target_compile_options(bl_settings INTERFACE -O1 -g -fno-omit-frame-pointer ${sanitizers})
    target_link_options(bl_settings INTERFACE ${sanitizers})
elseif(BL_LANE STREQUAL "tsan")
    target_compile_options(bl_settings INTERFACE
        -O1 -g -fno-omit-frame-pointer -fsanitize=thread)
    target_link_options(bl_settings INTERFACE -fsanitize=thread)
elseif(BL_LANE STREQUAL "coverage")
    # Counters are updated atomically: several threads of a test run the same lines.
    target_compile_options(bl_settings INTERFACE -O0 -g --coverage -fprofile-update=atomic)
    target_link_options(bl_settings INTERFACE --coverage)
elseif(BL_LANE STREQUAL "fuzz")
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "the fuzz lane needs clang: cmake --preset fuzz")
    endif()
    set(sanitizers -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow
        -fno-sanitize-recover=all)
    target_compile_options(bl_settings INTERFACE -O1 -g -fno-omit-frame-pointer ${sanitizers})
    target_link_options(bl_settings INTERFACE -fsanitize=address,undefined)
else()
    message(FATAL_ERROR "BL_LANE is '${BL_LANE}': use release, debug, asan, tsan, coverage or fuzz")
endif()
