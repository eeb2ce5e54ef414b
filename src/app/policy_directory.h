/*
 * Policies from a folder: <directory>/<tenant>/<policy>.yaml (or .yml, .json); the tenant folder
 * `_shared` stands for all tenants.
 *
 * A scan reads what changed and shares what did not. A file that does not compile keeps the last
 * revision that did, and is reported; a file that is gone takes its policy with it. Names that are
 * no ids are reported and left out. Of two files for one policy neither is read, whatever their
 * order: both are reported, and what was live of the policy stays. Control thread only.
 */
#ifndef BL_APP_POLICY_DIRECTORY_H
#define BL_APP_POLICY_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "flow/catalog.h"

struct bl_policy_directory;

/* Called for each finding of a scan: of a file that was read in it, or of the folder itself. */
typedef void (*bl_policy_report_fn)(void *user, const char *path, const struct bl_diag *finding);

/* `path` is copied; it may be created later. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_policy_directory_create(const char *path, bl_policy_report_fn report,
                                                 void *user, struct bl_policy_directory **out);
void bl_policy_directory_destroy(struct bl_policy_directory *directory); /* NULL is fine */

/* Looks at every file; `*changed` says whether the set of live policies did. A folder that cannot
 * be read is reported, and nothing changes. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_policy_directory_scan(struct bl_policy_directory *directory,
                                               bool warn_unknown_keys, bool *changed);

/* The live policies as a catalog. */
BL_MUST_USE bl_result bl_policy_directory_catalog(const struct bl_policy_directory *directory,
                                                  uint64_t hash_seed, struct bl_catalog **out);

size_t bl_policy_directory_live(const struct bl_policy_directory *directory);
/* Whether the last scan could not read the folder itself. */
bool bl_policy_directory_is_unreadable(const struct bl_policy_directory *directory);

/* Files and folders that the last scan did not take over, the folder itself among them. */
size_t bl_policy_directory_broken(const struct bl_policy_directory *directory);

/* One file, as of the last scan. */
struct bl_policy_file {
    const char *path, *tenant_id, *policy_id;
    struct bl_policy *policy; /* its last good revision; NULL = none yet */
    bool broken;              /* it does not compile, or cannot be read */
};

/* Shows every file that stands for a policy. */
typedef void (*bl_policy_file_fn)(void *user, const struct bl_policy_file *file);
void bl_policy_directory_each(const struct bl_policy_directory *directory, bl_policy_file_fn visit,
                              void *user);

#endif
