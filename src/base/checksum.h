/* Whether bytes are still those that were written: XXH3, low 32 bits, for files that are read back. No protection
 * against somebody who wants them to match. */
#ifndef BL_BASE_CHECKSUM_H
#define BL_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint32_t bl_checksum(const void *bytes, size_t len);

#endif
