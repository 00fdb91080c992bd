/* Java's properties files, the syntax of server.properties:
 *
 *   # comment            ! comment
 *   name=value           name: value          name value
 *   name = a, \          a line that ends in a backslash goes on
 *          b             with the next, whose leading blanks do not count
 *   name = \t \n \r \f \u00e9 \\ \= \:        escapes; any other letter stands for itself
 *
 * Pure; one entry at a time, texts from the caller's arena. */
#ifndef TAILRACE_CLUSTER_PROPERTIES_H
#define TAILRACE_CLUSTER_PROPERTIES_H

#include "base/bytes.h"

struct properties {
    struct bytes text;
    size_t position;
    uint32_t line; /* of the next character, from 1 */
};

struct property {
    uint32_t line; /* where it begins */
    const char *name;
    const char *value;   /* without blanks at its start */
    const char *problem; /* NULL, or what is wrong with it; name and value are as far as read */
};

void properties_init(struct properties *properties, struct bytes text);

/* The next entry; false at the end of the text. STATUS_NO_MEMORY shows as a problem too. */
bool properties_next(struct properties *properties, struct arena *arena, struct property *property);

#endif
