#include "base/list.h"

#include "tests/base/check.h"

struct element {
    int value;
    struct list_node node;
};

static void expect(const struct list *list, const int *values, int count)
{
    const struct element *element;
    int i = 0;
    list_for_each_entry (element, list, node) {
        assert_true(i < count);
        assert_int_equal(element->value, values[i++]);
    }
    assert_int_equal(i, count);
    assert_int_equal(list_is_empty(list), count == 0);
}

/* Elements stand where they were put: front, back, or before another. */
static void test_order(void **state)
{
    struct element elements[] = {{.value = 0}, {.value = 1}, {.value = 2}};
    struct list list;
    list_init(&list);
    expect(&list, NULL, 0);
    assert_null(list_first(&list));
    assert_null(list_last(&list));
    list_push_back(&list, &elements[1].node);
    list_push_front(&list, &elements[0].node);
    list_insert_before(&elements[1].node, &elements[2].node);
    expect(&list, (int[]){0, 2, 1}, 3);
    assert_ptr_equal(list_first(&list), &elements[0].node);
    assert_ptr_equal(list_last(&list), &elements[1].node);
}

/* A removed node knows that it is on no list; removing it again does nothing. */
static void test_remove(void **state)
{
    struct element elements[] = {{.value = 0}, {.value = 1}, {.value = 2}};
    struct list list;
    list_init(&list);
    for (int i = 0; i < 3; i++)
        list_push_back(&list, &elements[i].node);
    list_remove(&elements[1].node);
    list_remove(&elements[1].node);
    assert_false(list_node_is_linked(&elements[1].node));
    assert_true(list_node_is_linked(&elements[0].node));
    expect(&list, (int[]){0, 2}, 2);
    assert_ptr_equal(list_pop_front(&list), &elements[0].node);
    assert_ptr_equal(list_pop_front(&list), &elements[2].node);
    assert_null(list_pop_front(&list));
}

/* Appending moves all nodes in order and leaves the other list empty. */
static void test_append(void **state)
{
    struct element elements[] = {{.value = 0}, {.value = 1}, {.value = 2}};
    struct list to;
    struct list from;
    list_init(&to);
    list_init(&from);
    list_append(&to, &from);
    expect(&to, NULL, 0);
    list_push_back(&to, &elements[0].node);
    list_push_back(&from, &elements[1].node);
    list_push_back(&from, &elements[2].node);
    list_append(&to, &from);
    expect(&to, (int[]){0, 1, 2}, 3);
    expect(&from, NULL, 0);
}

/* The safe loop survives the removal of the element it stands on. */
static void test_remove_in_loop(void **state)
{
    struct element elements[6];
    struct element *element;
    struct element *following;
    struct list list;
    list_init(&list);
    for (int i = 0; i < 6; i++) {
        elements[i].value = i;
        list_push_back(&list, &elements[i].node);
    }
    list_for_each_entry_safe (element, following, &list, node) {
        if (element->value % 2 == 0)
            list_remove(&element->node);
    }
    expect(&list, (int[]){1, 3, 5}, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_remove_in_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
