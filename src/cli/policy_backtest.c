/* beamline policy backtest: yesterday's decisions, made again by two policies. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/offline.h"
#include "cli/policy_command.h"
#include "flow/backtest.h"
#include "json/writer.h"
#include "route/frame.h"
#include "route/record.h"

#define JSON_BYTES ((size_t)1024 * 1024)
#define MOVES_SHOWN 12

struct run {
    struct bl_backtest backtest;
    const char *candidate_path;
    uint64_t damaged_bytes;
    double seconds;
};

/* A whole file, mapped; recordings are as large as they were allowed to grow. */
static bool map_file(const char *path, struct bl_str *bytes) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        fprintf(stderr, "beamline policy backtest: %s: %s\n", path,
                fd < 0 ? strerror(errno) : "is no regular file");
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    *bytes = (struct bl_str){"", (size_t)status.st_size};
    void *data = status.st_size == 0 ? NULL : mmap(NULL, bytes->len, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (data == MAP_FAILED) {
        fprintf(stderr, "beamline policy backtest: %s: %s\n", path, strerror(errno));
        return false;
    }
    if (data != NULL) {
        bytes->data = data;
        (void)madvise(data, bytes->len, MADV_SEQUENTIAL);
    }
    return true;
}

static void unmap(struct bl_str bytes) {
    if (bytes.len > 0) {
        (void)munmap((void *)bytes.data, bytes.len);
    }
}

/* The policy that most of a recording's decisions are about: that of its first record. */
static bool find_names(struct bl_str bytes, struct bl_record_policy *made_by) {
    struct bl_frame_reader reader = bl_frame_reader(bytes);
    struct bl_str record;
    struct bl_diag diag;

    while (bl_frame_next(&reader, &record)) {
        if (bl_is_ok(bl_record_policy(record, made_by, &diag))) {
            return true;
        }
    }
    return false;
}

static bool add_file(struct run *run, const char *path) {
    struct bl_str bytes, record;

    if (!map_file(path, &bytes)) {
        return false;
    }
    struct bl_frame_reader reader = bl_frame_reader(bytes);
    bool good = true;
    while (good && bl_frame_next(&reader, &record)) {
        good = bl_is_ok(bl_backtest_add(&run->backtest, record));
    }
    run->backtest.damaged += reader.damaged;
    run->damaged_bytes += reader.skipped_bytes;
    unmap(bytes);
    if (!good) {
        fprintf(stderr, "beamline policy backtest: %s: out of memory\n", path);
    }
    return good;
}

/* --- for people ------------------------------------------------------------------------------ */

static double percent(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static const char *provider_name(const struct bl_policy *policy, size_t index, int *len) {
    if (index == BL_POLICY_MAX_PROVIDERS) {
        *len = 7;
        return "refused";
    }
    *len = (int)policy->providers[index].id.len;
    return policy->providers[index].id.data;
}

static void show_shares(const struct bl_backtest *backtest) {
    const struct bl_policy *live = backtest->policies[0];
    const struct bl_policy *candidate = backtest->policies[1];
    uint64_t refused[2] = {0, 0};

    printf("\n%-32s %10s %10s\n", "share", "live", "candidate");
    for (uint16_t i = 0; i < live->provider_count; i++) {
        bl_provider_index other = bl_policy_find_provider(candidate, live->providers[i].id);
        uint64_t after = other == BL_PROVIDER_NONE ? 0 : backtest->sides[1].providers[other];
        printf("%-32.*s %9.2f%% %9.2f%%\n", BL_STR_ARG(live->providers[i].id),
               percent(backtest->sides[0].providers[i], backtest->judged),
               percent(after, backtest->judged));
    }
    for (uint16_t i = 0; i < candidate->provider_count; i++) {
        if (bl_policy_find_provider(live, candidate->providers[i].id) == BL_PROVIDER_NONE) {
            printf("%-32.*s %9.2f%% %9.2f%%\n", BL_STR_ARG(candidate->providers[i].id), 0.0,
                   percent(backtest->sides[1].providers[i], backtest->judged));
        }
    }
    for (int side = 0; side < 2; side++) {
        for (int error = 0; error < BL_ERROR_COUNT; error++) {
            refused[side] += backtest->sides[side].refusals[error];
        }
    }
    printf("%-32s %9.2f%% %9.2f%%\n", "refused", percent(refused[0], backtest->judged),
           percent(refused[1], backtest->judged));
}

static void show_expectations(const struct bl_backtest *backtest) {
    const struct bl_backtest_side *sides = backtest->sides;

    if (backtest->known_cost > 0) {
        double records = (double)backtest->known_cost;
        printf("\nexpected cost     %.6f -> %.6f a request (%llu known)\n",
               sides[0].cost_nano / records / 1e9, sides[1].cost_nano / records / 1e9,
               (unsigned long long)backtest->known_cost);
    }
    if (backtest->known_latency > 0) {
        double records = (double)backtest->known_latency;
        printf("expected latency  %.0f -> %.0f ms (%llu known)\n", sides[0].latency_ms / records,
               sides[1].latency_ms / records, (unsigned long long)backtest->known_latency);
    }
}

/* The largest moves, largest first. */
static void show_moves(const struct bl_backtest *backtest) {
    uint32_t above = UINT32_MAX;

    for (int shown = 0; shown < MOVES_SHOWN;) {
        uint32_t best = 0;
        for (size_t i = 0; i <= BL_POLICY_MAX_PROVIDERS; i++) {
            for (size_t j = 0; j <= BL_POLICY_MAX_PROVIDERS; j++) {
                uint32_t moved = backtest->moves[i][j];
                best = moved < above && moved > best ? moved : best;
            }
        }
        if (best == 0) {
            return;
        }
        for (size_t i = 0; i <= BL_POLICY_MAX_PROVIDERS && shown < MOVES_SHOWN; i++) {
            for (size_t j = 0; j <= BL_POLICY_MAX_PROVIDERS && shown < MOVES_SHOWN; j++) {
                if (backtest->moves[i][j] == best) {
                    int from_len, to_len;
                    const char *from = provider_name(backtest->policies[0], i, &from_len);
                    const char *to = provider_name(backtest->policies[1], j, &to_len);
                    printf("%s%.*s -> %.*s: %u (%.2f %%)\n", shown == 0 ? "\n" : "", from_len, from,
                           to_len, to, (unsigned)best, percent(best, backtest->judged));
                    shown++;
                }
            }
        }
        above = best;
    }
}

static void show_rules(const struct bl_backtest *backtest) {
    static const char *const names[] = {"live", "candidate"};

    for (int side = 0; side < 2; side++) {
        const struct bl_policy *policy = backtest->policies[side];
        for (uint16_t r = 0; r < policy->rule_count; r++) {
            printf("%s%s rule %u (line %u): %.2f %%  %.*s\n", r == 0 ? "\n" : "", names[side],
                   r + 1u, policy->rules[r].line,
                   percent(backtest->sides[side].rules[r], backtest->judged),
                   BL_STR_ARG(policy->rules[r].summary));
        }
    }
}

static void show_unjudged(const struct bl_backtest *backtest) {
    if (backtest->unjudged_records == 0) {
        return;
    }
    printf("\n%llu records could not be judged:\n", (unsigned long long)backtest->unjudged_records);
    for (size_t i = 0; i < backtest->unjudged_count; i++) {
        const struct bl_backtest_path *path = &backtest->unjudged[i];
        printf("  %s was %s in %llu\n", path->path,
               path->redacted ? "recorded as a hash only" : "not recorded",
               (unsigned long long)path->records);
    }
    if (strchr(backtest->unjudged[0].path, ' ') == NULL) {
        printf("  hint: have the router record it: recording.fields: [\"*/%s\"]\n",
               backtest->unjudged[0].path);
    }
}

static void show_tenants(const struct bl_backtest *backtest) {
    bool any = false;

    for (size_t i = 0; i < backtest->tenant_count; i++) {
        const struct bl_backtest_tenant *tenant = &backtest->tenants[i];
        if (tenant->changed > 0) {
            printf("%stenant %s: %.2f %% of %llu\n", any ? "" : "\nchanged by tenant\n", tenant->id,
                   percent(tenant->changed, tenant->records), (unsigned long long)tenant->records);
            any = true;
        }
    }
    if (backtest->tenants_left_out > 0) {
        printf("and %llu records of further tenants\n",
               (unsigned long long)backtest->tenants_left_out);
    }
}

static void show(const struct run *run) {
    const struct bl_backtest *backtest = &run->backtest;

    printf("%llu records, %llu judged in %.2f s; %llu decisions change (%.2f %%)\n",
           (unsigned long long)backtest->records, (unsigned long long)backtest->judged,
           run->seconds, (unsigned long long)backtest->changed,
           percent(backtest->changed, backtest->judged));
    if (backtest->other_revision > 0) {
        printf("%llu were made by another revision of the live policy\n",
               (unsigned long long)backtest->other_revision);
    }
    if (backtest->of_others > 0) {
        printf("%llu are of other policies\n", (unsigned long long)backtest->of_others);
    }
    if (backtest->damaged > 0) {
        printf("%llu places are damaged, %llu bytes were passed over\n",
               (unsigned long long)backtest->damaged, (unsigned long long)run->damaged_bytes);
    }
    if (backtest->judged > 0) {
        show_shares(backtest);
        show_expectations(backtest);
        show_moves(backtest);
        show_rules(backtest);
        show_tenants(backtest);
    }
    show_unjudged(backtest);
}

/* --- for tools ------------------------------------------------------------------------------- */

static void put_u64(struct bl_json_writer *writer, const char *key, uint64_t value) {
    bl_json_write_key(writer, bl_str_from_c(key));
    bl_json_write_uint64(writer, value);
}

static void put_double(struct bl_json_writer *writer, const char *key, double value) {
    bl_json_write_key(writer, bl_str_from_c(key));
    bl_json_write_double(writer, value);
}

static void write_side(struct bl_json_writer *writer, const struct bl_backtest *backtest,
                       int index) {
    const struct bl_backtest_side *side = &backtest->sides[index];
    const struct bl_policy *policy = backtest->policies[index];

    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("revision"), policy->revision);
    bl_json_write_key(writer, BL_STR("providers"));
    bl_json_write_object_begin(writer);
    for (uint16_t i = 0; i < policy->provider_count; i++) {
        bl_json_write_key(writer, policy->providers[i].id);
        bl_json_write_uint64(writer, side->providers[i]);
    }
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("refusals"));
    bl_json_write_object_begin(writer);
    for (int error = 0; error < BL_ERROR_COUNT; error++) {
        if (side->refusals[error] > 0) {
            put_u64(writer, bl_error_info((enum bl_error)error)->code, side->refusals[error]);
        }
    }
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("rules"));
    bl_json_write_array_begin(writer);
    for (uint16_t r = 0; r < policy->rule_count; r++) {
        bl_json_write_object_begin(writer);
        put_u64(writer, "line", policy->rules[r].line);
        put_u64(writer, "matched", side->rules[r]);
        bl_json_write_object_end(writer);
    }
    bl_json_write_array_end(writer);
    put_u64(writer, "rules_failed", side->rules_failed);
    if (backtest->known_cost > 0) {
        put_double(writer, "expected_cost", side->cost_nano / 1e9 / (double)backtest->known_cost);
    }
    if (backtest->known_latency > 0) {
        put_double(writer, "expected_latency_ms",
                   side->latency_ms / (double)backtest->known_latency);
    }
    bl_json_write_object_end(writer);
}

static void write_moves(struct bl_json_writer *writer, const struct bl_backtest *backtest) {
    bl_json_write_key(writer, BL_STR("moves"));
    bl_json_write_array_begin(writer);
    for (size_t i = 0; i <= BL_POLICY_MAX_PROVIDERS; i++) {
        for (size_t j = 0; j <= BL_POLICY_MAX_PROVIDERS; j++) {
            if (backtest->moves[i][j] > 0) {
                int from_len, to_len;
                const char *from = provider_name(backtest->policies[0], i, &from_len);
                const char *to = provider_name(backtest->policies[1], j, &to_len);
                bl_json_write_object_begin(writer);
                bl_json_write_member(writer, BL_STR("from"),
                                     (struct bl_str){from, (size_t)from_len});
                bl_json_write_member(writer, BL_STR("to"), (struct bl_str){to, (size_t)to_len});
                put_u64(writer, "count", backtest->moves[i][j]);
                bl_json_write_object_end(writer);
            }
        }
    }
    bl_json_write_array_end(writer);
}

static void write_lists(struct bl_json_writer *writer, const struct bl_backtest *backtest) {
    bl_json_write_key(writer, BL_STR("tenants"));
    bl_json_write_array_begin(writer);
    for (size_t i = 0; i < backtest->tenant_count; i++) {
        bl_json_write_object_begin(writer);
        bl_json_write_member(writer, BL_STR("tenant_id"), bl_str_from_c(backtest->tenants[i].id));
        put_u64(writer, "records", backtest->tenants[i].records);
        put_u64(writer, "changed", backtest->tenants[i].changed);
        bl_json_write_object_end(writer);
    }
    bl_json_write_array_end(writer);
    bl_json_write_key(writer, BL_STR("unjudged"));
    bl_json_write_array_begin(writer);
    for (size_t i = 0; i < backtest->unjudged_count; i++) {
        bl_json_write_object_begin(writer);
        bl_json_write_member(writer, BL_STR("path"), bl_str_from_c(backtest->unjudged[i].path));
        bl_json_write_key(writer, BL_STR("redacted"));
        bl_json_write_bool(writer, backtest->unjudged[i].redacted);
        put_u64(writer, "records", backtest->unjudged[i].records);
        bl_json_write_object_end(writer);
    }
    bl_json_write_array_end(writer);
}

static void show_json(const struct run *run) {
    const struct bl_backtest *backtest = &run->backtest;
    char *storage = malloc(JSON_BYTES);
    struct bl_json_writer writer;
    struct bl_buf buf;

    if (storage == NULL) {
        return;
    }
    bl_buf_init(&buf, storage, JSON_BYTES);
    bl_json_writer_init(&writer, &buf);
    bl_json_write_object_begin(&writer);
    put_u64(&writer, "records", backtest->records);
    put_u64(&writer, "judged", backtest->judged);
    put_u64(&writer, "changed", backtest->changed);
    put_double(&writer, "changed_share", percent(backtest->changed, backtest->judged) / 100);
    put_u64(&writer, "damaged", backtest->damaged);
    put_u64(&writer, "of_other_policies", backtest->of_others);
    put_u64(&writer, "of_other_revisions", backtest->other_revision);
    put_u64(&writer, "unjudged_records", backtest->unjudged_records);
    put_double(&writer, "seconds", run->seconds);
    bl_json_write_key(&writer, BL_STR("live"));
    write_side(&writer, backtest, 0);
    bl_json_write_key(&writer, BL_STR("candidate"));
    write_side(&writer, backtest, 1);
    write_moves(&writer, backtest);
    write_lists(&writer, backtest);
    bl_json_write_object_end(&writer);
    printf("%.*s\n", BL_STR_ARG(bl_buf_view(&buf)));
    free(storage);
}

/* --- the run --------------------------------------------------------------------------------- */

static double now_s(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int judge(struct run *run, const struct bl_policy_command *command) {
    double began_s = now_s();

    for (size_t i = 0; i < command->record_count; i++) {
        if (!add_file(run, command->records[i])) {
            return BL_EXIT_FAILED;
        }
    }
    run->seconds = now_s() - began_s;
    if (command->json) {
        show_json(run);
    } else {
        show(run);
    }
    if (run->backtest.judged == 0) {
        fputs("beamline policy backtest: no record could be judged\n", stderr);
        return BL_EXIT_FAILED;
    }
    double changed = percent(run->backtest.changed, run->backtest.judged);
    if (command->max_changed >= 0 && changed > command->max_changed) {
        fprintf(stderr, "beamline policy backtest: %.2f %% change, more than %.2f %%\n", changed,
                command->max_changed);
        return BL_EXIT_CHANGED;
    }
    return BL_EXIT_OK;
}

/* Compiles both as the policy that the recording names. */
static int run_backtest(struct run *run, const struct bl_policy_command *command,
                        const struct bl_record_policy *made_by) {
    struct bl_policy *live =
        bl_offline_policy(command->against, made_by->tenant_id, made_by->policy_id);
    struct bl_policy *candidate =
        live == NULL
            ? NULL
            : bl_offline_policy(run->candidate_path, made_by->tenant_id, made_by->policy_id);
    int code = BL_EXIT_FAILED;

    if (candidate != NULL) {
        bl_backtest_init(&run->backtest, live, candidate);
        code = judge(run, command);
        bl_backtest_fini(&run->backtest);
    }
    bl_policy_unref(candidate);
    bl_policy_unref(live);
    return code;
}

int bl_cli_policy_backtest(int count, char **files, const struct bl_policy_command *command) {
    static struct run run;
    struct bl_record_policy made_by;
    struct bl_str bytes;

    if (count != 1 || command->record_count == 0 || command->against == NULL) {
        fputs("beamline policy backtest: name a candidate, --against the live policy, and "
              "--records.\n"
              "Try: beamline policy --help\n",
              stderr);
        return BL_EXIT_USAGE;
    }
    run.candidate_path = files[0];
    if (!map_file(command->records[0], &bytes)) {
        return BL_EXIT_FAILED;
    }
    int code = BL_EXIT_FAILED;
    if (find_names(bytes, &made_by)) {
        code = run_backtest(&run, command, &made_by);
    } else {
        fprintf(stderr, "beamline policy backtest: %s holds no record\n", command->records[0]);
    }
    unmap(bytes);
    return code;
}
