#include "bench/comparison.h"

#include "base/assert.h"
#include "bench/figure.h"
#include "bench/range.h"

static json_t *range_json(const struct range *range)
{
    return json_pack("{s:f, s:f, s:f}", "median", range->median, "min", range->min, "max",
                     range->max);
}

/* How many there are; 0 if one of them does not have the figure. */
static uint32_t find_values(const struct figure *figure, json_t *results,
                            double values[static COMPARE_ROUNDS_MAX])
{
    size_t i;
    json_t *result;
    json_array_foreach(results, i, result)
    {
        assert(i < COMPARE_ROUNDS_MAX);
        if (!figure_find(figure, result, &values[i]))
            return 0;
    }
    return (uint32_t)json_array_size(results);
}

static void add_ratio(json_t *ratios, const char *name, const double *first, const double *other,
                      uint32_t count)
{
    struct range ratio;
    if (!range_of_ratios(first, other, count, &ratio))
        return;
    json_t *object = range_json(&ratio);
    json_object_set_new(object, "is_decided", json_boolean(range_is_decided(&ratio)));
    json_object_set_new(ratios, name, object);
}

/* Fills both; false if somebody does not have it. */
static bool add_values(const struct figure *figure, json_t *results, json_t *values, json_t *ratios)
{
    double first[COMPARE_ROUNDS_MAX];
    double other[COMPARE_ROUNDS_MAX];
    uint32_t first_count = 0;
    const char *name;
    json_t *list;
    json_object_foreach(results, name, list)
    {
        double *now = first_count == 0 ? first : other;
        uint32_t count = find_values(figure, list, now);
        if (count == 0)
            return false;
        struct range range = range_of(now, count);
        json_object_set_new(values, name, range_json(&range));
        if (first_count > 0)
            add_ratio(ratios, name, first, other, count < first_count ? count : first_count);
        else
            first_count = count;
    }
    return true;
}

json_t *comparison_figures(json_t *results)
{
    uint32_t count;
    const struct figure *all = figure_all(&count);
    json_t *figures = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *values = json_object();
        json_t *ratios = json_object();
        if (add_values(&all[i], results, values, ratios))
            json_array_append_new(figures, json_pack("{s:s, s:s, s:b, s:O, s:O}", "name",
                                                     all[i].name, "title", all[i].title,
                                                     "more_is_better", all[i].more_is_better,
                                                     "values", values, "ratios", ratios));
        json_decref(values);
        json_decref(ratios);
    }
    return figures;
}
