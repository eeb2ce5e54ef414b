/*
 * What the settings mean to a connection to NATS, in one place: what starts a router and what only
 * checks a configuration cannot disagree about it.
 */
#ifndef BL_APP_BUS_SETTINGS_H
#define BL_APP_BUS_SETTINGS_H

#include "app/config.h"
#include "bus/bus.h"

/* Describes the connections. `token` and `password` are the secrets, NUL-terminated or absent.
 * `servers` is storage for the list, filled up to its end and read through `out`. All texts are
 * borrowed from the configuration and the arguments. Any thread. */
void bl_bus_settings_describe(const struct bl_config *config, struct bl_str token,
                              struct bl_str password, const char *servers[BL_BUS_SERVERS_MAX],
                              struct bl_bus_config *out);

/* Adds what connections and subscriptions would refuse, without opening a file or resolving a
 * secret. Any thread. */
void bl_bus_settings_check(const struct bl_config *config, struct bl_findings *findings);

#endif
