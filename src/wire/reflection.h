/*
 * gRPC server reflection (grpc.reflection.v1 and v1alpha, whose messages are the same): what services
 * there are, and the descriptors of their files, so that tools can call them without .proto files.
 * Pure: descriptors in, reply out.
 */
#ifndef BL_WIRE_REFLECTION_H
#define BL_WIRE_REFLECTION_H

#include "base/buf.h"
#include "base/str.h"

struct bl_reflection {
    struct bl_str descriptors;   /* a FileDescriptorSet */
    const char *const *services; /* full names of those that are served here; NULL ends */
};

/* Answers one ServerReflectionRequest with a ServerReflectionResponse, errors included. False: the
 * request is no protobuf, or the reply does not fit. */
bool bl_reflection_answer(const struct bl_reflection *reflection, struct bl_str request,
                          struct bl_buf *reply);

#endif
