/*
 * Configuration of a bus: check, copy, and turn into libnats' options. Internal to src/bus.
 */
#ifndef BL_BUS_BUS_CONFIG_H
#define BL_BUS_BUS_CONFIG_H

#include <nats/nats.h>

#include "bus/bus.h"

/* A copy that owns its strings, after all of it was found valid. Fails with INVALID_REQUEST
 * (`diag.path` names the setting) or RESOURCE_EXHAUSTED; then there is nothing to free. */
BL_MUST_USE bl_result bl_bus_config_copy(const struct bl_bus_config *from, struct bl_bus_config *to,
                                         struct bl_diag *diag);

/* Frees a copy; secrets are wiped first. */
void bl_bus_config_free(struct bl_bus_config *config);

/* Whether server `index` is reached with TLS. */
bool bl_bus_config_is_tls(const struct bl_bus_config *config, size_t index);

/* New options for one attempt to connect to server `index`. Reads the files of TLS and credentials.
 * Fails with INVALID_REQUEST or RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_bus_config_options(const struct bl_bus_config *config, size_t index,
                                            natsOptions **out, struct bl_diag *diag);

#endif
