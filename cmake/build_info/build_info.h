/*
 * What this binary is: version, sources and way of building. Printed by `beamline --version`,
 * logged at start, and written into every evidence file, so that a figure can be traced to the
 * sources that produced it.
 *
 * All functions return static strings, never NULL, and may be called from any thread.
 */
#ifndef BL_BUILD_INFO_H
#define BL_BUILD_INFO_H

#include <stdbool.h>

/* The project's version, "0.1.0". */
const char *bl_version(void);

/*
 * Hash of the committed sources, as `tools/source-hash` prints it: 40 hex digits over path, mode
 * and content of each file except evidence and generated pages. "unknown" outside a checkout.
 */
const char *bl_source_hash(void);

/* True when the working tree differed from the commit that bl_source_hash() names. */
bool bl_source_dirty(void);

/* How it was built: "release", "debug", "asan", "tsan", "coverage" or "fuzz". */
const char *bl_build_lane(void);

/* The compiler and its version, "GNU 12.2.0". */
const char *bl_build_compiler(void);

#endif
