/* The subcommands of `beamline policy` that need a store: options, and opening it. */
#include "cli/policy_store.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/config.h"
#include "cli/command.h"
#include "cli/present.h"
#include "policy/compile.h"
#include "store/sqlite.h"

#define LIST_LIMIT_DEFAULT 1000

static const char help[] =
    "Usage: beamline policy put FILE [--tenant ID] [--id ID] [--message TEXT] [--if-revision N]\n"
    "       beamline policy get ID [--tenant ID] [--revision N]\n"
    "       beamline policy list [--tenant ID] [--limit N]\n"
    "       beamline policy history ID [--tenant ID] [--limit N]\n"
    "       beamline policy rollback ID --to N [--tenant ID] [--message TEXT]\n"
    "       beamline policy delete ID [--tenant ID] [--message TEXT] [--if-revision N]\n"
    "       beamline policy import FOLDER [--prune] [--dry-run] [--message TEXT]\n"
    "\n"
    "Policies in a store: each change is a new revision with author, time and message, and "
    "nothing\n"
    "is lost by the next one. A router that has policies.store set takes changes over within a\n"
    "second. A document with errors is refused before anything is written.\n"
    "\n"
    "  put       writes a policy file (- = standard input); its id is the file's name\n"
    "  get       prints the document\n"
    "  list      what the store holds\n"
    "  history   the revisions of one policy, newest first, deletions included\n"
    "  rollback  writes an earlier revision again, as a new one\n"
    "  delete    ends a policy; its history stays\n"
    "  import    brings the store to what FOLDER/<tenant>/<policy>.yaml says, in one transaction;\n"
    "            with --prune policies that are not in the folder are deleted\n"
    "\n"
    "      --store FILE      the store (default: policies.store of --config, or the environment's\n"
    "                        BEAMLINE_POLICIES_STORE); put and import make it\n"
    "  -c, --config FILE     configuration of the router\n"
    "      --tenant ID       tenant, * or _shared for all (default: demo; list: every one)\n"
    "      --id ID           policy id of put\n"
    "  -m, --message TEXT    why\n"
    "      --author NAME     who (default: the user of this process)\n"
    "      --if-revision N   only if the policy is still at this revision; 0 = only if it is new\n"
    "      --revision N      that revision instead of the newest\n"
    "      --to N            the revision to go back to\n"
    "      --limit N         at most so many lines (default: 1000)\n"
    "      --prune           delete what is not in the folder\n"
    "      --dry-run         say what import would do\n"
    "      --json            JSON on standard output\n"
    "\n"
    "Examples\n"
    "  export BEAMLINE_POLICIES_STORE=policies.db\n"
    "  beamline policy put examples/policies/default.yaml -m 'first version'\n"
    "  beamline policy history default\n"
    "  beamline policy get default > default.yaml\n"
    "  beamline policy rollback default --to 1\n"
    "  beamline policy import policies/ --prune --dry-run\n"
    "\n"
    "Exit code: 0 done, 1 refused or failed, 2 wrong usage.\n";

enum {
    OPTION_STORE = 256,
    OPTION_TENANT,
    OPTION_ID,
    OPTION_AUTHOR,
    OPTION_IF_REVISION,
    OPTION_REVISION,
    OPTION_TO,
    OPTION_LIMIT,
    OPTION_PRUNE,
    OPTION_DRY_RUN,
    OPTION_JSON
};

static const struct option long_options[] = {
    {"store", required_argument, NULL, OPTION_STORE},
    {"config", required_argument, NULL, 'c'},
    {"tenant", required_argument, NULL, OPTION_TENANT},
    {"id", required_argument, NULL, OPTION_ID},
    {"message", required_argument, NULL, 'm'},
    {"author", required_argument, NULL, OPTION_AUTHOR},
    {"if-revision", required_argument, NULL, OPTION_IF_REVISION},
    {"revision", required_argument, NULL, OPTION_REVISION},
    {"to", required_argument, NULL, OPTION_TO},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"prune", no_argument, NULL, OPTION_PRUNE},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Who may be asked for what. Options that a command does not have are refused, not ignored. */
static const struct command {
    const char *name;
    int (*run)(struct bl_policy_store_run *run);
    const char *argument; /* NULL = none */
    bool writes;
    bool makes_store;
    int options[6];
} commands[] = {
    {"put",
     bl_policy_store_put,
     "FILE",
     true,
     true,
     {OPTION_TENANT, OPTION_ID, 'm', OPTION_AUTHOR, OPTION_IF_REVISION}},
    {"get", bl_policy_store_get, "ID", false, false, {OPTION_TENANT, OPTION_REVISION}},
    {"list", bl_policy_store_list, NULL, false, false, {OPTION_TENANT, OPTION_LIMIT}},
    {"history", bl_policy_store_history, "ID", false, false, {OPTION_TENANT, OPTION_LIMIT}},
    {"rollback",
     bl_policy_store_rollback,
     "ID",
     true,
     false,
     {OPTION_TENANT, 'm', OPTION_AUTHOR, OPTION_TO}},
    {"delete",
     bl_policy_store_delete,
     "ID",
     true,
     false,
     {OPTION_TENANT, 'm', OPTION_AUTHOR, OPTION_IF_REVISION}},
    {"import",
     bl_policy_store_import,
     "FOLDER",
     true,
     true,
     {'m', OPTION_AUTHOR, OPTION_PRUNE, OPTION_DRY_RUN}},
};

static const struct command *find_command(const char *word) {
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, word) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

bool bl_policy_store_has(const char *word) {
    return find_command(word) != NULL;
}

static bool takes(const struct command *command, int option) {
    static const int always[] = {OPTION_STORE, 'c', OPTION_JSON, 'h', '?'};

    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (always[i] == option) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(command->options) / sizeof(command->options[0]); i++) {
        if (command->options[i] == option) {
            return true;
        }
    }
    return false;
}

static bool read_number(const char *text, uint64_t *out) {
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= INT64_MAX;
}

/* Where the values of options go that are not of the run itself. */
struct arguments {
    struct bl_policy_store_run run;
    const char *author;
    const char *store;
    const char *config;
};

static bool take_number(struct arguments *arguments, int option, const char *value) {
    uint64_t number = 0;
    bool good = read_number(value, &number);

    if (option == OPTION_IF_REVISION) {
        arguments->run.if_revision = number;
    } else if (option == OPTION_REVISION) {
        arguments->run.revision = number;
    } else if (option == OPTION_TO) {
        arguments->run.to = number;
    } else {
        arguments->run.limit = number;
        good = good && number > 0;
    }
    if (!good) {
        fprintf(stderr, "beamline policy: '%s' is not a number that fits here\n", value);
    }
    return good;
}

static bool take_id(const char *what, bool good, const char *value, const char **out) {
    *out = value;
    if (!good) {
        fprintf(stderr, "beamline policy: '%s' is not a %s id: use A-Z a-z 0-9 _ . : -\n", value,
                what);
    }
    return good;
}

static bool take(struct arguments *arguments, int option, const char *value) {
    switch (option) {
    case OPTION_STORE:
        arguments->store = value;
        return true;
    case 'c':
        arguments->config = value;
        return true;
    case OPTION_TENANT:
        value = strcmp(value, BL_POLICY_KEY_SHARED) == 0 ? "*" : value;
        return take_id("tenant", bl_tenant_id_is_valid(bl_str_from_c(value), true), value,
                       &arguments->run.tenant);
    case OPTION_ID:
        return take_id("policy", bl_policy_id_is_valid(bl_str_from_c(value)), value,
                       &arguments->run.policy_id);
    case 'm':
        arguments->run.message = value;
        return true;
    case OPTION_AUTHOR:
        arguments->author = value;
        return true;
    case OPTION_PRUNE:
        arguments->run.prune = true;
        return true;
    case OPTION_DRY_RUN:
        arguments->run.dry_run = true;
        return true;
    case OPTION_JSON:
        arguments->run.json = true;
        return true;
    default:
        return take_number(arguments, option, value);
    }
}

static void find_author(struct bl_policy_store_run *run, const char *given) {
    const struct passwd *user = given == NULL ? getpwuid(getuid()) : NULL;

    if (given != NULL) {
        (void)snprintf(run->author, sizeof(run->author), "%s", given);
    } else if (user != NULL) {
        (void)snprintf(run->author, sizeof(run->author), "%s", user->pw_name);
    } else {
        (void)snprintf(run->author, sizeof(run->author), "uid %ld", (long)getuid());
    }
}

/* The settings that count. Without a file the profile does not matter, and nothing is demanded. */
static struct bl_config *load_config(const struct arguments *arguments) {
    struct bl_config_override overrides[2];
    struct bl_config_sources sources = {.path = arguments->config,
                                        .environment = (const char *const *)environ,
                                        .overrides = overrides};
    struct bl_findings *findings = calloc(1, sizeof(*findings));
    struct bl_config *config = NULL;

    if (arguments->config == NULL) {
        overrides[sources.override_count++] = (struct bl_config_override){"", "profile", "dev"};
    }
    if (arguments->store != NULL) {
        overrides[sources.override_count++] =
            (struct bl_config_override){"policies", "store", arguments->store};
    }
    bl_result result = findings == NULL ? BL_FAIL(RESOURCE_EXHAUSTED)
                                        : bl_config_load(&sources, &config, findings);
    if (bl_is_error(result) && findings != NULL) {
        bl_present_findings(stderr, arguments->config != NULL ? arguments->config : "beamline",
                            findings);
    }
    free(findings);
    return bl_is_ok(result) ? config : NULL;
}

static int run_command(const struct command *command, struct arguments *arguments) {
    struct bl_policy_store_run *run = &arguments->run;
    struct bl_config *config = load_config(arguments);
    struct bl_diag diag;
    int code;

    if (config == NULL) {
        return BL_EXIT_FAILED;
    }
    if (!bl_str_is_present(config->policies.store)) {
        fprintf(stderr,
                "beamline policy %s: which store? Add --store FILE, or set "
                "BEAMLINE_POLICIES_STORE or policies.store\n",
                command->name);
        bl_config_destroy(config);
        return BL_EXIT_USAGE;
    }
    struct bl_store_sqlite_options options = {.read_only = !command->writes || run->dry_run,
                                              .create = command->makes_store,
                                              .history_max = config->policies.store_history};
    run->store_path = config->policies.store.data;
    run->directory = config->policies.directory.data;
    run->warn_unknown_keys = config->policies.unknown_keys == 1;
    bl_result result = bl_store_sqlite_open(run->store_path, &options, &run->store, &diag);
    if (bl_is_ok(result)) {
        code = command->run(run);
        bl_store_close(run->store);
    } else {
        code = bl_policy_store_failed(run, result, &diag);
    }
    bl_config_destroy(config);
    return code;
}

/* What the command line itself can get wrong. */
static bool is_usable(const struct command *command, const struct arguments *arguments) {
    const struct bl_policy_store_run *run = &arguments->run;
    bool names_policy = command->argument != NULL && strcmp(command->argument, "ID") == 0;

    if (command->run == bl_policy_store_rollback && run->to == BL_NO_REVISION) {
        fputs("beamline policy rollback: say where to, with --to N; history shows the revisions\n",
              stderr);
        return false;
    }
    if (names_policy && !bl_policy_id_is_valid(bl_str_from_c(run->argument))) {
        fprintf(stderr, "beamline policy %s: '%s' is not a policy id\n", command->name,
                run->argument);
        return false;
    }
    if (run->message != NULL && strlen(run->message) > BL_STORE_MESSAGE_MAX) {
        fprintf(stderr, "beamline policy: the message is longer than %d bytes\n",
                BL_STORE_MESSAGE_MAX);
        return false;
    }
    return true;
}

int bl_cli_policy_store(int argc, char **argv) {
    const struct command *command = find_command(argv[0]);
    struct arguments arguments = {.run = {.command = command->name,
                                          .if_revision = BL_NO_REVISION,
                                          .revision = BL_NO_REVISION,
                                          .to = BL_NO_REVISION,
                                          .limit = LIST_LIMIT_DEFAULT}};
    char title[64]; /* getopt begins its complaints with it */
    int option;

    (void)snprintf(title, sizeof(title), "beamline policy %s", command->name);
    argv[0] = title;
    while ((option = getopt_long(argc, argv, "c:m:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return BL_EXIT_OK;
        }
        if (!takes(command, option)) {
            fprintf(stderr, "beamline policy %s has no option '%s'\n", command->name,
                    argv[optind - 1]);
            option = '?';
        }
        if (option == '?' || !take(&arguments, option, optarg)) {
            fputs("Try: beamline policy put --help\n", stderr);
            return BL_EXIT_USAGE;
        }
    }
    if (argc - optind != (command->argument != NULL ? 1 : 0)) {
        fprintf(stderr, "beamline policy %s: name one %s. Try: beamline policy put --help\n",
                command->name, command->argument != NULL ? command->argument : "store only");
        return BL_EXIT_USAGE;
    }
    arguments.run.argument = command->argument != NULL ? argv[optind] : NULL;
    if (!is_usable(command, &arguments)) {
        return BL_EXIT_USAGE;
    }
    find_author(&arguments.run, arguments.author);
    return run_command(command, &arguments);
}

struct bl_str bl_policy_store_tenant(const struct bl_policy_store_run *run) {
    return bl_str_from_c(run->tenant != NULL ? run->tenant : "demo");
}

struct bl_store_note bl_policy_store_note(const struct bl_policy_store_run *run,
                                          const char *message) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (struct bl_store_note){.author = bl_str_from_c(run->author),
                                  .message =
                                      bl_str_from_c(run->message != NULL ? run->message : message),
                                  .time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}
