#include "bench/range.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

struct range range_of(const double *values, uint32_t count)
{
    double sorted[RANGE_VALUES_MAX];
    assert(count > 0);
    assert(count <= RANGE_VALUES_MAX);
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    uint32_t middle = count / 2;
    double median = count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return (struct range){.median = median, .min = sorted[0], .max = sorted[count - 1]};
}

bool range_of_ratios(const double *a, const double *b, uint32_t count, struct range *ratios)
{
    double values[RANGE_VALUES_MAX];
    uint32_t found = 0;
    assert(count <= RANGE_VALUES_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (b[i] > 0)
            values[found++] = a[i] / b[i];
    if (found > 0)
        *ratios = range_of(values, found);
    return found > 0;
}

bool range_is_decided(const struct range *ratios)
{
    assert(ratios->min <= ratios->max);
    return ratios->min > 1 || ratios->max < 1;
}
