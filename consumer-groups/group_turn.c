/* Memory is counted by what was asked for, not by what the allocator took for it: the count has to
 * come out at zero in the end, which the tests check. */
#include "consumer-groups/group_turn.h"

#include "base/assert.h"
#include "consumer-groups/group_writer.h"

#include <stdlib.h>
#include <string.h>

void group_turn_fail(struct group_turn *turn)
{
    assert(turn->writer != NULL);
    turn->writer->status = STATUS_NO_MEMORY;
}

void group_turn_answer(struct group_turn *turn, struct group_call *call)
{
    assert(!list_node_is_linked(&call->node));
    assert(!call->is_answered);
    list_push_back(&turn->answered, &call->node);
}

bool group_memory_has_room(const struct group_memory *memory, size_t size)
{
    size_t used_bytes = memory->used_bytes;
    return used_bytes <= memory->limit_bytes && size <= memory->limit_bytes - used_bytes;
}

void *group_memory_allocate(struct group_memory *memory, size_t size)
{
    if (!memory->is_restoring && !group_memory_has_room(memory, size))
        return NULL;
    void *object = calloc(1, size > 0 ? size : 1);
    if (object != NULL)
        memory->used_bytes += size;
    return object;
}

void group_memory_free(struct group_memory *memory, void *object, size_t size)
{
    if (object == NULL)
        return;
    assert(memory->used_bytes >= size);
    memory->used_bytes -= size;
    free(object);
}

bool group_memory_note(struct group_memory *memory, size_t size)
{
    if (!group_memory_has_room(memory, size))
        return false;
    memory->used_bytes += size;
    return true;
}

void group_memory_forget(struct group_memory *memory, size_t size)
{
    assert(memory->used_bytes >= size);
    memory->used_bytes -= size;
}

bool group_memory_copy(struct group_memory *memory, struct bytes *to, struct bytes from)
{
    assert(to != NULL);
    *to = from;
    if (bytes_are_null(from))
        return true;
    uint8_t *copy = group_memory_allocate(memory, from.size);
    if (copy == NULL) {
        *to = (struct bytes){NULL, 0};
        return false;
    }
    memcpy(copy, from.data, from.size);
    *to = bytes_of(copy, from.size);
    return true;
}

void group_memory_free_copy(struct group_memory *memory, struct bytes *copy)
{
    /* Only copies come here, so the memory is ours to free. */
    group_memory_free(memory, (void *)(uintptr_t)copy->data, copy->size);
    *copy = (struct bytes){NULL, 0};
}
