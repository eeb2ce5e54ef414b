#include "app/told_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bl_told_list_fini(struct bl_told_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
    }
    free(list->items);
    *list = (struct bl_told_list){0};
}

void bl_told_list_add(struct bl_told_list *list, const char *path, const char *message) {
    struct bl_told *items = list->count >= BL_TOLD_MAX
                                ? NULL
                                : realloc(list->items, (list->count + 1) * sizeof(*items));

    if (items == NULL) {
        return;
    }
    list->items = items;
    struct bl_told *told = &items[list->count];
    told->path = strdup(path);
    if (told->path != NULL) {
        (void)snprintf(told->message, sizeof(told->message), "%s", message);
        list->count++;
    }
}

bool bl_told_list_has(const struct bl_told_list *list, const char *path, const char *message) {
    for (size_t i = 0; i < list->count; i++) {
        const struct bl_told *told = &list->items[i];
        if (strcmp(told->path, path) == 0 &&
            strncmp(told->message, message, sizeof(told->message) - 1) == 0) {
            return true;
        }
    }
    return false;
}
