/* Shapes of requests and replies, as the OpenAPI document shows them. Private to this folder. */
#ifndef BL_API_SCHEMAS_H
#define BL_API_SCHEMAS_H

#include <stdbool.h>
#include <stddef.h>

#define BL_SCHEMA_FIELDS_MAX 22

struct bl_schema_field {
    const char *name;
    const char *type; /* JSON's, "any", or the name of a schema; "[" before it = a list of these,
                         "{" = an object whose members are these */
    bool required;
    const char *doc; /* NULL = the name says it */
};

struct bl_schema {
    const char *name;
    const char *doc;
    struct bl_schema_field fields[BL_SCHEMA_FIELDS_MAX]; /* up to the first without a name */
};

extern const struct bl_schema bl_schemas[];
extern const size_t bl_schema_count;

#endif
