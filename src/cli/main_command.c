/* Finding the command that the arguments name. */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "build_info.h"
#include "cli/command.h"

static const struct bl_command commands[] = {
    {"serve", "run a router (the production profile unless --profile dev)", bl_cli_serve},
    {"dev", "try it: a NATS server, a router and sample policies in a temporary folder",
     bl_cli_dev},
    {"decide", "ask where a request would go, and why", bl_cli_decide},
    {"policy", "check policies, show how they decide, and keep them in a store", bl_cli_policy},
    {"check", "check a configuration and its policies before a router runs with them",
     bl_cli_check},
    {"worker", "take assignments of pushed requests, as a model for workers of your own",
     bl_cli_worker},
    {"bench", "load a router and report throughput and latency", bl_cli_bench},
    {"version", "version, source and build of this binary", bl_cli_version},
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out) {
    fputs("Usage: beamline COMMAND [options]\n"
          "\n"
          "Beamline Router decides where each piece of AI work goes, by a policy that people can "
          "read.\n"
          "\n"
          "Commands\n",
          out);
    for (size_t i = 0; i < COUNT; i++) {
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n"
          "Examples\n"
          "  beamline dev\n"
          "  beamline decide --tenant demo --explain\n"
          "  beamline policy validate examples/policies/*.yaml\n"
          "\n"
          "Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 nothing answered.\n"
          "More about one: beamline COMMAND --help\n",
          out);
}

int bl_cli_version(int argc, char **argv) {
    (void)argc;
    (void)argv;
    printf("beamline %s, source %.12s%s, %s build, %s\n", bl_version(), bl_source_hash(),
           bl_source_dirty() ? " (changed)" : "", bl_build_lane(), bl_build_compiler());
    return BL_EXIT_OK;
}

static int unknown_command(const char *name) {
    struct bl_str names[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        names[i] = bl_str_from_c(commands[i].name);
    }
    struct bl_str nearest = bl_nearest(bl_str_from_c(name), names, COUNT);
    fprintf(stderr, "beamline: there is no command '%s'", name);
    if (bl_str_is_present(nearest)) {
        fprintf(stderr, "; did you mean %.*s?", BL_STR_ARG(nearest));
    }
    fputs("\nTry: beamline --help\n", stderr);
    return BL_EXIT_USAGE;
}

int bl_cli_main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return BL_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return BL_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        return bl_cli_version(argc, argv);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            static char title[64]; /* getopt begins its complaints with it */
            (void)snprintf(title, sizeof(title), "beamline %s", commands[i].name);
            argv[1] = title;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown_command(argv[1]);
}
