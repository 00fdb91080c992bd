#include "base/trace.h"

#include "base/assert.h"

#include <stddef.h>

enum { TRACE_HASH_START = 0x1000193 };

void trace_init(struct trace *trace)
{
    *trace = (struct trace){.hash = TRACE_HASH_START};
}

/* FNV-1a, one byte after the other: slow enough to be simple, fast enough for a simulator. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

void trace_note(struct trace *trace, const char *subject, const char *event, int64_t number)
{
    assert(subject != NULL);
    assert(event != NULL);
    uint64_t hash = hash_text(hash_text(trace->hash, subject), event);
    trace->hash = (hash ^ (uint64_t)number) * 0x9e3779b97f4a7c15u;
    trace->count++;
    if (trace->sink != NULL)
        trace->sink(trace->context, subject, event, number);
}
