/* Checksums, hash map, list, timers. */
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/timer_wheel.h"
#include "tests/micro/micro.h"

#include <stdlib.h>

static void free_context(void *context)
{
    free(context);
}

/* --- Checksums -------------------------------------------------------------------------------- */

struct block {
    size_t size;
    uint8_t data[];
};

static void *block_begin(int size)
{
    struct block *block = micro_allocate(sizeof *block + (size_t)size);
    block->size = (size_t)size;
    return block;
}

static void run_crc(void *context, uint64_t count)
{
    const struct block *block = context;
    uint32_t crc = 0;
    for (uint64_t i = 0; i < count; i++)
        crc = crc32c(crc, block->data, block->size);
    micro_use(crc);
}

/* --- A map of many ---------------------------------------------------------------------------- */

enum { MAPPED_COUNT = 10000 };

struct mapped {
    struct map_node node;
    uint64_t key;
};

struct mapping {
    struct map map;
    struct mapped all[MAPPED_COUNT];
};

static const struct hash_seed seed = {{1, 2}};

static bool mapped_has_key(const struct map_node *node, const void *key)
{
    return container_of(node, struct mapped, node)->key == *(const uint64_t *)key;
}

static void *map_begin(int argument)
{
    struct mapping *mapping = micro_allocate(sizeof *mapping);
    map_init(&mapping->map, mapped_has_key);
    for (uint64_t i = 0; i < MAPPED_COUNT; i++) {
        mapping->all[i].key = i;
        map_insert(&mapping->map, &mapping->all[i].node, hash_u64(seed, i));
    }
    return mapping;
}

static void run_map_find(void *context, uint64_t count)
{
    struct mapping *mapping = context;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = i * 7919 % MAPPED_COUNT;
        micro_use((uint64_t)(uintptr_t)map_find(&mapping->map, hash_u64(seed, key), &key));
    }
}

static void run_map_exchange(void *context, uint64_t count)
{
    struct mapping *mapping = context;
    for (uint64_t i = 0; i < count; i++) {
        struct mapped *mapped = &mapping->all[i * 7919 % MAPPED_COUNT];
        map_remove(&mapping->map, &mapped->node);
        map_insert(&mapping->map, &mapped->node, hash_u64(seed, mapped->key));
    }
}

static void map_end(void *context)
{
    struct mapping *mapping = context;
    map_deinit(&mapping->map);
    free(mapping);
}

/* --- Lists and timers ------------------------------------------------------------------------- */

static void run_list(void *context, uint64_t count)
{
    struct list list;
    struct list_node nodes[16];
    list_init(&list);
    for (int i = 0; i < 16; i++)
        list_push_back(&list, &nodes[i]);
    for (uint64_t i = 0; i < count; i++) {
        struct list_node *node = &nodes[i % 16];
        list_remove(node);
        list_push_back(&list, node);
    }
    micro_use((uint64_t)(uintptr_t)list.head.next);
}

enum { TIMER_COUNT = 10000 };

struct timing {
    struct timer_wheel wheel;
    struct timer timers[TIMER_COUNT];
};

static void timer_fired(struct timer *timer)
{
    micro_use(timer->deadline);
}

static void *timers_begin(int argument)
{
    struct timing *timing = micro_allocate(sizeof *timing);
    timer_wheel_init(&timing->wheel, 0);
    for (uint64_t i = 0; i < TIMER_COUNT; i++) {
        timer_init(&timing->timers[i], timer_fired);
        timer_start(&timing->wheel, &timing->timers[i], 500000000 + i * 1000);
    }
    return timing;
}

static void run_timer_restart(void *context, uint64_t count)
{
    struct timing *timing = context;
    for (uint64_t i = 0; i < count; i++) {
        struct timer *timer = &timing->timers[i % TIMER_COUNT];
        timer_cancel(&timing->wheel, timer);
        timer_start(&timing->wheel, timer, timing->wheel.now + 500000000 + i % 4096);
    }
}

/* Half a millisecond away among 10,000 that wait for longer. */
static void run_timer_fire(void *context, uint64_t count)
{
    struct timing *timing = context;
    struct timer timer;
    timer_init(&timer, timer_fired);
    for (uint64_t i = 0; i < count; i++) {
        timer_start(&timing->wheel, &timer, timing->wheel.now + 500);
        timer_wheel_advance(&timing->wheel, timing->wheel.now + 500);
    }
}

struct micro_table micro_base(void)
{
    static const struct micro rows[] = {
        {"crc32c, 64 bytes", block_begin, run_crc, free_context, 64},
        {"crc32c, 1 KiB", block_begin, run_crc, free_context, 1024},
        {"crc32c, 64 KiB", block_begin, run_crc, free_context, 65536},
        {"map: find one of 10,000", map_begin, run_map_find, map_end, 0},
        {"map: take out and put in", map_begin, run_map_exchange, map_end, 0},
        {"list: take out and put in", NULL, run_list, NULL, 0},
        {"timer wheel: cancel and start, of 10,000", timers_begin, run_timer_restart, free_context,
         0},
        {"timer wheel: start and fire, of 10,000", timers_begin, run_timer_fire, free_context, 0},
    };
    return (struct micro_table){rows, sizeof rows / sizeof rows[0]};
}
