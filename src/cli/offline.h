/*
 * Deciding without a router: one policy file, one request, the same code.
 */
#ifndef BL_CLI_OFFLINE_H
#define BL_CLI_OFFLINE_H

#include "base/buf.h"
#include "base/result.h"
#include "base/str.h"
#include "policy/policy.h"

/* Reads a whole file of at most `max_bytes`, or standard input for "-". The caller frees `*data`.
 * On failure a message is on stderr and false is returned. */
bool bl_read_file(const char *path, size_t max_bytes, char **data, size_t *len);

/* Compiles a policy file as (tenant, policy id). Findings are printed to stderr, warnings included.
 * NULL if it does not compile. Release with bl_policy_unref. */
struct bl_policy *bl_offline_policy(const char *path, struct bl_str tenant,
                                    struct bl_str policy_id);

/* The policy id that a file stands for: its name without folder and ending, "default" if that is
 * not an id. Points into `path`. */
struct bl_str bl_offline_policy_id(const char *path);

/* Handles one decide request (JSON text), with the policy file standing for whatever tenant and
 * policy id the request names. `reply` needs BL_WIRE_REPLY_MAX_BYTES of room. Apart from the file it
 * reads only the time of day and random bytes. `explain` asks for an explanation even if the request
 * does not. Returns whether a reply was made; if not, stderr
 * says why. */
bool bl_offline_decide(const char *policy_file, struct bl_str request, bool explain,
                       struct bl_buf *reply);

/* Whether a reply (JSON text) says ok. */
bool bl_reply_is_ok(struct bl_str reply);

#endif
