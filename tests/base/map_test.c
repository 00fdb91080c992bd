#include "base/map.h"

#include "base/hash.h"
#include "base/list.h"
#include "base/prng.h"
#include "tests/base/check.h"

enum { COUNT = 500 };

struct element {
    struct map_node node;
    uint64_t key;
    bool is_in;
};

static bool element_has_key(const struct map_node *node, const void *key)
{
    const struct element *element = container_of(node, const struct element, node);
    return element->key == *(const uint64_t *)key;
}

static const struct hash_seed seed = {{1, 2}};

static struct element *find(const struct map *map, uint64_t key)
{
    struct map_node *node = map_find(map, hash_u64(seed, key), &key);
    return node == NULL ? NULL : container_of(node, struct element, node);
}

/* What is in is found, what was taken out is not, and each element is met once in a loop. */
static void test_against_plain_set(void **state)
{
    static struct element elements[COUNT];
    struct map map;
    struct prng prng;
    size_t in_count = 0;
    map_init(&map, element_has_key);
    prng_init(&prng, 11);
    for (uint64_t i = 0; i < COUNT; i++)
        elements[i] = (struct element){.key = i};

    for (int step = 0; step < 20000; step++) {
        struct element *element = &elements[prng_below(&prng, COUNT)];
        assert_ptr_equal(find(&map, element->key), element->is_in ? element : NULL);
        if (element->is_in)
            map_remove(&map, &element->node);
        else
            map_insert(&map, &element->node, hash_u64(seed, element->key));
        element->is_in = !element->is_in;
        in_count += element->is_in ? 1 : (size_t)-1;
        assert_int_equal(map.count, in_count);
    }

    size_t met = 0;
    struct map_node *node;
    map_for_each (node, &map) {
        assert_true(container_of(node, struct element, node)->is_in);
        met++;
    }
    assert_int_equal(met, in_count);
    map_deinit(&map);
}

/* Keys with one hash are told apart by the key. */
static void test_same_hash(void **state)
{
    struct element elements[20];
    struct map map;
    map_init(&map, element_has_key);
    for (uint64_t i = 0; i < 20; i++) {
        elements[i].key = i;
        map_insert(&map, &elements[i].node, 99);
    }
    for (uint64_t i = 0; i < 20; i++)
        assert_ptr_equal(map_find(&map, 99, &i), &elements[i].node);
    uint64_t absent = 20;
    assert_null(map_find(&map, 99, &absent));
    map_deinit(&map);
}

/* A loop may remove what it stands on. */
static void test_remove_in_loop(void **state)
{
    static struct element elements[COUNT];
    struct map map;
    map_init(&map, element_has_key);
    for (uint64_t i = 0; i < COUNT; i++) {
        elements[i].key = i;
        map_insert(&map, &elements[i].node, hash_u64(seed, i));
    }
    struct map_node *node;
    struct map_node *following;
    map_for_each_safe(node, following, &map)
    {
        if (container_of(node, struct element, node)->key % 2 == 0)
            map_remove(&map, node);
    }
    assert_int_equal(map.count, COUNT / 2);
    for (uint64_t i = 0; i < COUNT; i++)
        assert_ptr_equal(find(&map, i), i % 2 == 0 ? NULL : &elements[i]);
    map_deinit(&map);
}

static void fill_and_list(struct element *elements, uint64_t *order)
{
    struct map map;
    map_init(&map, element_has_key);
    for (uint64_t i = 0; i < COUNT; i++) {
        elements[i].key = i;
        map_insert(&map, &elements[i].node, hash_u64(seed, i));
    }
    struct map_node *node;
    map_for_each (node, &map)
        *order++ = container_of(node, struct element, node)->key;
    map_deinit(&map);
}

/* Equal histories iterate in equal order, wherever the elements lie. */
static void test_order_is_deterministic(void **state)
{
    static struct element here[COUNT];
    static struct element there[COUNT + 7];
    static uint64_t orders[2][COUNT];
    fill_and_list(here, orders[0]);
    fill_and_list(there + 7, orders[1]);
    assert_memory_equal(orders[0], orders[1], sizeof orders[0]);
}

/* SipHash-1-3 as its authors' reference and others compute it. */
static void test_hash_vectors(void **state)
{
    static const struct {
        struct hash_seed seed;
        const char *text;
        uint64_t hash;
    } vectors[] = {
        {{{0x0706050403020100, 0x0f0e0d0c0b0a0908}}, "", 0xabac0158050fc4dc},
        {{{0, 0}}, "a", 0x407448d2b89b1813},
        {{{0, 0}}, "1234567", 0xa33d651594fdae81},
        {{{0, 0}}, "12345678", 0x3489982430560a87},
        {{{0, 0}}, "123456789", 0x0fbc0f0007965fcf},
        {{{0, 0}}, "the quick brown fox", 0x5a17575ad3449cba},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_true(hash_bytes(vectors[i].seed, bytes_of_text(vectors[i].text)) == vectors[i].hash);
    assert_true(hash_bytes(seed, (struct bytes){0}) == hash_bytes(seed, bytes_of_text("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain_set), cmocka_unit_test(test_same_hash),
        cmocka_unit_test(test_remove_in_loop),    cmocka_unit_test(test_order_is_deterministic),
        cmocka_unit_test(test_hash_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
