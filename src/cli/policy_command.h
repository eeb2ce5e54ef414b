/*
 * The subcommands of `beamline policy`, one file each, and the options that they share.
 */
#ifndef BL_CLI_POLICY_COMMAND_H
#define BL_CLI_POLICY_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"

#define BL_RECORDINGS_MAX 64

struct bl_policy_command {
    const char *tenant, *request_file, *variables_file;
    const char *against;
    const char *records[BL_RECORDINGS_MAX];
    size_t record_count;
    double max_changed; /* percent; below 0 = no bound */
    bool json, quiet, diff;
};

/* Each gets the arguments behind its own name, and returns an exit code. */
int bl_cli_policy_eval(int count, char **arguments, const struct bl_policy_command *command);
int bl_cli_policy_lint(int count, char **files, const struct bl_policy_command *command);
int bl_cli_policy_diff(int count, char **files, const struct bl_policy_command *command);
int bl_cli_policy_backtest(int count, char **files, const struct bl_policy_command *command);
int bl_cli_policy_migrate(int count, char **files, const struct bl_policy_command *command);

#endif
