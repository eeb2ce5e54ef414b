# Third-party libraries, all Debian packages. Each is a target of its own, linked only by the
# folder that may include its header (tools/check-includes holds the same list). Their headers are
# SYSTEM includes: our warnings are about our code.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# bl_add_library(<target> <pkg-config module> <Debian package>)
function(bl_add_library target module package)
    pkg_check_modules(${target}_pc IMPORTED_TARGET ${module})
    if(NOT ${target}_pc_FOUND)
        message(FATAL_ERROR "${module} was not found: run 'tools/bootstrap build' "
                            "or install ${package}")
    endif()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE PkgConfig::${target}_pc)
    target_include_directories(${target} SYSTEM INTERFACE ${${target}_pc_INCLUDE_DIRS})
endfunction()

bl_add_library(bl_uv libuv libuv1-dev)
bl_add_library(bl_pcre2 libpcre2-8 libpcre2-dev)
bl_add_library(bl_yaml yaml-0.1 libyaml-dev)
bl_add_library(bl_crypto libcrypto libssl-dev)
bl_add_library(bl_tls libssl libssl-dev)
bl_add_library(bl_nghttp2 libnghttp2 libnghttp2-dev)
bl_add_library(bl_zlib zlib zlib1g-dev)
bl_add_library(bl_nats libnats libnats-dev)
bl_add_library(bl_sqlite sqlite3 libsqlite3-dev)

# Hashing is inlined from the header (XXH_INLINE_ALL), so there is nothing to link.
pkg_check_modules(bl_xxhash_pc libxxhash)
if(NOT bl_xxhash_pc_FOUND)
    message(FATAL_ERROR "libxxhash was not found: run 'tools/bootstrap build' "
                        "or install libxxhash-dev")
endif()
add_library(bl_xxhash INTERFACE)
target_include_directories(bl_xxhash SYSTEM INTERFACE ${bl_xxhash_pc_INCLUDE_DIRS})

# Messages: C tables and descriptors from proto/, made by protobuf-c's compiler. Warnings in what it
# writes are its own.
bl_add_library(bl_protobuf_c libprotobuf-c libprotobuf-c-dev)
find_program(BL_PROTOC_C protoc-c)
if(NOT BL_PROTOC_C)
    message(FATAL_ERROR "protoc-c was not found: run 'tools/bootstrap build' "
                        "or install protobuf-c-compiler")
endif()
set(proto_root "${CMAKE_SOURCE_DIR}/proto")
set(proto_out "${CMAKE_BINARY_DIR}/proto")
file(GLOB_RECURSE proto_files CONFIGURE_DEPENDS RELATIVE "${proto_root}" "${proto_root}/*.proto")
list(SORT proto_files)
set(proto_paths ${proto_files})
list(TRANSFORM proto_paths PREPEND "${proto_root}/")
set(proto_sources ${proto_files})
list(FILTER proto_sources INCLUDE REGEX "^beamline/flow/") # of the others only the descriptors are used
list(TRANSFORM proto_sources REPLACE "\\.proto$" ".pb-c.c")
list(TRANSFORM proto_sources PREPEND "${proto_out}/")
file(MAKE_DIRECTORY "${proto_out}")
add_custom_command(
    OUTPUT ${proto_sources} "${proto_out}/descriptors.pb"
    COMMAND "${BL_PROTOC_C}" -I "${proto_root}" "--c_out=${proto_out}"
            "--descriptor_set_out=${proto_out}/descriptors.pb" --include_imports ${proto_files}
    WORKING_DIRECTORY "${proto_root}"
    DEPENDS ${proto_paths}
    COMMENT "Making C from proto/"
    VERBATIM)
file(CONFIGURE OUTPUT "${proto_out}/descriptors.c" @ONLY CONTENT [=[
__asm__(".section .rodata\n"
        ".global bl_proto_descriptors_begin\n.global bl_proto_descriptors_end\n"
        "bl_proto_descriptors_begin:\n.incbin \"@proto_out@/descriptors.pb\"\n"
        "bl_proto_descriptors_end:\n.previous\n");
int bl_proto_is_linked;
]=])
set_source_files_properties("${proto_out}/descriptors.c"
    PROPERTIES OBJECT_DEPENDS "${proto_out}/descriptors.pb")
add_library(bl_proto STATIC ${proto_sources} "${proto_out}/descriptors.c")
target_include_directories(bl_proto SYSTEM PUBLIC "${proto_out}")
target_compile_options(bl_proto PRIVATE -w)
target_link_libraries(bl_proto PUBLIC bl_protobuf_c)

# llhttp comes as C sources (Debian's node-llhttp): built here, its warnings are its own.
set(llhttp_sources /usr/share/llhttp/api.c /usr/share/llhttp/http.c /usr/share/llhttp/llhttp.c)
foreach(source IN LISTS llhttp_sources)
    if(NOT EXISTS "${source}")
        message(FATAL_ERROR "llhttp was not found: run 'tools/bootstrap build' or install node-llhttp")
    endif()
endforeach()
add_library(bl_llhttp STATIC ${llhttp_sources})
target_include_directories(bl_llhttp SYSTEM PUBLIC /usr/share/include/llhttp)
target_compile_options(bl_llhttp PRIVATE -w)
# The loose mode takes whatever two bytes end a chunk.
target_compile_definitions(bl_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
