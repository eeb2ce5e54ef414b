/* beamline policy diff: what changes from one policy to another, in meaning. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/offline.h"
#include "cli/policy_command.h"
#include "cli/policy_source.h"
#include "flow/diff.h"
#include "json/document.h"
#include "json/writer.h"
#include "policy/compile.h"

#define REPLY_BYTES ((size_t)16 * 1024 * 1024) /* both sides whole, every byte escaped */

/* One side: compiled, and as it was written. */
struct side {
    const char *path;
    struct bl_policy *policy;
    struct bl_json_doc doc;
    char *text;
};

struct diff {
    struct side before, after;
    struct bl_arena arena;
    bool json;
    unsigned changes;
    struct bl_json_writer writer; /* of JSON */
};

static bool read_side(struct diff *diff, const char *path, const char *tenant, struct side *side) {
    const struct bl_json_limits limits = {
        .max_bytes = BL_POLICY_MAX_BYTES, .max_depth = 64, .max_nodes = 128 * 1024};
    struct bl_diag diag;
    size_t len;

    side->path = path;
    side->policy = bl_offline_policy(path, bl_str_from_c(tenant), BL_STR("diff"));
    return side->policy != NULL &&
           bl_policy_source_read(path, bl_str_from_c(tenant), &side->text, &len) &&
           bl_is_ok(bl_document_read((struct bl_str){side->text, len}, &limits, &diff->arena,
                                     &side->doc, &diag));
}

static void write_change(struct diff *diff, const struct bl_diff_change *change) {
    bl_json_write_object_begin(&diff->writer);
    bl_json_write_member(&diff->writer, BL_STR("kind"),
                         bl_str_from_c(bl_diff_kind_word(change->kind)));
    bl_json_write_member(&diff->writer, BL_STR("name"), change->name);
    if (bl_str_is_present(change->before)) {
        bl_json_write_key(&diff->writer, BL_STR("before"));
        bl_json_write_raw(&diff->writer, change->before);
    }
    if (bl_str_is_present(change->after)) {
        bl_json_write_key(&diff->writer, BL_STR("after"));
        bl_json_write_raw(&diff->writer, change->after);
    }
    bl_json_write_object_end(&diff->writer);
}

static void print_change(const struct bl_diff_change *change) {
    const char *sign = !bl_str_is_present(change->before)  ? "+"
                       : !bl_str_is_present(change->after) ? "-"
                                                           : "~";

    if (change->kind == BL_DIFF_SHARE) {
        printf("~ share of %.*s: %.1f %% -> %.1f %%\n", BL_STR_ARG(change->name),
               100 * change->shares[0], 100 * change->shares[1]);
        return;
    }
    printf("%s %s %.*s\n", sign, bl_diff_kind_word(change->kind), BL_STR_ARG(change->name));
    if (bl_str_is_present(change->before)) {
        printf("    - %.*s\n", BL_STR_ARG(change->before));
    }
    if (bl_str_is_present(change->after)) {
        printf("    + %.*s\n", BL_STR_ARG(change->after));
    }
}

static void tell(void *user, const struct bl_diff_change *change) {
    struct diff *diff = user;

    diff->changes++;
    if (diff->json) {
        write_change(diff, change);
    } else {
        print_change(change);
    }
}

static bool diff_sides(struct diff *diff) {
    const struct bl_diff_side before = {diff->before.policy, bl_json_root(&diff->before.doc)};
    const struct bl_diff_side after = {diff->after.policy, bl_json_root(&diff->after.doc)};

    return bl_is_ok(bl_diff_policies(&before, &after, &diff->arena, tell, diff));
}

static bool show_json(struct diff *diff) {
    char *storage = malloc(REPLY_BYTES);
    struct bl_buf buf;

    if (storage == NULL) {
        return false;
    }
    bl_buf_init(&buf, storage, REPLY_BYTES);
    bl_json_writer_init(&diff->writer, &buf);
    bl_json_write_array_begin(&diff->writer);
    bool good = diff_sides(diff);
    bl_json_write_array_end(&diff->writer);
    good = good && bl_json_writer_ok(&diff->writer);
    if (good) {
        printf("%.*s\n", BL_STR_ARG(bl_buf_view(&buf)));
    }
    free(storage);
    return good;
}

static bool show(struct diff *diff) {
    if (!diff_sides(diff)) {
        return false;
    }
    if (diff->changes == 0) {
        puts("no difference in meaning");
    } else {
        printf("\nshares are of requests that no rule directs; measure the rest with\n"
               "  beamline policy backtest %s --against %s --records FILE\n",
               diff->after.path, diff->before.path);
    }
    return true;
}

int bl_cli_policy_diff(int count, char **files, const struct bl_policy_command *command) {
    static struct diff diff;
    int code = BL_EXIT_FAILED;

    if (count != 2) {
        fputs("beamline policy diff: name two policy files. Try: beamline policy --help\n", stderr);
        return BL_EXIT_USAGE;
    }
    diff.json = command->json;
    bl_arena_init(&diff.arena, (size_t)1024 * 1024, (size_t)1024 * 1024 * 1024);
    if (read_side(&diff, files[0], command->tenant, &diff.before) &&
        read_side(&diff, files[1], command->tenant, &diff.after)) {
        if (diff.json ? show_json(&diff) : show(&diff)) {
            code = BL_EXIT_OK;
        } else {
            fputs("beamline policy diff: out of memory\n", stderr);
        }
    }
    bl_policy_unref(diff.before.policy);
    bl_policy_unref(diff.after.policy);
    free(diff.before.text);
    free(diff.after.text);
    bl_arena_fini(&diff.arena);
    return code;
}
