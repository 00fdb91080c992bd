/* The fuzz target without a fuzzer: each golden batch as it is, then a fixed number of mutations of
 * it, seeded by its line. The file of vectors is the argument. The last line named is the one that
 * failed. */
#include "base/assert.h"
#include "base/prng.h"
#include "tests/protocol/batch_fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LINE_SIZE_MAX = 1 << 20, INPUT_SIZE_MAX = 8192, ROUNDS = 120, EDITS_MAX = 4 };

static size_t read_hex(const char *line, uint8_t *data)
{
    static const char key[] = "\"body_hex\":\"";
    const char *at = strstr(line, key);
    assert(at != NULL);
    at += sizeof key - 1;
    size_t size = 0;
    for (; at[0] != '"' && size < INPUT_SIZE_MAX; at += 2) {
        char pair[3] = {at[0], at[1], '\0'};
        data[size++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return size;
}

/* One edit, of the kinds that break parsers: a bit, a byte of an edge value, a piece lost, a piece
 * doubled. */
static size_t edit(struct prng *prng, uint8_t *data, size_t size)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe};
    size_t at = prng_below(prng, size);
    size_t rest = size - at;
    size_t count = prng_below(prng, rest < 32 ? rest : 32);
    switch (prng_below(prng, 4)) {
    case 0: data[at] ^= (uint8_t)(1 << prng_below(prng, 8)); break;
    case 1: data[at] = edges[prng_below(prng, sizeof edges)]; break;
    case 2: memmove(data + at, data + at + count, rest - count); return size - count;
    default:
        if (size + count > INPUT_SIZE_MAX)
            break;
        memmove(data + at + count, data + at, rest);
        return size + count;
    }
    return size;
}

static void mutate(struct prng *prng, const uint8_t *seed, size_t seed_size)
{
    uint8_t *data = malloc(INPUT_SIZE_MAX);
    assert(data != NULL);
    memcpy(data, seed, seed_size);
    size_t size = seed_size;
    uint64_t edits = prng_between(prng, 1, EDITS_MAX);
    for (uint64_t i = 0; i < edits && size > 0; i++)
        size = edit(prng, data, size);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

int main(int argc, char **argv)
{
    assert(argc == 2);
    gzFile file = gzopen(argv[1], "rb");
    assert(file != NULL);
    char *line = malloc(LINE_SIZE_MAX);
    uint8_t *seed = malloc(INPUT_SIZE_MAX);
    assert(line != NULL);
    assert(seed != NULL);
    uint32_t line_count = 0;
    for (; gzgets(file, line, LINE_SIZE_MAX) != NULL; line_count++) {
        fprintf(stderr, "%u ", line_count);
        struct prng prng;
        prng_init(&prng, line_count);
        size_t size = read_hex(line, seed);
        LLVMFuzzerTestOneInput(seed, size);
        for (uint32_t round = 0; round < ROUNDS && size > 0; round++)
            mutate(&prng, seed, size);
    }
    printf("\n%u batches, %u mutations each: all well\n", line_count, ROUNDS);
    free(seed);
    free(line);
    gzclose(file);
    return line_count > 0 ? 0 : 1;
}
