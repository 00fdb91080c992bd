#include "base/op.h"

#include "base/assert.h"
#include "base/status.h"
#include "tests/base/check.h"

#include <stdio.h>
#include <string.h>

/* An operation in three stages, as the broker has them: ask two things, then one, then answer. */
enum { ERRAND_ASK, ERRAND_CARRY, ERRAND_ANSWER };

static const struct op_stage errand_stages[] = {
    [ERRAND_ASK] = {"ask", 0},
    [ERRAND_CARRY] = {"carry", AFTER(ERRAND_ASK)},
    [ERRAND_ANSWER] = {"answer", AFTER(ERRAND_ASK) | AFTER(ERRAND_CARRY)},
};

struct errand {
    struct op op;
    bool has_asked;
    int32_t answered; /* what the last stage saw */
    bool is_over;
};

static enum op_progress errand_ask(struct errand *errand)
{
    if (!errand->has_asked) {
        errand->has_asked = true;
        op_expect(&errand->op);
        op_expect(&errand->op);
        return OP_WAIT;
    }
    if (errand->op.error != 0) {
        op_move(&errand->op, ERRAND_ANSWER);
        return OP_AGAIN;
    }
    op_move(&errand->op, ERRAND_CARRY);
    op_expect(&errand->op);
    return OP_WAIT;
}

static enum op_progress errand_step(struct op *op)
{
    struct errand *errand = container_of(op, struct errand, op);
    switch (op->stage) {
    case ERRAND_ASK: return errand_ask(errand);
    case ERRAND_CARRY: op_move(op, ERRAND_ANSWER); return OP_AGAIN;
    case ERRAND_ANSWER:
        errand->answered = op->error;
        errand->is_over = true;
        return OP_DONE;
    }
    unreachable();
}

static const struct op_kind errand_kind = {"errand", errand_step, errand_stages};

/* The trace as text. */
struct story {
    struct trace trace;
    struct op_registry registry;
    char text[500];
};

static void sink_to_story(void *context, const char *subject, const char *event, int64_t number)
{
    struct story *story = context;
    size_t size = strlen(story->text);
    snprintf(story->text + size, sizeof story->text - size, "%s %s %lld\n", subject, event,
             (long long)number);
}

static void begin_story(struct story *story)
{
    *story = (struct story){0};
    trace_init(&story->trace);
    story->trace.sink = sink_to_story;
    story->trace.context = story;
    op_registry_init(&story->registry, &story->trace);
}

/* An operation that nothing goes wrong with walks its stages and is seen while it waits. */
static void test_good_walk(void **state)
{
    struct story story;
    struct errand errand = {0};
    begin_story(&story);
    op_start(&errand.op, &errand_kind, &story.registry);
    assert_int_equal(story.registry.in_flight_count, 1);
    assert_ptr_equal(list_first(&story.registry.in_flight), &errand.op.node);
    assert_string_equal(op_stage_name(&errand.op), "ask");
    op_landed(&errand.op, 5);
    assert_int_equal(errand.op.stage, ERRAND_ASK);
    op_landed(&errand.op, 0);
    assert_int_equal(errand.op.stage, ERRAND_CARRY);
    op_landed(&errand.op, 0);
    assert_true(errand.is_over);
    assert_int_equal(errand.answered, 0);
    assert_int_equal(story.registry.in_flight_count, 0);
    assert_true(list_is_empty(&story.registry.in_flight));
    assert_string_equal(story.text, "errand ask 0\n"
                                    "errand carry 0\n"
                                    "errand answer 0\n");
}

/* The first failure is kept, and the step still waits for everything that is in flight. */
static void test_first_failure_wins(void **state)
{
    struct story story;
    struct errand errand = {0};
    begin_story(&story);
    op_start(&errand.op, &errand_kind, &story.registry);
    op_landed(&errand.op, STATUS_IO);
    assert_false(errand.is_over);
    op_landed(&errand.op, STATUS_CANCELLED);
    assert_true(errand.is_over);
    assert_int_equal(errand.answered, STATUS_IO);
    assert_string_equal(story.text, "errand ask 0\n"
                                    "errand answer -8\n");
}

/* Without a trace everything goes the same way. */
static void test_without_trace(void **state)
{
    struct op_registry registry;
    struct errand errand = {0};
    op_registry_init(&registry, NULL);
    op_start(&errand.op, &errand_kind, &registry);
    op_landed(&errand.op, 0);
    op_landed(&errand.op, 0);
    op_landed(&errand.op, 0);
    assert_true(errand.is_over);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_walk),
        cmocka_unit_test(test_first_failure_wins),
        cmocka_unit_test(test_without_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
