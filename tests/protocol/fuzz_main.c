/* Runs a fuzz target as a plain test: default messages and golden vectors of every version, as they
 * are and changed in ways that a seed draws, always the same.
 *
 *   NAME_fuzz [VECTORS.jsonl.gz [SEED]] */
#include "base/assert.h"
#include "base/prng.h"
#include "tests/protocol/fuzz_message.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { LINE_SIZE_MAX = 16 * 1024, INPUT_SIZE_MAX = 4 * 1024, MUTATIONS_PER_INPUT = 60 };

struct input {
    size_t size;
    uint8_t data[INPUT_SIZE_MAX];
};

struct fuzz {
    struct prng prng;
    const struct fuzz_message *messages;
    size_t message_count;
    uint32_t input_count;
};

/* Values that lengths, counts and tags go wrong with. */
static uint8_t draw_byte(struct prng *prng)
{
    static const uint8_t odd[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xfe, 0xff};
    if (prng_chance(prng, 1, 2))
        return odd[prng_below(prng, sizeof odd)];
    return (uint8_t)prng_u64(prng);
}

static void insert_byte(struct input *input, size_t at, uint8_t byte)
{
    if (input->size == INPUT_SIZE_MAX)
        return;
    memmove(input->data + at + 1, input->data + at, input->size - at);
    input->data[at] = byte;
    input->size++;
}

static void mutate(struct prng *prng, struct input *input)
{
    if (input->size == FUZZ_PREFIX_SIZE) {
        insert_byte(input, FUZZ_PREFIX_SIZE, draw_byte(prng));
        return;
    }
    size_t at = prng_between(prng, FUZZ_PREFIX_SIZE, input->size - 1);
    switch (prng_below(prng, 4)) {
    case 0: input->data[at] = draw_byte(prng); break;
    case 1: input->data[at] ^= (uint8_t)(1u << prng_below(prng, 8)); break;
    case 2: input->size = at; break;
    default: insert_byte(input, at, draw_byte(prng));
    }
}

/* The input stands in memory of its own size, so that one byte too far is seen. */
static void run_one(const struct input *input)
{
    uint8_t *exact = malloc(input->size);
    assert(exact != NULL);
    memcpy(exact, input->data, input->size);
    LLVMFuzzerTestOneInput(exact, input->size);
    free(exact);
}

static void run_input(struct fuzz *fuzz, const struct input *original)
{
    run_one(original);
    for (uint32_t i = 0; i < MUTATIONS_PER_INPUT; i++) {
        struct input input = *original;
        uint64_t changes = prng_between(&fuzz->prng, 1, 3);
        for (uint64_t k = 0; k < changes; k++)
            mutate(&fuzz->prng, &input);
        run_one(&input);
    }
    fuzz->input_count++;
}

static void start_input(struct input *input, size_t index, int16_t version, struct bytes body)
{
    assert(FUZZ_PREFIX_SIZE + body.size <= INPUT_SIZE_MAX);
    input->data[0] = (uint8_t)index;
    input->data[1] = (uint8_t)version;
    input->size = FUZZ_PREFIX_SIZE + body.size;
    if (body.size > 0)
        memcpy(input->data + FUZZ_PREFIX_SIZE, body.data, body.size);
}

static void run_defaults(struct fuzz *fuzz, size_t index)
{
    const struct fuzz_message *message = &fuzz->messages[index];
    for (int16_t v = message->version_min; v <= message->version_max; v++) {
        struct arena arena;
        arena_init(&arena, INPUT_SIZE_MAX);
        struct writer writer;
        writer_init(&writer, &arena);
        message->encode_default(&writer, v);
        assert(writer.status == STATUS_OK);
        struct input input;
        start_input(&input, index, (int16_t)(v - message->version_min), writer_result(&writer));
        run_input(fuzz, &input);
        arena_deinit(&arena);
    }
}

/* The index of the message that a vector is of; message_count if it belongs to another target. */
static size_t find_message(const struct fuzz *fuzz, json_t *vector)
{
    const char *title = json_string_value(json_object_get(vector, "api"));
    const char *type = json_string_value(json_object_get(vector, "type"));
    const char *kind = strstr(type, "_header") != NULL ? "data" : type;
    size_t i = 0;
    while (i < fuzz->message_count && (strcmp(fuzz->messages[i].title, title) != 0 ||
                                       strcmp(fuzz->messages[i].kind, kind) != 0))
        i++;
    return i;
}

static struct bytes parse_hex(const char *hex, uint8_t *to)
{
    size_t size = strlen(hex) / 2;
    assert(size <= INPUT_SIZE_MAX);
    for (size_t i = 0; i < size; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        to[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return bytes_of(to, size);
}

static void run_vector(struct fuzz *fuzz, json_t *vector)
{
    size_t index = find_message(fuzz, vector);
    if (index == fuzz->message_count)
        return;
    uint8_t body[INPUT_SIZE_MAX];
    struct input input;
    int version = (int)json_integer_value(json_object_get(vector, "version"));
    start_input(&input, index, (int16_t)(version - fuzz->messages[index].version_min),
                parse_hex(json_string_value(json_object_get(vector, "body_hex")), body));
    run_input(fuzz, &input);
}

static void run_vectors(struct fuzz *fuzz, const char *path)
{
    gzFile file = gzopen(path, "rb");
    assert(file != NULL);
    char line[LINE_SIZE_MAX];
    while (gzgets(file, line, sizeof line) != NULL) {
        json_t *vector = json_loads(line, 0, NULL);
        assert(vector != NULL);
        run_vector(fuzz, vector);
        json_decref(vector);
    }
    gzclose(file);
}

int main(int argument_count, char **arguments)
{
    struct fuzz fuzz = {0};
    fuzz.messages = fuzz_target(&fuzz.message_count);
    prng_init(&fuzz.prng, argument_count > 2 ? strtoull(arguments[2], NULL, 0) : 1);
    for (size_t i = 0; i < fuzz.message_count; i++)
        run_defaults(&fuzz, i);
    if (argument_count > 1)
        run_vectors(&fuzz, arguments[1]);
    printf("%u inputs, each changed in %d ways\n", fuzz.input_count, MUTATIONS_PER_INPUT);
    return 0;
}
