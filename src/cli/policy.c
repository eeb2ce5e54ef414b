/* beamline policy: check policy files, and show how they decide. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/offline.h"
#include "cli/policy_store.h"
#include "cli/present.h"
#include "policy/compile.h"
#include "wire/decide_reply.h"

#define REQUEST_BYTES ((size_t)1024 * 1024)

static const char help[] =
    "Usage: beamline policy validate [--json] [--quiet] FILE...\n"
    "       beamline policy explain FILE [--request FILE] [--json]\n"
    "       beamline policy {put|get|list|history|rollback|delete|import} ... (see put --help)\n"
    "\n"
    "  validate   reads policy files (YAML or JSON) and prints every problem with line and hint\n"
    "  explain    decides one request with a policy file and says why; without --request an empty\n"
    "             task of the tenant `demo` is used\n"
    "\n"
    "      --tenant ID     tenant the files are read for (default: demo)\n"
    "  -r, --request FILE  the request as JSON (- = standard input)\n"
    "  -q, --quiet         nothing for files without problems\n"
    "      --json          findings, or the reply, as JSON\n"
    "\n"
    "Examples\n"
    "  beamline policy validate examples/policies/*.yaml\n"
    "  beamline policy explain examples/policies/default.yaml\n"
    "  echo '{\"tenant_id\":\"demo\",\"task\":{\"type\":\"x\",\"payload\":{}}}' |\n"
    "    beamline policy explain examples/policies/default.yaml -r -\n"
    "\n"
    "Exit code: 0 all is well, 1 a file has errors or the request was refused, 2 wrong usage.\n";

struct options {
    const char *tenant, *request_file;
    bool json, quiet;
};

enum { OPTION_TENANT = 256, OPTION_JSON };

static const struct option long_options[] = {
    {"tenant", required_argument, NULL, OPTION_TENANT},
    {"request", required_argument, NULL, 'r'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Whether the file compiles; prints its findings. */
static bool validate_file(const char *path, const struct options *options) {
    static struct bl_findings findings;
    struct bl_policy_options compile = {.warn_unknown_keys = false};
    struct bl_policy *policy = NULL;
    char *text;
    size_t len;

    if (!bl_read_file(path, BL_POLICY_MAX_BYTES, &text, &len)) {
        return false;
    }
    bl_result result = bl_policy_compile((struct bl_str){text, len}, bl_str_from_c(options->tenant),
                                         bl_offline_policy_id(path), &compile, &policy, &findings);
    free(text);
    if (options->json) {
        bl_present_findings_json(stdout, path, &findings);
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

static int validate(int count, char **files, const struct options *options) {
    int broken = 0;

    if (count == 0) {
        fputs("beamline policy validate: no file named. Try: beamline policy --help\n", stderr);
        return BL_EXIT_USAGE;
    }
    for (int i = 0; i < count; i++) {
        broken += validate_file(files[i], options) ? 0 : 1;
    }
    if (count > 1 && !options->json && !options->quiet) {
        printf("%d of %d files are good\n", count - broken, count);
    }
    return broken == 0 ? BL_EXIT_OK : BL_EXIT_FAILED;
}

static int explain(int count, char **files, const struct options *options) {
    static char reply_storage[2 * BL_WIRE_REPLY_MAX_BYTES], request_storage[1024];
    struct bl_buf reply, request;
    struct bl_str text;
    char *file = NULL;

    if (count != 1) {
        fputs("beamline policy explain: name one policy file. Try: beamline policy --help\n",
              stderr);
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

int bl_cli_policy(int argc, char **argv) {
    struct options options = {.tenant = "demo"};
    int option;

    if (argc > 1 && bl_policy_store_has(argv[1])) {
        return bl_cli_policy_store(argc - 1, argv + 1);
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
        case 'q':
            options.quiet = true;
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
    if (optind < argc && strcmp(argv[optind], "validate") == 0) {
        return validate(argc - optind - 1, argv + optind + 1, &options);
    }
    if (optind < argc && strcmp(argv[optind], "explain") == 0) {
        return explain(argc - optind - 1, argv + optind + 1, &options);
    }
    fputs(help, stderr);
    return BL_EXIT_USAGE;
}
