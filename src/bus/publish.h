/*
 * Publishing with a reply subject of the bus's own. Internal to src/bus.
 */
#ifndef BL_BUS_PUBLISH_H
#define BL_BUS_PUBLISH_H

#include "bus/bus_private.h"

/* As bl_bus_publish, with `reply` in place of the message's. */
BL_MUST_USE bl_result bl_bus_publish_as(struct bl_bus *bus, const struct bl_bus_outgoing *message,
                                        struct bl_str reply, struct bl_diag *diag);

#endif
