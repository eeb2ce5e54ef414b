/*
 * Committed pages that are made by code. BL_WRITE_PAGES=1 in the environment writes them anew
 * instead of comparing.
 */
#ifndef BL_TESTS_SUPPORT_GENERATED_PAGE_H
#define BL_TESTS_SUPPORT_GENERATED_PAGE_H

#include "base/str.h"

/* Fails unless the file at `path` holds exactly `page`, which has 1 MiB at most. */
void expect_page(const char *path, struct bl_str page);

#endif
