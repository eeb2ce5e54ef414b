/*
 * What was told of folders and files, so that a problem is told once for as long as it lasts and not
 * with each look. One thread.
 */
#ifndef BL_APP_TOLD_LIST_H
#define BL_APP_TOLD_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define BL_TOLD_MAX 1000

struct bl_told {
    char *path;
    char message[120];
};

/* Empty when zeroed. */
struct bl_told_list {
    struct bl_told *items;
    size_t count;
};

void bl_told_list_fini(struct bl_told_list *list);

/* Copies both. Above BL_TOLD_MAX, or without memory, it is not remembered: it is told again. */
void bl_told_list_add(struct bl_told_list *list, const char *path, const char *message);

bool bl_told_list_has(const struct bl_told_list *list, const char *path, const char *message);

#endif
