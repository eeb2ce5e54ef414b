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
