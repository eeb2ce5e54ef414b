/* How a client command logs in to NATS: options, else the environment that a router reads, too. */
#ifndef BL_CLI_LOGIN_H
#define BL_CLI_LOGIN_H

#include <getopt.h>
#include <stdbool.h>

#include "base/secret.h"
#include "client/link.h"

struct bl_login {
    const char *user, *password_file, *token_file, *credentials_file; /* as options name them */
    struct bl_link_target target; /* url is set by the command; the rest by bl_login_resolve */
    struct bl_secret password, token;
};

enum { BL_OPTION_USER = 2000, BL_OPTION_PASSWORD_FILE, BL_OPTION_TOKEN_FILE, BL_OPTION_CREDS };

#define BL_LOGIN_LONG_OPTIONS                                                                      \
    {"user", required_argument, NULL, BL_OPTION_USER},                                             \
        {"password-file", required_argument, NULL, BL_OPTION_PASSWORD_FILE},                       \
        {"token-file", required_argument, NULL, BL_OPTION_TOKEN_FILE}, {                           \
        "creds", required_argument, NULL, BL_OPTION_CREDS                                          \
    }

#define BL_LOGIN_OPTIONS_HELP                                                                      \
    "      --user NAME, --password-file FILE\n"                                                    \
    "                           log in to NATS; or --token-file FILE, or --creds FILE (JWT and\n"  \
    "                           seed). Default: $BEAMLINE_NATS_USER, _PASSWORD, _TOKEN,\n"         \
    "                           _CREDENTIALS_FILE; secrets as file:PATH, credential:NAME or\n"     \
    "                           env:NAME\n"

/* Whether `option` was one of these; then it is noted. `value` is borrowed. */
bool bl_login_take(struct bl_login *login, int option, const char *value);

/* Reads what the options name, or the environment if there are none of them. Errors:
 * INVALID_REQUEST with cause and cure in `diag`, RESOURCE_EXHAUSTED. Ended by bl_login_fini. */
BL_MUST_USE bl_result bl_login_resolve(struct bl_login *login, struct bl_diag *diag);

void bl_login_fini(struct bl_login *login);

#endif
