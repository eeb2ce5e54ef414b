/*
 * The commands of `beamline`, one file each.
 */
#ifndef BL_CLI_COMMAND_H
#define BL_CLI_COMMAND_H

/* Exit codes, the same for all commands. */
enum bl_exit {
    BL_EXIT_OK = 0,
    BL_EXIT_FAILED = 1,      /* a check found errors, a request was refused, a run failed */
    BL_EXIT_USAGE = 2,       /* wrong options or arguments */
    BL_EXIT_UNREACHABLE = 3, /* no server, or no router answered */
    BL_EXIT_CHANGED = 4,     /* a backtest changes more than was allowed */
};

struct bl_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is "beamline" and its name */
};

/* Runs the command that the arguments name. The whole of main. */
int bl_cli_main(int argc, char **argv);

int bl_cli_serve(int argc, char **argv);
int bl_cli_dev(int argc, char **argv);
int bl_cli_decide(int argc, char **argv);
int bl_cli_policy(int argc, char **argv);
int bl_cli_policy_store(int argc, char **argv); /* policy put, get, …; see policy_store.h */
int bl_cli_check(int argc, char **argv);
int bl_cli_bench(int argc, char **argv);
int bl_cli_worker(int argc, char **argv);
int bl_cli_version(int argc, char **argv);

#endif
