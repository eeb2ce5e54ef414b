/* beamline check: what is wrong with a configuration and its policies, before a router finds out. */
#include <stdio.h>
#include <stdlib.h>

#include "app/policy_store.h"
#include "app/tls_files.h"
#include "cli/command.h"
#include "cli/present.h"
#include "cli/router_options.h"

#define DUMP_BYTES ((size_t)256 * 1024)

static const char help[] =
    "Usage: beamline check [options]\n"
    "\n"
    "Reads a configuration and the policies that it names, and prints every problem with its line\n"
    "and a hint. Nothing is started and nothing is connected to.\n"
    "\n" BL_ROUTER_OPTIONS_HELP
    "      --dump               print every setting with its value and where that comes from\n"
    "      --reference          print the reference page of all settings (Markdown)\n"
    "      --json               findings as JSON\n"
    "\n"
    "Examples\n"
    "  beamline check --config router.yaml\n"
    "  beamline check --profile dev --dump\n"
    "\n"
    "Exit code: 0 good (warnings allowed), 1 errors, 2 wrong usage.\n";

enum { OPTION_DUMP = 256, OPTION_REFERENCE, OPTION_JSON };

static const struct option long_options[] = {
    BL_ROUTER_LONG_OPTIONS,
    {"dump", no_argument, NULL, OPTION_DUMP},
    {"reference", no_argument, NULL, OPTION_REFERENCE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_text(void (*write)(const struct bl_config *config, struct bl_buf *buf),
                      const struct bl_config *config) {
    char *storage = malloc(DUMP_BYTES);
    struct bl_buf buf;

    if (storage == NULL) {
        return BL_EXIT_FAILED;
    }
    bl_buf_init(&buf, storage, DUMP_BYTES);
    write(config, &buf);
    printf("%.*s", BL_STR_ARG(bl_buf_view(&buf)));
    free(storage);
    return BL_EXIT_OK;
}

static void write_reference(const struct bl_config *unused, struct bl_buf *buf) {
    (void)unused;
    bl_config_reference(buf);
}

struct policy_check {
    bool json;
    size_t errors;
    struct bl_findings one; /* a finding on its way to be shown */
};

static void on_finding(void *user, const char *path, const struct bl_diag *finding) {
    struct policy_check *check = user;

    bl_findings_clear(&check->one);
    *bl_findings_add(&check->one, finding->severity) = *finding;
    check->errors += finding->severity == BL_SEVERITY_ERROR;
    if (check->json) {
        bl_present_findings_json(stdout, path, &check->one);
    } else {
        bl_present_findings(stdout, path, &check->one);
    }
}

static void on_state(void *user, const char *path, const struct bl_diag *problem) {
    if (problem != NULL) { /* nothing can mend within one look */
        on_finding(user, path, problem);
    }
}

/* Whether the configured store can be read and all its policies compile. */
static bool check_store(const struct bl_config *config, struct policy_check *check) {
    const struct bl_policy_reports reports = {on_finding, on_state, check};
    struct bl_policy_store *store;
    bool changed;

    if (!bl_str_is_present(config->policies.store)) {
        return true;
    }
    if (bl_is_error(bl_policy_store_create(config->policies.store.data, &reports, &store))) {
        return false;
    }
    bl_result result = bl_policy_store_look(store, config->policies.unknown_keys == 1, &changed);
    struct bl_policy_store_stats stats = bl_policy_store_stats(store);
    if (bl_is_ok(result) && !check->json && !stats.unreadable) {
        printf("%s: %zu policies, %zu broken, revision %llu\n", config->policies.store.data,
               stats.live, stats.broken, (unsigned long long)stats.revision);
    }
    bl_policy_store_destroy(store);
    return bl_is_ok(result) && check->errors == 0;
}

/* Whether the certificate and its key can be used. */
static bool check_certificate(const struct bl_config *config, struct policy_check *check) {
    struct bl_tls_files *files;
    struct bl_diag problem;

    if (config->http.tls_listen.count == 0) {
        return true;
    }
    bl_diag_clear(&problem);
    problem.severity = BL_SEVERITY_ERROR;
    if (bl_is_error(bl_tls_files_create(config, &files, &problem))) {
        on_finding(check, config->http.tls_certificate_file.data, &problem);
        return false;
    }
    bl_tls_files_destroy(files);
    return true;
}

/* Whether all policies of the configured folder compile. */
static bool check_policies(const struct bl_config *config, struct policy_check *check) {
    struct bl_policy_directory *directory;
    bool changed;

    if (!bl_str_is_present(config->policies.directory)) {
        return true;
    }
    if (bl_is_error(bl_policy_directory_create(config->policies.directory.data, on_finding, check,
                                               &directory))) {
        return false;
    }
    bl_result result =
        bl_policy_directory_scan(directory, config->policies.unknown_keys == 1, &changed);
    if (bl_is_ok(result) && !check->json) {
        printf("%s: %zu policies, %zu broken files\n", config->policies.directory.data,
               bl_policy_directory_live(directory), bl_policy_directory_broken(directory));
    }
    bl_policy_directory_destroy(directory);
    return bl_is_ok(result) && check->errors == 0;
}

static int check(const struct bl_router_arguments *arguments, bool json, bool dump) {
    const char *name = arguments->sources.path != NULL ? arguments->sources.path : "beamline";
    struct bl_findings *findings = calloc(1, sizeof(*findings));
    struct policy_check *policies = calloc(1, sizeof(*policies));
    struct bl_config *config = NULL;
    bool good = false;

    if (findings == NULL || policies == NULL) {
        free(findings);
        free(policies);
        return BL_EXIT_FAILED;
    }
    policies->json = json;
    bl_result result = bl_config_load(&arguments->sources, &config, findings);
    if (json) {
        bl_present_findings_json(stdout, name, findings);
    } else {
        bl_present_findings(stdout, name, findings);
    }
    if (bl_is_ok(result)) {
        good = check_certificate(config, policies);
        good = check_policies(config, policies) && good;
        good = check_store(config, policies) && good;
        if (dump) {
            (void)print_text(bl_config_dump, config);
        } else if (good && !json) {
            printf("%s: ok\n", name);
        }
        bl_config_destroy(config);
    }
    free(findings);
    free(policies);
    return good ? BL_EXIT_OK : BL_EXIT_FAILED;
}

int bl_cli_check(int argc, char **argv) {
    struct bl_router_arguments arguments;
    bool json = false;
    bool dump = false;
    int option;

    bl_router_arguments_init(&arguments);
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'h':
            fputs(help, stdout);
            return BL_EXIT_OK;
        case OPTION_REFERENCE:
            return print_text(write_reference, NULL);
        case OPTION_DUMP:
            dump = true;
            break;
        case OPTION_JSON:
            json = true;
            break;
        default:
            if (!bl_router_arguments_take(&arguments, option, optarg)) {
                fputs("Try: beamline check --help\n", stderr);
                return BL_EXIT_USAGE;
            }
        }
    }
    if (optind < argc) {
        fprintf(stderr, "beamline check: unexpected argument '%s'\n", argv[optind]);
        return BL_EXIT_USAGE;
    }
    return check(&arguments, json, dump);
}
