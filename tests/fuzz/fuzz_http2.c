/* HTTP/2, as a connection behind its preface: frames of any kind, in any order. */
#include "http_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    connect_and_feed((struct bl_str){preface, sizeof(preface) - 1},
                     (struct bl_str){(const char *)data, size});
    return 0;
}
