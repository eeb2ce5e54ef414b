/*
 * A file layer for SQLite that fails at a chosen step.
 *
 * It stands before the system's own and counts what changes files: writes, truncations, syncs,
 * deletions. At the chosen step the process is killed, or that step and all later ones fail as on a
 * full or a broken disk. For tests. One thread; installed once per process.
 */
#ifndef BL_TESTS_SUPPORT_FAULT_VFS_H
#define BL_TESTS_SUPPORT_FAULT_VFS_H

#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_KILL,         /* SIGKILL before the step */
    FAULT_KILL_HALFWAY, /* SIGKILL after half of a write */
    FAULT_POWER_CUT,    /* SIGKILL, and what was written since a file's last sync is gone */
    FAULT_FULL,         /* writes give SQLITE_FULL */
    FAULT_BROKEN,       /* all steps give SQLITE_IOERR */
};

/* Makes this the layer that SQLite uses. */
void fault_vfs_install(void);

/* `kind` happens at that step, from 1, counted from now. */
void fault_vfs_arm(enum fault_kind kind, uint64_t step);

/* Steps since then. */
uint64_t fault_vfs_steps(void);

#endif
