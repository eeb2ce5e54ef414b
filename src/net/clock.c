#include "net/clock.h"

#include <assert.h>
#include <time.h>

static uint64_t read_ns(clockid_t clock) {
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    assert(failed == 0); /* both clocks exist on every Linux */
    (void)failed;
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t bl_clock_monotonic_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t bl_clock_wall_ns(void) {
    return read_ns(CLOCK_REALTIME);
}

uint64_t bl_clock_wall_ms(void) {
    return bl_clock_wall_ns() / 1000000U;
}
