# bl_add_layer(<folder> DEPENDS <targets below>)
# Makes bl_<folder> from src/<folder>/*.c. Headers need no list: their root is src/.
function(bl_add_layer folder)
    cmake_parse_arguments(layer "" "" "DEPENDS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${folder}/*.c")
    if(sources)
        add_library(bl_${folder} STATIC ${sources})
        target_link_libraries(bl_${folder}
            PRIVATE bl_settings PUBLIC ${layer_DEPENDS} Threads::Threads m)
    else()
        add_library(bl_${folder} INTERFACE)
        target_link_libraries(bl_${folder} INTERFACE ${layer_DEPENDS})
    endif()
endfunction()
