/*
 * The subcommands of `beamline policy`, one file each, and the options that they share.
 */
#ifndef BL_CLI_POLICY_COMMAND_H
#define BL_CLI_POLICY_COMMAND_H

#include <stdbool.h>

#include "cli/command.h"

struct bl_policy_command {
    const char *tenant, *request_file, *variables_file;
    bool json, quiet, diff;
};

/* Each gets the arguments behind its own name, and returns an exit code. */
int bl_cli_policy_eval(int count, char **arguments, const struct bl_policy_command *command);
int bl_cli_policy_lint(int count, char **files, const struct bl_policy_command *command);
int bl_cli_policy_diff(int count, char **files, const struct bl_policy_command *command);
int bl_cli_policy_migrate(int count, char **files, const struct bl_policy_command *command);

#endif
