#include "cli/router_options.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/present.h"

void bl_router_arguments_init(struct bl_router_arguments *arguments) {
    *arguments = (struct bl_router_arguments){0};
    arguments->sources.environment = (const char *const *)environ;
    arguments->sources.overrides = arguments->overrides;
}

bool bl_router_arguments_take(struct bl_router_arguments *arguments, int option,
                              const char *value) {
    static const struct {
        int option;
        const char *section;
        const char *key;
    } overrides[] = {
        {BL_OPTION_PROFILE, "", "profile"},
        {BL_OPTION_NATS, "nats", "url"},
        {BL_OPTION_POLICIES, "policies", "directory"},
        {BL_OPTION_STORE, "policies", "store"},
        {BL_OPTION_METRICS, "metrics", "file"},
    };

    if (option == 'c') {
        arguments->sources.path = value;
        return true;
    }
    for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
        if (overrides[i].option == option) {
            assert(arguments->sources.override_count < BL_ROUTER_OVERRIDES_MAX);
            arguments->overrides[arguments->sources.override_count++] =
                (struct bl_config_override){overrides[i].section, overrides[i].key, value};
            return true;
        }
    }
    return false;
}

struct bl_config *bl_router_arguments_load(const struct bl_router_arguments *arguments) {
    struct bl_findings *findings = calloc(1, sizeof(*findings));
    struct bl_config *config = NULL;

    if (findings == NULL) {
        return NULL;
    }
    bl_result result = bl_config_load(&arguments->sources, &config, findings);
    bl_present_findings(
        stderr, arguments->sources.path != NULL ? arguments->sources.path : "beamline", findings);
    free(findings);
    return bl_is_ok(result) ? config : NULL;
}
