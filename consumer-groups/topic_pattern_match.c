/* The program of an expression, and the machine that runs it (Pike's, see Cox, "Regular Expression
 * Matching: the Virtual Machine Approach", 2009).
 *
 *   SET set       goes on if the next character is in the set
 *   PLACE place   goes on here, without a character, if this is such a place
 *   FORK a b      goes on at both
 *   JUMP a        goes on there
 *   MATCH         the name matches, if it ends here
 *
 * The threads of the machine are the instructions at which it stands at once, each at most once: so
 * a character costs at most one visit of each instruction, whatever the expression. */
#include "base/assert.h"
#include "consumer-groups/topic_pattern_tree.h"

enum operation { OPERATION_SET, OPERATION_PLACE, OPERATION_FORK, OPERATION_JUMP, OPERATION_MATCH };

struct instruction {
    uint8_t operation;
    uint8_t place;
    uint32_t to[2]; /* of FORK and JUMP */
    struct ascii_set set;
};

/* Instructions, each at most once, in the order in which they came (Briggs and Torczon 1993). */
struct thread_list {
    uint32_t *members;
    uint32_t *index_of; /* of an instruction in `members`, if it is one */
    uint32_t count;
};

struct topic_pattern {
    struct instruction *program;
    uint32_t size;
    uint32_t capacity;
    struct thread_list now;
    struct thread_list next;
    uint32_t *unvisited; /* a stack: instructions that a thread may stand at */
    uint64_t step_count;
};

/* --- Compiling -------------------------------------------------------------------------------- */

static struct instruction *emit(struct topic_pattern *pattern, enum operation operation)
{
    assert(pattern->size < pattern->capacity);
    struct instruction *instruction = &pattern->program[pattern->size++];
    instruction->operation = (uint8_t)operation;
    return instruction;
}

static void compile(struct topic_pattern *pattern, const struct pattern_node *node);

static void compile_either(struct topic_pattern *pattern, const struct pattern_node *node)
{
    struct instruction *fork = emit(pattern, OPERATION_FORK);
    fork->to[0] = pattern->size;
    compile(pattern, node->first);
    struct instruction *jump = emit(pattern, OPERATION_JUMP);
    fork->to[1] = pattern->size;
    compile(pattern, node->second);
    jump->to[0] = pattern->size;
}

/* Any number of times. */
static void compile_loop(struct topic_pattern *pattern, const struct pattern_node *body)
{
    uint32_t start = pattern->size;
    struct instruction *fork = emit(pattern, OPERATION_FORK);
    fork->to[0] = pattern->size;
    compile(pattern, body);
    emit(pattern, OPERATION_JUMP)->to[0] = start;
    fork->to[1] = pattern->size;
}

/* At most so many times: each round may be the last. */
static void compile_optional(struct topic_pattern *pattern, const struct pattern_node *body,
                             uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct instruction *fork = emit(pattern, OPERATION_FORK);
        fork->to[0] = pattern->size;
        compile(pattern, body);
        fork->to[1] = pattern->size;
    }
}

static void compile_repeat(struct topic_pattern *pattern, const struct pattern_node *node)
{
    for (uint32_t i = 0; i < node->count_min; i++)
        compile(pattern, node->first);
    if (node->count_max == PATTERN_UNBOUNDED)
        compile_loop(pattern, node->first);
    else
        compile_optional(pattern, node->first, node->count_max - node->count_min);
}

/* What takes no instruction is passed by: there may be a thousand times a thousand of it. */
static void compile(struct topic_pattern *pattern, const struct pattern_node *node)
{
    uint32_t start = pattern->size;
    if (node->size == 0)
        return;
    switch (node->kind) {
    case PATTERN_NOTHING: break;
    case PATTERN_SET: emit(pattern, OPERATION_SET)->set = node->set; break;
    case PATTERN_PLACE: emit(pattern, OPERATION_PLACE)->place = (uint8_t)node->place; break;
    case PATTERN_EITHER: compile_either(pattern, node); break;
    case PATTERN_REPEAT: compile_repeat(pattern, node); break;
    case PATTERN_BOTH:
        compile(pattern, node->first);
        compile(pattern, node->second);
        break;
    }
    assert(pattern->size == start + node->size); /* what the parser reckoned, and memory is for */
}

static bool thread_list_init(struct thread_list *list, struct arena *arena, uint32_t size)
{
    list->members = arena_allocate_array(arena, size, sizeof *list->members);
    list->index_of = arena_allocate_array(arena, size, sizeof *list->index_of);
    return list->members != NULL && list->index_of != NULL;
}

/* Every instruction leaves at most two behind before it is visited itself no more. */
static struct topic_pattern *pattern_new(struct arena *arena, uint32_t size)
{
    struct topic_pattern *pattern = arena_allocate_array(arena, 1, sizeof *pattern);
    if (pattern == NULL)
        return NULL;
    pattern->capacity = size;
    pattern->program = arena_allocate_array(arena, size, sizeof *pattern->program);
    pattern->unvisited = arena_allocate_array(arena, (size_t)size + 1, sizeof *pattern->unvisited);
    bool has_memory = pattern->program != NULL && pattern->unvisited != NULL &&
                      thread_list_init(&pattern->now, arena, size) &&
                      thread_list_init(&pattern->next, arena, size);
    return has_memory ? pattern : NULL;
}

enum status topic_pattern_compile(struct bytes expression, struct arena *arena,
                                  struct topic_pattern **pattern, struct topic_pattern_error *error)
{
    *error = (struct topic_pattern_error){.reason = "expression is too large"};
    if (expression.size > TOPIC_PATTERN_BYTES_MAX)
        return STATUS_TOO_LARGE;
    const struct pattern_node *tree = NULL;
    enum status status = pattern_parse(expression, arena, &tree, error);
    if (status != STATUS_OK)
        return status;
    if (tree->size > TOPIC_PATTERN_INSTRUCTIONS_MAX) {
        error->reason = "expression is too large";
        return STATUS_TOO_LARGE;
    }
    *pattern = pattern_new(arena, tree->size + 1);
    if (*pattern == NULL)
        return STATUS_NO_MEMORY;
    compile(*pattern, tree);
    emit(*pattern, OPERATION_MATCH);
    assert((*pattern)->size == (*pattern)->capacity);
    return STATUS_OK;
}

/* --- Matching --------------------------------------------------------------------------------- */

static bool thread_list_has(const struct thread_list *list, uint32_t index)
{
    uint32_t at = list->index_of[index];
    return at < list->count && list->members[at] == index;
}

static bool is_at_place(enum pattern_place place, struct bytes name, size_t position)
{
    bool after_word = position > 0 && ascii_is_word(name.data[position - 1]);
    bool before_word = position < name.size && ascii_is_word(name.data[position]);
    switch (place) {
    case PLACE_BEGIN: return position == 0;
    case PLACE_END: return position == name.size;
    case PLACE_WORD_EDGE: return after_word != before_word;
    case PLACE_NO_WORD_EDGE: return after_word == before_word;
    }
    unreachable();
}

/* A thread comes to `index`, and from there to everything that takes no character to get to. An
 * instruction goes onto the stack only when it is on no list yet, and onto the list when it does:
 * so the stack never holds more than there are instructions. */
static void thread_add(struct topic_pattern *pattern, struct thread_list *list, uint32_t index,
                       struct bytes name, size_t position)
{
    uint32_t depth = 0;
    uint32_t first[2] = {index};
    const uint32_t *targets = first;
    uint32_t target_count = 1;
    for (;;) {
        for (uint32_t i = 0; i < target_count; i++) {
            if (thread_list_has(list, targets[i]))
                continue;
            assert(list->count < pattern->size);
            list->index_of[targets[i]] = list->count;
            list->members[list->count++] = targets[i];
            pattern->unvisited[depth++] = targets[i];
        }
        if (depth == 0)
            return;
        uint32_t at = pattern->unvisited[--depth];
        const struct instruction *instruction = &pattern->program[at];
        pattern->step_count++;
        targets = instruction->to;
        switch ((enum operation)instruction->operation) {
        case OPERATION_SET:
        case OPERATION_MATCH: target_count = 0; break;
        case OPERATION_JUMP: target_count = 1; break;
        case OPERATION_FORK: target_count = 2; break;
        case OPERATION_PLACE:
            first[0] = at + 1;
            targets = first;
            target_count = is_at_place((enum pattern_place)instruction->place, name, position);
            break;
        }
    }
}

/* The threads of `now` take the character at `position`; those that can stand in `next`. */
static void threads_advance(struct topic_pattern *pattern, struct bytes name, size_t position)
{
    pattern->next.count = 0;
    for (uint32_t i = 0; i < pattern->now.count; i++) {
        uint32_t at = pattern->now.members[i];
        const struct instruction *instruction = &pattern->program[at];
        pattern->step_count++;
        if (instruction->operation == OPERATION_SET &&
            ascii_set_has(&instruction->set, name.data[position]))
            thread_add(pattern, &pattern->next, at + 1, name, position + 1);
    }
}

bool topic_pattern_matches(struct topic_pattern *pattern, struct bytes name)
{
    assert(pattern->size > 0);
    pattern->step_count = 0;
    pattern->now.count = 0;
    thread_add(pattern, &pattern->now, 0, name, 0);
    for (size_t position = 0; position < name.size && pattern->now.count > 0; position++) {
        threads_advance(pattern, name, position);
        struct thread_list former = pattern->now;
        pattern->now = pattern->next;
        pattern->next = former;
    }
    return thread_list_has(&pattern->now, pattern->size - 1);
}

uint64_t topic_pattern_steps(const struct topic_pattern *pattern)
{
    return pattern->step_count;
}
