#include "sim/story.h"

#include "base/assert.h"

#include <stdarg.h>

void verdict_fail(struct verdict *verdict, enum outcome outcome, const char *reason, ...)
{
    assert(outcome != OUTCOME_GOOD);
    if (verdict->outcome != OUTCOME_GOOD)
        return;
    verdict->outcome = outcome;
    va_list arguments;
    va_start(arguments, reason);
    vsnprintf(verdict->reason, sizeof verdict->reason, reason, arguments);
    va_end(arguments);
}
