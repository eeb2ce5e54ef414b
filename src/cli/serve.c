/* beamline serve: run a router. */
#include <stdio.h>

#include "app/router.h"
#include "cli/command.h"
#include "cli/router_options.h"

static const char help[] =
    "Usage: beamline serve [options]\n"
    "\n"
    "Runs a router until SIGTERM or SIGINT. Log lines are JSON, on standard output unless\n"
    "logs.file is set. Every setting can also be given as BEAMLINE_<SECTION>_<KEY>.\n"
    "\n" BL_ROUTER_OPTIONS_HELP "\n"
    "Examples\n"
    "  beamline check --config router.yaml && beamline serve --config router.yaml\n"
    "  beamline serve --profile dev --policies examples/tenants\n"
    "  BEAMLINE_LOGS_LEVEL=debug beamline serve --config router.yaml\n"
    "\n"
    "Signals: SIGTERM and SIGINT stop in order, a second one at once; SIGHUP reads configuration\n"
    "and policies again, and reopens the log.\n"
    "\n"
    "Exit code: 0 stopped in order, 1 could not run, 2 wrong usage.\n";

static const struct option long_options[] = {
    BL_ROUTER_LONG_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int bl_cli_serve(int argc, char **argv) {
    struct bl_router_arguments arguments;
    struct bl_diag diag;
    int option;

    bl_router_arguments_init(&arguments);
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return BL_EXIT_OK;
        }
        if (!bl_router_arguments_take(&arguments, option, optarg)) {
            fputs("Try: beamline serve --help\n", stderr);
            return BL_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "beamline serve: unexpected argument '%s'\n", argv[optind]);
        return BL_EXIT_USAGE;
    }
    struct bl_config *config = bl_router_arguments_load(&arguments);
    if (config == NULL) {
        fputs("beamline serve: not started. To see all settings: beamline check --dump\n", stderr);
        return BL_EXIT_FAILED;
    }
    const struct bl_router_options options = {.sources = arguments.sources};
    if (bl_is_error(bl_router_run(config, &options, &diag))) {
        fprintf(stderr, "beamline serve: %s%s%s\n", diag.path, diag.path[0] != '\0' ? ": " : "",
                diag.message);
        if (diag.hint[0] != '\0') {
            fprintf(stderr, "    hint: %s\n", diag.hint);
        }
        return BL_EXIT_FAILED;
    }
    return BL_EXIT_OK;
}
