/* The assignors that there are, by our short names and by Kafka's class names: settings that were
 * written for Kafka may have either. */
#include "consumer-groups/assignor.h"

#include "base/assert.h"
#include "base/text.h"

#include <stddef.h>

struct known {
    const struct assignor *assignor;
    const char *class_name; /* Kafka's */
};

static const struct known known[ASSIGNORS_MAX] = {
    {&assignor_uniform, "org.apache.kafka.coordinator.group.assignor.UniformAssignor"},
    {&assignor_range, "org.apache.kafka.coordinator.group.assignor.RangeAssignor"},
};

const struct assignor *assignor_by_name(struct bytes name)
{
    for (size_t i = 0; i < ASSIGNORS_MAX; i++)
        if (bytes_equal_text(name, known[i].assignor->name) ||
            bytes_equal_text(name, known[i].class_name))
            return known[i].assignor;
    return NULL;
}

void assignor_list_parse(struct assignor_list *list, struct bytes names)
{
    struct bytes item;
    *list = (struct assignor_list){.count = 0};
    while (text_next_item(&names, ',', &item)) {
        const struct assignor *assignor = assignor_by_name(item);
        if (assignor == NULL || assignor_list_find(list, bytes_of_text(assignor->name)) != NULL)
            continue;
        assert(list->count < ASSIGNORS_MAX);
        list->items[list->count++] = assignor;
    }
}

const struct assignor *assignor_list_find(const struct assignor_list *list, struct bytes name)
{
    assert(list->count <= ASSIGNORS_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        if (bytes_equal_text(name, list->items[i]->name))
            return list->items[i];
    return NULL;
}
