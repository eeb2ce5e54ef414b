#include "net/file_watch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <uv.h>

#include "net/clock.h"
#include "net/timer.h"

#define LATEST_FACTOR 8U

struct bl_file_watch {
    uv_fs_event_t uv;
    struct bl_timer *debounce;
    bl_loop_fn fn;
    void *user;
    uint64_t debounce_ms;
    uint64_t first_change_ns;     /* 0 = nothing to tell */
    char file_name[NAME_MAX + 1]; /* empty = everything in the directory counts */
};

static void on_quiet(void *user) {
    struct bl_file_watch *watch = user;
    watch->first_change_ns = 0;
    watch->fn(watch->user);
}

/* `..data` is the link that orchestrators switch to replace all files of a mount at once. */
static bool concerns(const struct bl_file_watch *watch, const char *name) {
    return watch->file_name[0] == '\0' || name == NULL || strcmp(name, watch->file_name) == 0 ||
           strcmp(name, "..data") == 0;
}

static void on_event(uv_fs_event_t *uv, const char *name, int events, int status) {
    struct bl_file_watch *watch = uv->data;
    (void)events;
    if (status == 0 && !concerns(watch, name)) {
        return;
    }
    uint64_t now_ns = bl_clock_monotonic_ns();
    if (watch->first_change_ns == 0) {
        watch->first_change_ns = now_ns;
    }
    uint64_t waited_ms = (now_ns - watch->first_change_ns) / 1000000U;
    uint64_t latest_ms = watch->debounce_ms * LATEST_FACTOR;
    uint64_t left_ms = waited_ms < latest_ms ? latest_ms - waited_ms : 0;
    bl_timer_start(watch->debounce, left_ms < watch->debounce_ms ? left_ms : watch->debounce_ms, 0);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

/* Splits `path` into the directory to watch and the name that counts in it. */
static bool split(const char *path, char directory[static PATH_MAX], struct bl_file_watch *watch) {
    struct stat facts;
    size_t len = strlen(path);
    if (len == 0 || len >= PATH_MAX) {
        return false;
    }
    memcpy(directory, path, len + 1);
    if (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        return true;
    }
    char *slash = strrchr(directory, '/');
    const char *name = slash == NULL ? path : path + (slash - directory) + 1;
    if (*name == '\0' || strlen(name) > NAME_MAX) {
        return false;
    }
    memcpy(watch->file_name, name, strlen(name) + 1);
    if (slash == NULL) {
        memcpy(directory, ".", 2);
    } else {
        slash[slash == directory ? 1 : 0] = '\0';
    }
    return true;
}

bl_result bl_file_watch_create(struct bl_loop *loop, const char *path, uint64_t debounce_ms,
                               bl_loop_fn fn, void *user, struct bl_file_watch **out,
                               struct bl_diag *diag) {
    struct bl_file_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL || bl_is_error(bl_timer_create(loop, on_quiet, watch, &watch->debounce))) {
        free(watch);
        bl_diag_message(diag, "no memory to watch '%s'", path);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    watch->fn = fn;
    watch->user = user;
    watch->debounce_ms = debounce_ms;
    char directory[PATH_MAX];
    if (!split(path, directory, watch)) {
        bl_diag_message(diag, "'%.100s' is no path of a file or directory", path);
        bl_timer_destroy(watch->debounce);
        free(watch);
        return BL_FAIL(INVALID_REQUEST);
    }
    uv_fs_event_init(bl_loop_uv(loop), &watch->uv);
    watch->uv.data = watch;
    int failed = uv_fs_event_start(&watch->uv, on_event, directory, 0);
    if (failed != 0) {
        bl_diag_message(diag, "cannot watch '%.150s': %s", directory, uv_strerror(failed));
        bl_diag_hint(diag, failed == UV_ENOSPC || failed == UV_EMFILE
                               ? "raise fs.inotify.max_user_watches and max_user_instances"
                               : "the directory has to exist and be readable");
        bl_file_watch_destroy(watch);
        return BL_FAIL(INVALID_REQUEST);
    }
    *out = watch;
    return BL_OK;
}

void bl_file_watch_destroy(struct bl_file_watch *watch) {
    if (watch != NULL) {
        bl_timer_destroy(watch->debounce);
        uv_close((uv_handle_t *)&watch->uv, on_closed);
    }
}
