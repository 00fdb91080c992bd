/* What members own: who has it, whether the broker must hear of it, and whether all have settled.
 */
#include "bench/groups_member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { GROUPS = 2, MEMBERS = 2, SHARE = 3, COUNT = GROUPS * MEMBERS };

struct fixture {
    struct load load;
    struct members members;
    struct member all[COUNT];
    int32_t owners[COUNT * SHARE];
};

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .load = {.groups = GROUPS, .members = MEMBERS, .group_partitions = SHARE},
    };
    fixture->members = (struct members){
        .load = &fixture->load,
        .all = fixture->all,
        .count = COUNT,
        .owners = fixture->owners,
    };
    memset(fixture->owners, 0xff, sizeof fixture->owners);
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture->all[i].members = &fixture->members;
        fixture->all[i].index = i;
    }
}

static void end(struct fixture *fixture)
{
    for (uint32_t i = 0; i < COUNT; i++)
        free(fixture->all[i].owned);
}

/* True if the member may own these: what may not be ends the program, here a child of the test. */
static bool is_allowed(struct member *member, const int32_t *partitions, uint32_t count)
{
    int state = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        member_own(member, partitions, count);
        _exit(EXIT_SUCCESS);
    }
    assert_int_equal(waitpid(child, &state, 0), child);
    assert_true(WIFEXITED(state));
    return WEXITSTATUS(state) == EXIT_SUCCESS;
}

/* All have settled when each has its whole share, and no longer when one loses a part of it. */
static void test_settled(void **state)
{
    struct fixture fixture;
    const int32_t low[] = {0, 1, 2};
    const int32_t high[] = {3, 4, 5};
    begin(&fixture);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_false(members_have_settled(&fixture.members));
        member_own(&fixture.all[i], i % MEMBERS == 0 ? low : high, SHARE);
    }
    assert_true(members_have_settled(&fixture.members));
    member_own(&fixture.all[1], high, SHARE - 1);
    assert_false(members_have_settled(&fixture.members));
    member_own(&fixture.all[1], high, SHARE);
    assert_true(members_have_settled(&fixture.members));
    end(&fixture);
}

/* The broker must hear of what was taken and of what was given up, and of nothing else. */
static void test_news(void **state)
{
    struct fixture fixture;
    const int32_t partitions[] = {4, 2, 0};
    const int32_t same[] = {0, 4, 2};
    begin(&fixture);
    struct member *member = &fixture.all[0];
    member_own(member, NULL, 0);
    assert_false(member->has_news);
    member_own(member, partitions, 3);
    assert_true(member->has_news);
    member->has_news = false;
    member_own(member, same, 3);
    assert_false(member->has_news);
    member_own(member, same, 2);
    assert_true(member->has_news);
    assert_int_equal(member->owned_count, 2);
    assert_int_equal(fixture.owners[2], -1);
    assert_int_equal(fixture.owners[4], 0);
    end(&fixture);
}

/* A partition has one owner in each group: another may have it when it was given up, and members of
 * another group at any time. What the topic does not have is nobody's. */
static void test_owners(void **state)
{
    struct fixture fixture;
    const int32_t partitions[] = {1, 2};
    const int32_t missing[] = {MEMBERS * SHARE};
    const int32_t negative[] = {-1};
    begin(&fixture);
    member_own(&fixture.all[0], partitions, 2);
    assert_false(is_allowed(&fixture.all[1], partitions + 1, 1));
    assert_true(is_allowed(&fixture.all[2], partitions, 2));
    assert_false(is_allowed(&fixture.all[1], missing, 1));
    assert_false(is_allowed(&fixture.all[1], negative, 1));
    member_own(&fixture.all[0], partitions, 1);
    assert_true(is_allowed(&fixture.all[1], partitions + 1, 1));
    end(&fixture);
}

/* Members stand group by group, and take the lines in turn. */
static void test_places(void **state)
{
    struct fixture fixture;
    begin(&fixture);
    fixture.members.crowd.line_count = 3;
    assert_int_equal(member_group(&fixture.all[1]), 0);
    assert_int_equal(member_group(&fixture.all[2]), 1);
    assert_int_equal(member_line(&fixture.all[2]), 2);
    assert_int_equal(member_line(&fixture.all[3]), 0);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settled),
        cmocka_unit_test(test_news),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
