/* The options that serve and check share: which configuration, and what overrides it. */
#ifndef BL_CLI_ROUTER_OPTIONS_H
#define BL_CLI_ROUTER_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "app/config.h"

#define BL_ROUTER_OVERRIDES_MAX 8

struct bl_router_arguments {
    struct bl_config_sources sources;
    struct bl_config_override overrides[BL_ROUTER_OVERRIDES_MAX];
};

enum {
    BL_OPTION_PROFILE = 1000,
    BL_OPTION_NATS,
    BL_OPTION_POLICIES,
    BL_OPTION_STORE,
    BL_OPTION_METRICS
};

#define BL_ROUTER_LONG_OPTIONS                                                                     \
    {"config", required_argument, NULL, 'c'},                                                      \
        {"profile", required_argument, NULL, BL_OPTION_PROFILE},                                   \
        {"nats", required_argument, NULL, BL_OPTION_NATS},                                         \
        {"policies", required_argument, NULL, BL_OPTION_POLICIES},                                 \
        {"store", required_argument, NULL, BL_OPTION_STORE}, {                                     \
        "metrics-file", required_argument, NULL, BL_OPTION_METRICS                                 \
    }

#define BL_ROUTER_OPTIONS_HELP                                                                     \
    "  -c, --config FILE        YAML file; see docs/configuration.md\n"                            \
    "      --profile NAME       production (default) or dev\n"                                     \
    "      --nats URL           overrides nats.url\n"                                              \
    "      --policies FOLDER    overrides policies.directory\n"                                    \
    "      --store FILE         overrides policies.store\n"                                        \
    "      --metrics-file FILE  overrides metrics.file\n"

/* Begins with the process's environment. */
void bl_router_arguments_init(struct bl_router_arguments *arguments);

/* Whether `option` was one of these; then it is noted. */
bool bl_router_arguments_take(struct bl_router_arguments *arguments, int option, const char *value);

/* Loads the configuration; findings go to stderr. NULL if it is not good. */
struct bl_config *bl_router_arguments_load(const struct bl_router_arguments *arguments);

#endif
