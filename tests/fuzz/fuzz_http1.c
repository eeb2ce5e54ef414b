/* HTTP/1.1, as a connection: whatever comes, each request is handled once and all memory comes back. */
#include "http_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    connect_and_feed(BL_STR(""), (struct bl_str){(const char *)data, size});
    return 0;
}
