#include "consumer-groups/assignor.h"

const struct assignor *assignor_by_name(struct bytes name)
{
    static const struct assignor *const all[] = {&assignor_uniform, &assignor_range};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (bytes_equal_text(name, all[i]->name))
            return all[i];
    }
    return NULL;
}
