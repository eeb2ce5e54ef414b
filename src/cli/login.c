#include "cli/login.h"

#include <stdio.h>
#include <stdlib.h>

#include "secret/reference.h"

bool bl_login_take(struct bl_login *login, int option, const char *value) {
    switch (option) {
    case BL_OPTION_USER:
        login->user = value;
        return true;
    case BL_OPTION_PASSWORD_FILE:
        login->password_file = value;
        return true;
    case BL_OPTION_TOKEN_FILE:
        login->token_file = value;
        return true;
    case BL_OPTION_CREDS:
        login->credentials_file = value;
        return true;
    default:
        return false;
    }
}

static bl_result read_secret(const char *file, struct bl_secret *secret, struct bl_diag *diag) {
    char reference[4096];

    if (file == NULL) {
        return BL_OK;
    }
    (void)snprintf(reference, sizeof(reference), "file:%s", file);
    return bl_secret_resolve(bl_str_from_c(reference), true, secret, diag);
}

static const char *variable(const char *name) {
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bl_result read_variable(const char *name, struct bl_secret *secret, struct bl_diag *diag) {
    bl_diag_path(diag, "%s", name);
    BL_TRY(bl_secret_resolve(bl_str_from_c(variable(name)), true, secret, diag));
    bl_diag_path(diag, "%s", "");
    return BL_OK;
}

/* A login is taken whole from one place: half of one and half of another would be neither. */
bl_result bl_login_resolve(struct bl_login *login, struct bl_diag *diag) {
    struct bl_link_target *target = &login->target;
    bool by_options = login->user != NULL || login->password_file != NULL ||
                      login->token_file != NULL || login->credentials_file != NULL;

    if (by_options) {
        target->user = login->user;
        target->credentials_file = login->credentials_file;
        BL_TRY(read_secret(login->password_file, &login->password, diag));
        BL_TRY(read_secret(login->token_file, &login->token, diag));
    } else {
        target->user = variable("BEAMLINE_NATS_USER");
        target->credentials_file = variable("BEAMLINE_NATS_CREDENTIALS_FILE");
        BL_TRY(read_variable("BEAMLINE_NATS_PASSWORD", &login->password, diag));
        BL_TRY(read_variable("BEAMLINE_NATS_TOKEN", &login->token, diag));
    }
    target->password = bl_secret_bytes(&login->password).data;
    target->token = bl_secret_bytes(&login->token).data;
    if ((target->user == NULL) != (target->password == NULL)) {
        bl_diag_message(diag, "a user and its password go together");
        bl_diag_hint(diag, "--user NAME --password-file FILE");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

void bl_login_fini(struct bl_login *login) {
    bl_secret_fini(&login->password);
    bl_secret_fini(&login->token);
}
