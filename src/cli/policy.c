/* beamline policy: check policy files, and show how they decide. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/offline.h"
#include "cli/policy_command.h"
#include "cli/policy_source.h"
#include "cli/policy_store.h"
#include "cli/present.h"
#include "policy/compile.h"
#include "wire/decide_reply.h"

#define REQUEST_BYTES ((size_t)1024 * 1024)

static const char help[] =
    "Usage: beamline policy validate [--json] [--quiet] FILE...\n"
    "       beamline policy explain FILE [--request FILE] [--json]\n"
    "       beamline policy explain --diff BEFORE AFTER [--request FILE]\n"
    "       beamline policy lint [--json] FILE...\n"
    "       beamline policy diff [--json] BEFORE AFTER\n"
    "       beamline policy backtest CANDIDATE --against LIVE --records FILE... [--max-changed "
    "5%]\n"
    "       beamline policy migrate FILE\n"
    "       beamline policy eval ['EXPRESSION'] [--request FILE] [--vars FILE] [--json]\n"
    "       beamline policy {put|get|list|history|rollback|delete|import} ... (see put --help)\n"
    "\n"
    "  validate   reads policy files (YAML or JSON) and prints every problem with line and hint\n"
    "  explain    decides one request with a policy file and says why; without --request an empty\n"
    "             task of the tenant `demo` is used\n"
    "             With --diff by two policies, and what differs\n"
    "  lint       what compiles but cannot be meant: rules never reached, rules that leave "
    "nobody,\n"
    "             fallback loops, limits that nothing can meet; with a request that shows it\n"
    "  diff       what changes from one policy to the other: shares, providers, rules, keys\n"
    "  backtest   decides recorded requests (setting recording.file) by the live policy and by a\n"
    "             candidate, and tells what changes\n"
    "  migrate    writes an older document in the form of today\n"
    "  eval       evaluates one expression of the condition language: value, type and cost, or "
    "the\n"
    "             error with its place; without an expression it reads one from each line\n"
    "\n"
    "      --tenant ID     tenant the files are read for (default: demo)\n"
    "  -r, --request FILE  the request as JSON (- = standard input)\n"
    "      --store FILE    store for policies named ID@REVISION or ID@latest, for explain, lint "
    "and\n"
    "                      diff (default: BEAMLINE_POLICIES_STORE)\n"
    "      --vars FILE     variables for eval, as a JSON object\n"
    "  -q, --quiet         nothing for files without problems\n"
    "      --json          findings, or the reply, as JSON\n"
    "\n"
    "Examples\n"
    "  beamline policy validate examples/policies/*.yaml\n"
    "  beamline policy explain examples/policies/default.yaml\n"
    "  beamline policy diff --store policies.db default@3 default@latest\n"
    "  beamline policy eval 'size([1, 2, 3].filter(x, x > 1)) == 2'\n"
    "  echo '{\"tenant_id\":\"demo\",\"task\":{\"type\":\"x\",\"payload\":{}}}' |\n"
    "    beamline policy explain examples/policies/default.yaml -r -\n"
    "\n"
    "Exit code: 0 all is well, 1 a file has errors or the request was refused, 2 wrong usage,\n"
    "4 a backtest changes more than --max-changed.\n";

#define ARGUMENTS_MAX 32 /* of eval */

enum {
    OPTION_TENANT = 256,
    OPTION_JSON,
    OPTION_VARS,
    OPTION_DIFF,
    OPTION_STORE,
    OPTION_AGAINST,
    OPTION_RECORDS,
    OPTION_MAX_CHANGED
};

static const struct option long_options[] = {
    {"tenant", required_argument, NULL, OPTION_TENANT},
    {"request", required_argument, NULL, 'r'},
    {"vars", required_argument, NULL, OPTION_VARS},
    {"against", required_argument, NULL, OPTION_AGAINST},
    {"records", required_argument, NULL, OPTION_RECORDS},
    {"max-changed", required_argument, NULL, OPTION_MAX_CHANGED},
    {"diff", no_argument, NULL, OPTION_DIFF},
    {"store", required_argument, NULL, OPTION_STORE},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Whether the file compiles; prints its findings. */
static bool validate_file(const char *path, const struct bl_policy_command *options,
                          struct bl_present_array *array) {
    static struct bl_findings findings;
    struct bl_policy_options compile = {.warn_unknown_keys = false};
    struct bl_policy *policy = NULL;
    char *text;
    size_t len;

    if (!bl_read_file(path, BL_POLICY_MAX_BYTES, &text, &len)) {
        if (options->json) {
            bl_present_array_unread(array, path);
        }
        return false;
    }
    bl_result result = bl_policy_compile((struct bl_str){text, len}, bl_str_from_c(options->tenant),
                                         bl_offline_policy_id(path), &compile, &policy, &findings);
    free(text);
    if (options->json) {
        bl_present_array_findings(array, path, &findings);
    } else {
        bl_present_findings(stdout, path, &findings);
        if (bl_is_ok(result) && !options->quiet) {
            printf("%s: ok: %u providers, %u rules, %u fallbacks, revision %.*s\n", path,
                   policy->listed_count, policy->rule_count, policy->fallback_count,
                   BL_STR_ARG(policy->revision));
        }
    }
    if (bl_is_ok(result)) {
        bl_policy_unref(policy);
    }
    return bl_is_ok(result);
}

static int validate(int count, char **files, const struct bl_policy_command *options) {
    struct bl_present_array array;
    int broken = 0;

    if (count == 0) {
        fputs("beamline policy validate: no file named. Try: beamline policy --help\n", stderr);
        return BL_EXIT_USAGE;
    }
    if (options->json) {
        bl_present_array_begin(&array, stdout);
    }
    for (int i = 0; i < count; i++) {
        broken += validate_file(files[i], options, &array) ? 0 : 1;
    }
    if (options->json) {
        bl_present_array_end(&array);
    }
    if (count > 1 && !options->json && !options->quiet) {
        printf("%d of %d files are good\n", count - broken, count);
    }
    return broken == 0 ? BL_EXIT_OK : BL_EXIT_FAILED;
}

/* The provider that a reply names, absent for a refusal. A view into the document. */
static struct bl_str provider_of(struct bl_str reply, struct bl_arena *arena) {
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_str provider = BL_STR_ABSENT;

    if (bl_is_ok(bl_json_read(reply, &bl_json_request_limits, arena, &doc, &diag))) {
        struct bl_json decision = bl_json_get(bl_json_root(&doc), BL_STR("decision"));
        (void)bl_json_string(bl_json_get(decision, BL_STR("provider_id")), &provider);
    }
    return provider;
}

/* One request by two policies. */
static int explain_both(char **files, struct bl_str request) {
    static char storage[2][2 * BL_WIRE_REPLY_MAX_BYTES];
    static const char *const names[] = {"before", "after"};
    struct bl_str providers[2];
    struct bl_arena arena;

    bl_arena_init(&arena, 65536, (size_t)16 * 1024 * 1024);
    for (int i = 0; i < 2; i++) {
        struct bl_buf reply;
        bl_buf_init(&reply, storage[i], sizeof(storage[i]));
        if (!bl_offline_decide(files[i], request, true, &reply)) {
            bl_arena_fini(&arena);
            return BL_EXIT_FAILED;
        }
        printf("%s%s: %s\n", i > 0 ? "\n" : "", names[i], files[i]);
        (void)bl_present_reply(stdout, bl_buf_view(&reply), -1);
        providers[i] = provider_of(bl_buf_view(&reply), &arena);
    }
    if (bl_str_equal(providers[0], providers[1])) {
        puts("\nboth decide alike");
    } else {
        printf("\n%.*s -> %.*s; where a draw decides, it differs from request to request\n",
               BL_STR_ARG(bl_str_is_present(providers[0]) ? providers[0] : BL_STR("refused")),
               BL_STR_ARG(bl_str_is_present(providers[1]) ? providers[1] : BL_STR("refused")));
    }
    bl_arena_fini(&arena);
    return BL_EXIT_OK;
}

static int explain(int count, char **files, const struct bl_policy_command *options) {
    static char reply_storage[2 * BL_WIRE_REPLY_MAX_BYTES], request_storage[1024];
    struct bl_buf reply, request;
    struct bl_str text;
    char *file = NULL;

    if (count != (options->diff ? 2 : 1)) {
        fprintf(stderr, "beamline policy explain: name %s. Try: beamline policy --help\n",
                options->diff ? "two policy files" : "one policy file");
        return BL_EXIT_USAGE;
    }
    bl_buf_init(&reply, reply_storage, sizeof(reply_storage));
    if (options->request_file != NULL) {
        if (!bl_read_file(options->request_file, REQUEST_BYTES, &file, &text.len)) {
            return BL_EXIT_FAILED;
        }
        text.data = file;
    } else {
        bl_buf_init(&request, request_storage, sizeof(request_storage));
        bl_buf_printf(&request,
                      "{\"tenant_id\":\"%s\",\"task\":{\"type\":\"text.generate\",\"payload\":{}}}",
                      options->tenant);
        text = bl_buf_view(&request);
    }
    if (options->diff) {
        int code = explain_both(files, text);
        free(file);
        return code;
    }
    bool answered = bl_offline_decide(files[0], text, true, &reply);
    free(file);
    if (!answered) {
        return BL_EXIT_FAILED;
    }
    if (options->json) {
        printf("%.*s\n", BL_STR_ARG(bl_buf_view(&reply)));
        return bl_reply_is_ok(bl_buf_view(&reply)) ? BL_EXIT_OK : BL_EXIT_FAILED;
    }
    return bl_present_reply(stdout, bl_buf_view(&reply), -1) ? BL_EXIT_OK : BL_EXIT_FAILED;
}

static const struct {
    const char *name;
    int (*run)(int count, char **arguments, const struct bl_policy_command *command);
} subcommands[] = {
    {"validate", validate},
    {"lint", bl_cli_policy_lint},
    {"explain", explain},
    {"diff", bl_cli_policy_diff},
    {"eval", bl_cli_policy_eval},
    {"migrate", bl_cli_policy_migrate},
    {"backtest", bl_cli_policy_backtest},
};

/* "5%" or "5": percent. */
static bool read_percent(const char *text, double *out) {
    struct bl_str number = bl_str_from_c(text);

    number.len -= number.len > 0 && number.data[number.len - 1] == '%' ? 1 : 0;
    return bl_json_text_double(number, out) && *out >= 0 && *out <= 100;
}

/* "-7/2" is an expression and no options: behind "--" getopt leaves it alone. `out` holds the
 * arguments and one more; false if there is no such expression, or somebody wrote "--". */
static bool set_expression_apart(int argc, char **argv, char **out) {
    static char separator[] = "--";
    int expression = 0;
    int count = 0;

    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], separator) == 0) {
            return false;
        }
        bool is_option = argv[i][0] != '-' || strchr("-rqh", argv[i][1]) != NULL;
        expression = expression == 0 && !is_option ? i : expression;
    }
    if (argc < 3 || argc > ARGUMENTS_MAX || expression == 0) {
        return false;
    }
    for (int i = 0; i < argc; i++) {
        if (i != expression) {
            out[count++] = argv[i];
        }
    }
    out[count++] = separator;
    out[count++] = argv[expression];
    out[count] = NULL;
    return true;
}

int bl_cli_policy(int argc, char **argv) {
    struct bl_policy_command options = {.tenant = "demo", .max_changed = -1};
    char *apart[ARGUMENTS_MAX + 2];
    int option;

    if (argc > 1 && bl_policy_store_has(argv[1])) {
        return bl_cli_policy_store(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "eval") == 0 && set_expression_apart(argc, argv, apart)) {
        argv = apart;
        argc++;
    }
    while ((option = getopt_long(argc, argv, "r:qh", long_options, NULL)) != -1) {
        switch (option) {
        case OPTION_TENANT:
            if (!bl_tenant_id_is_valid(bl_str_from_c(optarg), true)) {
                fprintf(stderr, "beamline policy: '%s' is not a tenant id\n", optarg);
                return BL_EXIT_USAGE;
            }
            options.tenant = optarg;
            break;
        case 'r':
            options.request_file = optarg;
            break;
        case OPTION_VARS:
            options.variables_file = optarg;
            break;
        case 'q':
            options.quiet = true;
            break;
        case OPTION_AGAINST:
            options.against = optarg;
            break;
        case OPTION_RECORDS:
            if (options.record_count == BL_RECORDINGS_MAX) {
                fprintf(stderr, "beamline policy: more than %d recordings\n", BL_RECORDINGS_MAX);
                return BL_EXIT_USAGE;
            }
            options.records[options.record_count++] = optarg;
            break;
        case OPTION_MAX_CHANGED:
            if (!read_percent(optarg, &options.max_changed)) {
                fprintf(stderr, "beamline policy: '%s' is no share, for example 5%%\n", optarg);
                return BL_EXIT_USAGE;
            }
            break;
        case OPTION_STORE:
            bl_policy_source_use_store(optarg);
            break;
        case OPTION_DIFF:
            options.diff = true;
            break;
        case OPTION_JSON:
            options.json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return BL_EXIT_OK;
        default:
            fputs("Try: beamline policy --help\n", stderr);
            return BL_EXIT_USAGE;
        }
    }
    for (size_t i = 0; optind < argc && i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        if (strcmp(argv[optind], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - optind - 1, argv + optind + 1, &options);
        }
    }
    fputs(help, stderr);
    return BL_EXIT_USAGE;
}
