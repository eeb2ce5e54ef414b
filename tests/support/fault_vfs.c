#include "support/fault_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How a file was before one write or truncation. */
struct undo {
    struct undo *older;
    sqlite3_int64 offset, size; /* of the file */
    int len;
    char bytes[];
};

/* A file; the system's own stands behind it in the same memory. */
struct fault_file {
    sqlite3_file base;
    struct undo *unsynced;
    struct fault_file *next; /* of all open ones */
    sqlite3_file real[];
};

static sqlite3_vfs shim;
static sqlite3_vfs *system_vfs;
static struct fault_file *open_files;
static enum fault_kind armed;
static uint64_t fault_step, steps;

void fault_vfs_arm(enum fault_kind kind, uint64_t step) {
    armed = kind;
    fault_step = step;
    steps = 0;
}

uint64_t fault_vfs_steps(void) {
    return steps;
}

static sqlite3_file *real_of(sqlite3_file *file) {
    return ((struct fault_file *)file)->real;
}

static void forget_undo(struct fault_file *file) {
    while (file->unsynced != NULL) {
        struct undo *undo = file->unsynced;
        file->unsynced = undo->older;
        free(undo);
    }
}

/* Notes how `len` bytes at `offset` are now. */
static void remember(sqlite3_file *base, int len, sqlite3_int64 offset) {
    struct fault_file *file = (struct fault_file *)base;
    struct undo *undo = armed != FAULT_POWER_CUT ? NULL : malloc(sizeof(*undo) + (size_t)len);

    if (undo == NULL) {
        return;
    }
    *undo = (struct undo){.older = file->unsynced, .offset = offset, .len = len};
    (void)file->real->pMethods->xFileSize(file->real, &undo->size);
    (void)file->real->pMethods->xRead(file->real, undo->bytes, len, offset); /* short: zeros */
    file->unsynced = undo;
}

static void take_back_unsynced(void) {
    for (struct fault_file *file = open_files; file != NULL; file = file->next) {
        for (const struct undo *undo = file->unsynced; undo != NULL; undo = undo->older) {
            const sqlite3_io_methods *methods = file->real->pMethods;
            (void)methods->xWrite(file->real, undo->bytes, undo->len, undo->offset);
            (void)methods->xTruncate(file->real, undo->size);
        }
    }
}

/* Counts a step. The code with which it fails, or SQLITE_OK. */
static int take_step(bool is_write) {
    steps++;
    if (armed == FAULT_NONE || steps < fault_step) {
        return SQLITE_OK;
    }
    switch (armed) {
    case FAULT_KILL_HALFWAY:
        if (is_write) {
            return SQLITE_OK; /* the write does it */
        }
        (void)raise(SIGKILL);
        break;
    case FAULT_POWER_CUT:
        take_back_unsynced();
        (void)raise(SIGKILL);
        break;
    case FAULT_KILL:
        (void)raise(SIGKILL);
        break;
    case FAULT_FULL:
        return is_write ? SQLITE_FULL : SQLITE_OK;
    case FAULT_BROKEN:
    case FAULT_NONE:
        break;
    }
    return SQLITE_IOERR;
}

static int on_close(sqlite3_file *base) {
    struct fault_file *file = (struct fault_file *)base;

    for (struct fault_file **link = &open_files; *link != NULL; link = &(*link)->next) {
        if (*link == file) {
            *link = file->next;
            break;
        }
    }
    forget_undo(file);
    return file->real->pMethods->xClose(file->real);
}

static int on_read(sqlite3_file *file, void *out, int len, sqlite3_int64 offset) {
    return real_of(file)->pMethods->xRead(real_of(file), out, len, offset);
}

static int on_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset) {
    int code = take_step(true);

    if (code != SQLITE_OK) {
        return code;
    }
    if (armed == FAULT_KILL_HALFWAY && steps >= fault_step) {
        (void)real_of(file)->pMethods->xWrite(real_of(file), bytes, len / 2, offset);
        (void)raise(SIGKILL);
    }
    remember(file, len, offset);
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, offset);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size) {
    sqlite3_int64 now = size;
    int code = take_step(false);

    if (code != SQLITE_OK) {
        return code;
    }
    (void)real_of(file)->pMethods->xFileSize(real_of(file), &now);
    remember(file, now > size ? (int)(now - size) : 0, size);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int on_sync(sqlite3_file *file, int flags) {
    int code = take_step(false);

    if (code != SQLITE_OK) {
        return code;
    }
    forget_undo((struct fault_file *)file);
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size) {
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int on_lock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int on_unlock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int on_check_lock(sqlite3_file *file, int *out) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int on_control(sqlite3_file *file, int operation, void *argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int on_sector_size(sqlite3_file *file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int on_characteristics(sqlite3_file *file) {
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int on_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void on_shm_barrier(sqlite3_file *file) {
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no memory-mapped reads */
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_lock,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                   int *flags_out) {
    struct fault_file *file = (struct fault_file *)base;

    (void)vfs;
    memset(file, 0, sizeof(*file));
    int code = system_vfs->xOpen(system_vfs, name, file->real, flags, flags_out);
    if (file->real->pMethods != NULL) {
        file->base.pMethods = &methods;
        file->next = open_files;
        open_files = file;
    }
    return code;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    int code = take_step(false);

    (void)vfs;
    return code != SQLITE_OK ? code : system_vfs->xDelete(system_vfs, name, sync_folder);
}

void fault_vfs_install(void) {
    system_vfs = sqlite3_vfs_find(NULL);
    shim = *system_vfs; /* the rest is the system's, with its own data */
    shim.zName = "fault";
    shim.pNext = NULL;
    shim.szOsFile = (int)sizeof(struct fault_file) + system_vfs->szOsFile;
    shim.xOpen = on_open;
    shim.xDelete = on_delete;
    if (sqlite3_vfs_register(&shim, 1) != SQLITE_OK) {
        abort();
    }
}
