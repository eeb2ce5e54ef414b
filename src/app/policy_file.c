#include "app/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "policy/compile.h"

char *bl_policy_file_read(const char *path, size_t *len) {
    char *text = malloc(BL_POLICY_MAX_BYTES + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = -1;

    *len = 0;
    while (fd >= 0 && text != NULL &&
           (got = read(fd, text + *len, BL_POLICY_MAX_BYTES + 1 - *len)) > 0) {
        *len += (size_t)got;
    }
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got < 0) {
        free(text);
        errno = error;
        return NULL;
    }
    return text;
}

bool bl_policy_file_id(const char *name, char *out, size_t capacity) {
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && len - ending < capacity &&
            strcasecmp(name + len - ending, endings[i]) == 0) {
            memcpy(out, name, len - ending);
            out[len - ending] = '\0';
            return true;
        }
    }
    return false;
}

bool bl_policy_file_has_small_ending(const char *name) {
    const char *dot = strrchr(name, '.');

    return strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0;
}
