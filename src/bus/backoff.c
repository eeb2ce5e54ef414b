#include "bus/backoff.h"

#include <assert.h>

uint32_t bl_backoff_ms(uint32_t attempt, uint32_t base_ms, uint32_t max_ms, uint64_t random) {
    assert(base_ms >= 1 && max_ms >= base_ms);
    uint64_t upper_ms = attempt < 32 ? (uint64_t)base_ms << attempt : max_ms;
    if (upper_ms > max_ms) {
        upper_ms = max_ms;
    }
    uint64_t lower_ms = base_ms / 2;
    return (uint32_t)(lower_ms + random % (upper_ms - lower_ms + 1));
}
