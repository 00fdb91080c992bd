#include "protocol/compression.h"

#include "base/prng.h"
#include "tests/protocol/check.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zstd.h>

enum { ARENA_BYTES_MAX = 256 << 20, MEBIBYTE = 1 << 20 };

/* Bytes that compress to about a third, as text does. */
static struct bytes some_bytes(struct arena *arena, struct prng *prng, size_t size)
{
    uint8_t *data = arena_allocate(arena, size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++) {
        bool repeats = i >= 100 && prng_chance(prng, 9, 10);
        data[i] = repeats ? data[i - 100] : (uint8_t)prng_u64(prng);
    }
    return bytes_of(data, size);
}

static struct bytes zeros(struct arena *arena, size_t size)
{
    uint8_t *data = arena_allocate_array(arena, size, 1);
    assert_non_null(data);
    return bytes_of(data, size);
}

static struct bytes compressed(struct arena *arena, enum compression c, struct bytes input)
{
    struct bytes output;
    assert_int_equal(compression_compress(c, compression_levels(c).usual, input, arena, &output),
                     STATUS_OK);
    return output;
}

static struct bytes concatenated(struct arena *arena, struct bytes a, struct bytes b)
{
    uint8_t *data = arena_allocate(arena, a.size + b.size);
    assert_non_null(data);
    memcpy(data, a.data, a.size);
    memcpy(data + a.size, b.data, b.size);
    return bytes_of(data, a.size + b.size);
}

/* What comes out in pieces of `piece_size`; no more than the cap whatever the end is. */
static enum status read_with_spare(enum compression c, struct bytes input, size_t cap,
                                   size_t piece_size, struct decompressor_spare *spare,
                                   struct writer *output)
{
    struct decompressor *decompressor;
    enum status status = decompressor_create(c, input, cap, spare, &decompressor);
    if (status != STATUS_OK)
        return status;
    uint8_t *piece = malloc(piece_size);
    assert_non_null(piece);
    size_t total = 0;
    size_t count = 0;
    do {
        status = decompressor_read(decompressor, piece, piece_size, &count);
        if (status != STATUS_OK)
            break;
        assert_true(count <= piece_size);
        total += count;
        assert_true(total <= cap);
        writer_bytes(output, bytes_of(piece, count));
    } while (count > 0);
    free(piece);
    decompressor_destroy(decompressor);
    return status;
}

static enum status read_in_pieces(enum compression c, struct bytes input, size_t cap,
                                  size_t piece_size, struct writer *output)
{
    return read_with_spare(c, input, cap, piece_size, NULL, output);
}

/* Every codec gives back what it was given, at each of a few levels and for every size of input. */
static void test_round_trip(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 32767, 32768, 32769, 65536, 65537, 300000};
    struct prng prng;
    prng_init(&prng, 1);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct compression_levels levels = compression_levels(c);
        const int32_t tried[] = {levels.usual, levels.min, levels.max < 19 ? levels.max : 19};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct bytes input = some_bytes(&arena, &prng, sizes[i]);
            for (size_t l = 0; l < 3; l++) {
                struct bytes packed;
                struct bytes output;
                assert_int_equal(compression_compress(c, tried[l], input, &arena, &packed),
                                 STATUS_OK);
                assert_int_equal(compression_decompress(c, packed, input.size, &arena, &output),
                                 STATUS_OK);
                assert_true(bytes_equal(output, input));
            }
            arena_reset(&arena);
        }
    }
    arena_deinit(&arena);
}

/* The size of the pieces in which output is taken changes nothing. */
static void test_pieces(void **state)
{
    static const size_t piece_sizes[] = {1, 7, 4096, 32768, 1 << 20};
    struct prng prng;
    prng_init(&prng, 2);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes input = some_bytes(&arena, &prng, 200000);
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct bytes packed = compressed(&arena, c, input);
        for (size_t i = 0; i < sizeof piece_sizes / sizeof *piece_sizes; i++) {
            struct writer output;
            writer_init(&output, &arena);
            assert_int_equal(read_in_pieces(c, packed, input.size, piece_sizes[i], &output),
                             STATUS_OK);
            assert_true(bytes_equal(writer_result(&output), input));
        }
    }
    arena_deinit(&arena);
}

/* Output of exactly the cap passes; one byte more is too large. */
static void test_cap_is_exact(void **state)
{
    struct prng prng;
    prng_init(&prng, 3);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes input = some_bytes(&arena, &prng, 100000);
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        struct bytes packed = compressed(&arena, c, input);
        struct bytes output;
        assert_int_equal(compression_decompress(c, packed, input.size, &arena, &output), STATUS_OK);
        assert_int_equal(compression_decompress(c, packed, input.size - 1, &arena, &output),
                         STATUS_TOO_LARGE);
        assert_int_equal(compression_decompress(c, packed, 0, &arena, &output), STATUS_TOO_LARGE);
    }
    arena_deinit(&arena);
}

/* Compressed data that is cut anywhere is refused, never short output that looks whole. */
static void test_every_cut(void **state)
{
    struct prng prng;
    prng_init(&prng, 4);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes input = some_bytes(&arena, &prng, 1000);
    for (enum compression c = COMPRESSION_GZIP; c < COMPRESSION_COUNT; c++) {
        struct bytes packed = compressed(&arena, c, input);
        for (size_t size = 1; size < packed.size; size++) {
            struct bytes output = {0};
            enum status status =
                compression_decompress(c, bytes_of(packed.data, size), input.size, &arena, &output);
            if (c == COMPRESSION_SNAPPY && size == 16)
                assert_int_equal(output.size, 0); /* the stream's header is an empty stream */
            else
                assert_int_not_equal(status, STATUS_OK);
        }
    }
    arena_deinit(&arena);
}

/* Members of gzip, frames of zstd and streams of snappy may stand in a row; of lz4 the first frame
 * counts, as for Kafka. */
static void test_concatenation(void **state)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes one = bytes_of_text("first part, ");
    struct bytes two = bytes_of_text("second part");
    struct bytes both = concatenated(&arena, one, two);
    for (enum compression c = COMPRESSION_GZIP; c < COMPRESSION_COUNT; c++) {
        struct bytes packed =
            concatenated(&arena, compressed(&arena, c, one), compressed(&arena, c, two));
        struct bytes output;
        assert_int_equal(compression_decompress(c, packed, 100, &arena, &output), STATUS_OK);
        assert_true(bytes_equal(output, c == COMPRESSION_LZ4 ? one : both));
    }
    arena_deinit(&arena);
}

/* A raw snappy block is read as well as the stream that Java writes, and we write the stream. */
static void test_snappy_framings(void **state)
{
    static const uint8_t header[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
    struct prng prng;
    prng_init(&prng, 5);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes input = some_bytes(&arena, &prng, 100000);
    struct bytes stream = compressed(&arena, COMPRESSION_SNAPPY, input);
    assert_memory_equal(stream.data, header, sizeof header);
    size_t size = snappy_max_compressed_length(input.size);
    uint8_t *block = arena_allocate(&arena, size);
    assert_int_equal(snappy_compress((const char *)input.data, input.size, (char *)block, &size),
                     SNAPPY_OK);
    struct bytes output;
    assert_int_equal(compression_decompress(COMPRESSION_SNAPPY, bytes_of(block, size), input.size,
                                            &arena, &output),
                     STATUS_OK);
    assert_true(bytes_equal(output, input));
    arena_deinit(&arena);
}

/* `input` as one zstd frame that announces a window of 2^`window_log` bytes and no size. */
static struct bytes zstd_with_window(struct arena *arena, struct bytes input, int window_log)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_non_null(context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_outBuffer out = {arena_allocate(arena, ZSTD_compressBound(input.size)),
                          ZSTD_compressBound(input.size), 0};
    assert_non_null(out.dst);
    ZSTD_inBuffer in = {input.data, input.size, 0};
    assert_false(ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush)));
    assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0);
    ZSTD_freeCCtx(context);
    return bytes_of(out.dst, out.pos);
}

/* A zstd frame with a window that we do not keep is read all the same, between others too, and is
 * held to the cap like any other. */
static void test_zstd_large_window(void **state)
{
    struct prng prng;
    prng_init(&prng, 6);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes input = some_bytes(&arena, &prng, 300000);
    struct bytes wide = zstd_with_window(&arena, input, 27);
    struct bytes narrow = zstd_with_window(&arena, input, 20);
    struct bytes packed = concatenated(&arena, concatenated(&arena, narrow, wide), narrow);
    struct bytes expected = concatenated(&arena, concatenated(&arena, input, input), input);
    static const size_t piece_sizes[] = {1000, 1 << 20};
    for (size_t i = 0; i < 2; i++) {
        struct writer output;
        writer_init(&output, &arena);
        assert_int_equal(
            read_in_pieces(COMPRESSION_ZSTD, packed, expected.size, piece_sizes[i], &output),
            STATUS_OK);
        assert_true(bytes_equal(writer_result(&output), expected));
    }
    struct bytes output;
    assert_int_equal(
        compression_decompress(COMPRESSION_ZSTD, packed, expected.size - 1, &arena, &output),
        STATUS_TOO_LARGE);
    assert_int_equal(
        compression_decompress(COMPRESSION_ZSTD, wide, input.size - 1, &arena, &output),
        STATUS_TOO_LARGE);
    arena_deinit(&arena);
}

/* What one decompressor leaves serves the next, however the one before ended: at its end, early,
 * with broken data or with a window that is not kept. What is too large is not left. */
static void test_spare(void **state)
{
    struct prng prng;
    prng_init(&prng, 7);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct decompressor_spare spare = {0};
    struct bytes input = some_bytes(&arena, &prng, 300000);
    struct bytes whole = zstd_with_window(&arena, input, 20);
    const struct {
        struct bytes packed;
        size_t cap;
        enum status status;
        bool is_left;
    } cases[] = {
        {whole, input.size, STATUS_OK, true},
        {bytes_of(whole.data, whole.size / 2), input.size, STATUS_MALFORMED, true},
        {whole, input.size / 2, STATUS_TOO_LARGE, true},
        {zstd_with_window(&arena, input, 27), input.size, STATUS_OK, true},
        {zstd_with_window(&arena, input, 23), input.size, STATUS_OK, false},
        {whole, input.size, STATUS_OK, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer output;
        writer_init(&output, &arena);
        assert_int_equal(
            read_with_spare(COMPRESSION_ZSTD, cases[i].packed, cases[i].cap, 1000, &spare, &output),
            cases[i].status);
        if (cases[i].status == STATUS_OK)
            assert_true(bytes_equal(writer_result(&output), input));
        assert_int_equal(spare.zstd != NULL, cases[i].is_left);
        assert_true(spare.zstd == NULL ||
                    ZSTD_sizeof_DCtx(spare.zstd) <= DECOMPRESSOR_SPARE_BYTES_MAX);
    }
    struct writer output;
    writer_init(&output, &arena);
    assert_int_equal(read_with_spare(COMPRESSION_GZIP, compressed(&arena, COMPRESSION_GZIP, input),
                                     input.size, 1000, &spare, &output),
                     STATUS_OK);
    assert_true(bytes_equal(writer_result(&output), input));
    decompressor_spare_deinit(&spare);
    arena_deinit(&arena);
}

/* Data that makes 1 GiB, or as much as its codec can, is refused at the cap: that much has come
 * out and no more. A whole decompression takes no more of its arena than the cap says. */
static void check_bomb(enum compression c, struct bytes bomb, size_t cap)
{
    struct arena arena;
    arena_init(&arena, 3 * cap + MEBIBYTE);
    struct writer output;
    writer_init(&output, &arena);
    assert_int_equal(read_in_pieces(c, bomb, cap, 32768, &output), STATUS_TOO_LARGE);
    assert_true(output.size <= cap);
    arena_reset(&arena);
    struct bytes whole;
    assert_int_equal(compression_decompress(c, bomb, cap, &arena, &whole), STATUS_TOO_LARGE);
    assert_true(arena.total_bytes <= 3 * cap + MEBIBYTE);
    arena_deinit(&arena);
}

static void test_bombs(void **state)
{
    enum { REPEATS = 64 };
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct bytes nothing = zeros(&arena, 16 * MEBIBYTE);
    for (enum compression c = COMPRESSION_GZIP; c < COMPRESSION_COUNT; c++) {
        struct bytes bomb = compressed(&arena, c, nothing);
        check_bomb(c, bomb, MEBIBYTE);
        if (c != COMPRESSION_GZIP && c != COMPRESSION_ZSTD)
            continue;
        struct writer many; /* 64 times 16 MiB: 1 GiB */
        writer_init(&many, &arena);
        for (uint32_t i = 0; i < REPEATS; i++)
            writer_bytes(&many, bomb);
        check_bomb(c, writer_result(&many), 4 * MEBIBYTE);
    }
    check_bomb(COMPRESSION_ZSTD, zstd_with_window(&arena, nothing, 27), MEBIBYTE);
    arena_deinit(&arena);
}

/* The smallest bombs: 1 KiB each, of the most that gzip, lz4 and zstd can make of it. */
static void test_bombs_of_one_kibibyte(void **state)
{
    static const size_t plain_sizes[COMPRESSION_COUNT] = {
        [COMPRESSION_GZIP] = 900000,
        [COMPRESSION_SNAPPY] = 20000,
        [COMPRESSION_LZ4] = 180000,
        [COMPRESSION_ZSTD] = 8 * MEBIBYTE,
    };
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    for (enum compression c = COMPRESSION_GZIP; c < COMPRESSION_COUNT; c++) {
        struct bytes bomb = compressed(&arena, c, zeros(&arena, plain_sizes[c]));
        assert_true(bomb.size <= 1024);
        check_bomb(c, bomb, 16384);
    }
    arena_deinit(&arena);
}

/* A snappy block that claims 1 GiB is refused by its claim, in both framings: beyond the cap as too
 * large, within a generous one as impossible. */
static void test_snappy_claims(void **state)
{
    static const uint8_t claim[] = {0x80, 0x80, 0x80, 0x80, 0x04}; /* 2^30 */
    uint8_t block[1024] = {0};
    uint8_t stream[1024] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
    memcpy(block, claim, sizeof claim);
    store_u32_be(stream + 16, sizeof stream - 20);
    memcpy(stream + 20, claim, sizeof claim);
    struct arena arena;
    arena_init(&arena, MEBIBYTE);
    struct bytes output;
    assert_int_equal(compression_decompress(COMPRESSION_SNAPPY, bytes_of(block, sizeof block),
                                            MEBIBYTE, &arena, &output),
                     STATUS_TOO_LARGE);
    assert_int_equal(compression_decompress(COMPRESSION_SNAPPY, bytes_of(stream, sizeof stream),
                                            MEBIBYTE, &arena, &output),
                     STATUS_TOO_LARGE);
    struct writer writer;
    writer_init(&writer, &arena);
    assert_int_equal(
        read_in_pieces(COMPRESSION_SNAPPY, bytes_of(block, sizeof block), INT32_MAX, 100, &writer),
        STATUS_MALFORMED);
    arena_deinit(&arena);
}

/* `input` as an lz4 frame of these traits. */
static struct bytes lz4_with(struct arena *arena, struct bytes input, LZ4F_frameInfo_t traits)
{
    LZ4F_preferences_t preferences = {.frameInfo = traits};
    size_t bound = LZ4F_compressFrameBound(input.size, &preferences);
    uint8_t *data = arena_allocate(arena, bound);
    assert_non_null(data);
    size_t size = LZ4F_compressFrame(data, bound, input.data, input.size, &preferences);
    assert_false(LZ4F_isError(size));
    return bytes_of(data, size);
}

/* Blocks that refer to each other and dictionaries, which Kafka's reader cannot read, are refused;
 * all the other traits of a frame are not. */
static void test_lz4_traits(void **state)
{
    static const struct {
        LZ4F_frameInfo_t traits;
        enum status status;
    } cases[] = {
        {{.blockMode = LZ4F_blockIndependent}, STATUS_OK},
        {{.blockMode = LZ4F_blockIndependent, .blockSizeID = LZ4F_max4MB}, STATUS_OK},
        {{.blockMode = LZ4F_blockIndependent, .contentSize = 200000}, STATUS_OK},
        {{.blockMode = LZ4F_blockIndependent,
          .contentChecksumFlag = LZ4F_contentChecksumEnabled,
          .blockChecksumFlag = LZ4F_blockChecksumEnabled},
         STATUS_OK},
        {{.blockMode = LZ4F_blockIndependent, .dictID = 7}, STATUS_MALFORMED},
        {{.blockMode = LZ4F_blockLinked, .blockSizeID = LZ4F_max64KB}, STATUS_MALFORMED},
    };
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct prng prng;
    prng_init(&prng, 7);
    struct bytes input = some_bytes(&arena, &prng, 200000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes packed = lz4_with(&arena, input, cases[i].traits);
        struct bytes output;
        assert_int_equal(
            compression_decompress(COMPRESSION_LZ4, packed, input.size, &arena, &output),
            cases[i].status);
        if (cases[i].status == STATUS_OK)
            assert_true(bytes_equal(output, input));
    }
    arena_deinit(&arena);
}

/* Names and levels are Kafka's. */
static void test_names_and_levels(void **state)
{
    for (enum compression c = COMPRESSION_NONE; c < COMPRESSION_COUNT; c++) {
        enum compression parsed = COMPRESSION_NONE;
        assert_true(compression_parse(bytes_of_text(compression_name(c)), &parsed));
        assert_int_equal(parsed, c);
        assert_true(compression_level_is_valid(c, compression_levels(c).usual));
        assert_false(compression_level_is_valid(c, compression_levels(c).max + 1));
    }
    enum compression parsed;
    assert_false(compression_parse(bytes_of_text("GZIP"), &parsed));
    assert_false(compression_parse(bytes_of_text("producer"), &parsed));
    assert_false(compression_level_is_valid(COMPRESSION_GZIP, 0));
    assert_true(compression_level_is_valid(COMPRESSION_ZSTD, -131072));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_cap_is_exact),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_concatenation),
        cmocka_unit_test(test_snappy_framings),
        cmocka_unit_test(test_zstd_large_window),
        cmocka_unit_test(test_spare),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_bombs_of_one_kibibyte),
        cmocka_unit_test(test_snappy_claims),
        cmocka_unit_test(test_lz4_traits),
        cmocka_unit_test(test_names_and_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
