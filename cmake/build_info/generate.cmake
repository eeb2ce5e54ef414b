# Run by the build (cmake -P): writes OUTPUT from TEMPLATE if its text has changed.
execute_process(
    COMMAND "${SOURCE_DIR}/tools/source-hash"
    WORKING_DIRECTORY "${SOURCE_DIR}"
    OUTPUT_VARIABLE answer
    OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE " " ";" answer "${answer}")
list(GET answer 0 SOURCE_HASH)
list(GET answer 1 state)
if(state STREQUAL "dirty")
    set(SOURCE_DIRTY true)
else()
    set(SOURCE_DIRTY false)
endif()
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
