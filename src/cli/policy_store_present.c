/* Showing what a store holds. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "cli/command.h"
#include "cli/policy_store.h"
#include "cli/present.h"
#include "policy/compile.h"

static void write_hash(struct bl_json_writer *writer, const struct bl_store_entry *entry) {
    char storage[2 * sizeof(entry->hash)];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_hex_write(&buf, entry->hash, sizeof(entry->hash));
    bl_json_write_member(writer, BL_STR("hash"), bl_buf_view(&buf));
}

static struct bl_str time_text(int64_t time_ms, char storage[BL_TIMESTAMP_BYTES]) {
    struct bl_buf buf;

    bl_buf_init(&buf, storage, BL_TIMESTAMP_BYTES);
    bl_timestamp_write(&buf, time_ms);
    return bl_buf_view(&buf);
}

void bl_present_entry_json(struct bl_json_writer *writer, const struct bl_store_entry *entry,
                           bool with_document) {
    struct bl_str tenant = BL_STR_ABSENT, policy_id = BL_STR_ABSENT;
    char moment[BL_TIMESTAMP_BYTES];

    (void)bl_policy_key_read(entry->key, &tenant, &policy_id);
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("tenant_id"), tenant);
    bl_json_write_member(writer, BL_STR("policy_id"), policy_id);
    bl_json_write_key(writer, BL_STR("revision"));
    bl_json_write_uint64(writer, entry->revision);
    bl_json_write_member(writer, BL_STR("time"), time_text(entry->time_ms, moment));
    bl_json_write_member(writer, BL_STR("author"), entry->author);
    bl_json_write_member(writer, BL_STR("message"), entry->message);
    bl_json_write_key(writer, BL_STR("deleted"));
    bl_json_write_bool(writer, entry->deleted);
    if (entry->damaged) {
        bl_json_write_key(writer, BL_STR("damaged"));
        bl_json_write_bool(writer, true);
    }
    write_hash(writer, entry);
    if (with_document) {
        bl_json_write_member(writer, BL_STR("document"), entry->value);
    }
    bl_json_write_object_end(writer);
}

bool bl_print_json(size_t bytes_max, void (*write)(struct bl_json_writer *writer, const void *user),
                   const void *user) {
    struct bl_json_writer *writer = malloc(sizeof(*writer));
    char *storage = malloc(bytes_max);
    struct bl_buf buf;
    bool good = writer != NULL && storage != NULL;

    if (good) {
        bl_buf_init(&buf, storage, bytes_max);
        bl_json_writer_init(writer, &buf);
        write(writer, user);
        good = bl_json_writer_ok(writer);
    }
    if (good) {
        (void)fwrite(buf.data, 1, buf.len, stdout);
        (void)fputc('\n', stdout);
    } else {
        fputs("beamline policy: out of memory\n", stderr);
    }
    free(storage);
    free(writer);
    return good;
}

/* One line, without what could steer a terminal; multi-line messages end at their first line. */
static void print_line(struct bl_str text) {
    bool cut = false;

    for (size_t i = 0; i < text.len && !cut; i++) {
        unsigned char c = (unsigned char)text.data[i];
        cut = c == '\n';
        if (!cut) {
            (void)fputc(c < 0x20 || c == 0x7f ? '?' : c, stdout);
        }
    }
    if (cut) {
        fputs(" ...", stdout);
    }
}

void bl_present_entry_heading(bool with_name) {
    if (with_name) {
        printf("%-20s %-24s ", "TENANT", "POLICY");
    }
    printf("%8s  %-20s  %-16s %s\n", "REVISION", "TIME", "AUTHOR", "MESSAGE");
}

void bl_present_entry_row(const struct bl_store_entry *entry, bool with_name) {
    struct bl_str tenant = BL_STR("?"), policy_id = BL_STR("?");
    char moment[BL_TIMESTAMP_BYTES];

    if (with_name) {
        (void)bl_policy_key_read(entry->key, &tenant, &policy_id);
        printf("%-20.*s %-24.*s ", BL_STR_ARG(tenant), BL_STR_ARG(policy_id));
    }
    struct bl_str author = bl_utf8_cut(entry->author, 64);
    printf("%8llu  %.19sZ  ", (unsigned long long)entry->revision,
           time_text(entry->time_ms, moment).data);
    print_line(author);
    printf("%*s ", author.len < 16 ? (int)(16 - author.len) : 0, "");
    if (entry->deleted) {
        fputs("[deleted] ", stdout);
    }
    if (entry->damaged) {
        fputs("[damaged] ", stdout);
    }
    print_line(entry->message);
    (void)fputc('\n', stdout);
}

struct failure {
    bl_result result;
    const struct bl_diag *diag;
};

static void write_failure(struct bl_json_writer *writer, const void *user) {
    const struct failure *failure = user;
    const struct bl_diag *diag = failure->diag;

    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("ok"));
    bl_json_write_bool(writer, false);
    bl_json_write_key(writer, BL_STR("error"));
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("code"),
                         bl_str_from_c(bl_error_info(failure->result.error)->code));
    bl_json_write_member(writer, BL_STR("message"), bl_str_from_c(diag->message));
    bl_json_write_member(writer, BL_STR("hint"), bl_str_from_c(diag->hint));
    bl_json_write_object_end(writer);
    bl_json_write_object_end(writer);
}

int bl_policy_store_failed(const struct bl_policy_store_run *run, bl_result result,
                           const struct bl_diag *diag) {
    if (run->json) {
        struct failure failure = {result, diag};
        (void)bl_print_json(4096, write_failure, &failure);
        return BL_EXIT_FAILED;
    }
    fprintf(stderr, "beamline policy %s: %s\n", run->command,
            diag->message[0] != '\0' ? diag->message : bl_error_info(result.error)->text);
    if (diag->hint[0] != '\0') {
        fprintf(stderr, "    hint: %s\n", diag->hint);
    }
    return BL_EXIT_FAILED;
}

bool bl_policy_store_compiles(const struct bl_policy_store_run *run, const char *name,
                              struct bl_str text, struct bl_str tenant, struct bl_str policy_id) {
    static struct bl_findings findings;
    struct bl_policy_options options = {.warn_unknown_keys = run->warn_unknown_keys};
    struct bl_policy *policy = NULL;
    bl_result result = bl_policy_compile(text, tenant, policy_id, &options, &policy, &findings);

    if (bl_is_ok(result)) {
        bl_present_findings(stderr, name, &findings);
        bl_policy_unref(policy);
        return true;
    }
    if (run->json) {
        fputs("{\"ok\":false,\"findings\":", stdout);
        bl_present_findings_json(stdout, name, &findings);
        fputs("}\n", stdout);
    } else {
        bl_present_findings(stderr, name, &findings);
        fprintf(stderr, "beamline policy %s: nothing was written\n", run->command);
    }
    return false;
}
