#include "consumer-groups/group_identity.h"

#include "tests/consumer-groups/check.h"

#include <stdlib.h>

static struct bytes id_of(struct arena *arena, struct bytes instance_id, struct bytes client_id)
{
    const struct uuid fresh = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xab, 0xff}};
    struct bytes member_id;
    assert_true(group_identity_make_id(arena, instance_id, client_id, fresh, &member_id));
    return member_id;
}

/* The id is the instance id, or else the client id, and a UUID. */
static void test_ids_are_kafkas(void **state)
{
    struct arena arena;
    const struct bytes none = {NULL, 0};
    arena_init(&arena, 1u << 20);
    assert_true(bytes_equal_text(id_of(&arena, none, bytes_of_text("client")),
                                 "client-00010203-0405-0607-0809-0a0b0c0dabff"));
    assert_true(bytes_equal_text(id_of(&arena, bytes_of_text("i"), bytes_of_text("client")),
                                 "i-00010203-0405-0607-0809-0a0b0c0dabff"));
    assert_true(
        bytes_equal_text(id_of(&arena, none, none), "-00010203-0405-0607-0809-0a0b0c0dabff"));
    arena_deinit(&arena);
}

/* However long the client's name is, the id fits into a string of the wire. */
static void test_ids_fit(void **state)
{
    struct arena arena;
    const struct bytes none = {NULL, 0};
    char *name = calloc(1, INT16_MAX);
    memset(name, 'n', INT16_MAX);
    arena_init(&arena, 1u << 20);
    assert_int_equal(id_of(&arena, none, bytes_of(name, INT16_MAX)).size, INT16_MAX);
    assert_int_equal(id_of(&arena, none, bytes_of(name, INT16_MAX - 37)).size, INT16_MAX);
    assert_int_equal(id_of(&arena, none, bytes_of(name, INT16_MAX - 38)).size, INT16_MAX - 1);
    arena_deinit(&arena);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_kafkas),
        cmocka_unit_test(test_ids_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
