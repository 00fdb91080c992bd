/* Three methods with one answer. The table works everywhere; the crc32 instruction is several times
 * faster, and folding by carry-less multiplication again on large inputs. The choice is made at
 * every call: it is a load and a test, and needs no state that a test would have to reset. */
#include "base/crc32c.h"

#include "base/assert.h"

#include <string.h>

/* Below this the set-up of folding costs more than it saves. */
enum { FOLD_PAYS_SIZE = 256 };

/* The polynomial is 0x1EDC6F41, bits reversed (bit 31 stands for x^0). nibbles[i][n] is what four
 * bits n leave behind when they and the 4 * i bits after them have been shifted out; sixteen such
 * rows take eight bytes in one step and, unlike rows for whole bytes, fit into 1 KiB of cache. */
/* clang-format off */
static const uint32_t crc32c_nibbles[16][16] = {
    {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
     0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75},
    {0x00000000, 0xf26b8303, 0xe13b70f7, 0x1350f3f4, 0xc79a971f, 0x35f1141c, 0x26a1e7e8, 0xd4ca64eb,
     0x8ad958cf, 0x78b2dbcc, 0x6be22838, 0x9989ab3b, 0x4d43cfd0, 0xbf284cd3, 0xac78bf27, 0x5e133c24},
    {0x00000000, 0x3fc5f181, 0x7f8be302, 0x404e1283, 0xff17c604, 0xc0d23785, 0x809c2506, 0xbf59d487,
     0xfbc3faf9, 0xc4060b78, 0x844819fb, 0xbb8de87a, 0x04d43cfd, 0x3b11cd7c, 0x7b5fdfff, 0x449a2e7e},
    {0x00000000, 0x13a29877, 0x274530ee, 0x34e7a899, 0x4e8a61dc, 0x5d28f9ab, 0x69cf5132, 0x7a6dc945,
     0x9d14c3b8, 0x8eb65bcf, 0xba51f356, 0xa9f36b21, 0xd39ea264, 0xc03c3a13, 0xf4db928a, 0xe7790afd},
    {0x00000000, 0x70a27d8a, 0xe144fb14, 0x91e6869e, 0xc76580d9, 0xb7c7fd53, 0x26217bcd, 0x56830647,
     0x8b277743, 0xfb850ac9, 0x6a638c57, 0x1ac1f1dd, 0x4c42f79a, 0x3ce08a10, 0xad060c8e, 0xdda47104},
    {0x00000000, 0xa541927e, 0x4f6f520d, 0xea2ec073, 0x9edea41a, 0x3b9f3664, 0xd1b1f617, 0x74f06469,
     0x38513ec5, 0x9d10acbb, 0x773e6cc8, 0xd27ffeb6, 0xa68f9adf, 0x03ce08a1, 0xe9e0c8d2, 0x4ca15aac},
    {0x00000000, 0xe964b13d, 0xd725148b, 0x3e41a5b6, 0xaba65fe7, 0x42c2eeda, 0x7c834b6c, 0x95e7fa51,
     0x52a0c93f, 0xbbc47802, 0x8585ddb4, 0x6ce16c89, 0xf90696d8, 0x106227e5, 0x2e238253, 0xc747336e},
    {0x00000000, 0xdd45aab8, 0xbf672381, 0x62228939, 0x7b2231f3, 0xa6679b4b, 0xc4451272, 0x1900b8ca,
     0xf64463e6, 0x2b01c95e, 0x49234067, 0x9466eadf, 0x8d665215, 0x5023f8ad, 0x32017194, 0xef44db2c},
    {0x00000000, 0x8f2261d3, 0x1ba8b557, 0x948ad484, 0x37516aae, 0xb8730b7d, 0x2cf9dff9, 0xa3dbbe2a,
     0x6ea2d55c, 0xe180b48f, 0x750a600b, 0xfa2801d8, 0x59f3bff2, 0xd6d1de21, 0x425b0aa5, 0xcd796b76},
    {0x00000000, 0x38116fac, 0x7022df58, 0x4833b0f4, 0xe045beb0, 0xd854d11c, 0x906761e8, 0xa8760e44,
     0xc5670b91, 0xfd76643d, 0xb545d4c9, 0x8d54bb65, 0x2522b521, 0x1d33da8d, 0x55006a79, 0x6d1105d5},
    {0x00000000, 0xc00c303e, 0x85f4168d, 0x45f826b3, 0x0e045beb, 0xce086bd5, 0x8bf04d66, 0x4bfc7d58,
     0x1c08b7d6, 0xdc0487e8, 0x99fca15b, 0x59f09165, 0x120cec3d, 0xd200dc03, 0x97f8fab0, 0x57f4ca8e},
    {0x00000000, 0xef306b19, 0xdb8ca0c3, 0x34bccbda, 0xb2f53777, 0x5dc55c6e, 0x697997b4, 0x8649fcad,
     0x6006181f, 0x8f367306, 0xbb8ab8dc, 0x54bad3c5, 0xd2f32f68, 0x3dc34471, 0x097f8fab, 0xe64fe4b2},
    {0x00000000, 0x9c5bfaa6, 0x3d5b83bd, 0xa100791b, 0x7ab7077a, 0xe6ecfddc, 0x47ec84c7, 0xdbb77e61,
     0xf56e0ef4, 0x6935f452, 0xc8358d49, 0x546e77ef, 0x8fd9098e, 0x1382f328, 0xb2828a33, 0x2ed97095},
    {0x00000000, 0x68032cc8, 0xd0065990, 0xb8057558, 0xa5e0c5d1, 0xcde3e919, 0x75e69c41, 0x1de5b089,
     0x4e2dfd53, 0x262ed19b, 0x9e2ba4c3, 0xf628880b, 0xebcd3882, 0x83ce144a, 0x3bcb6112, 0x53c84dda},
    {0x00000000, 0x847609b4, 0x0d006599, 0x89766c2d, 0x1a00cb32, 0x9e76c286, 0x1700aeab, 0x9376a71f,
     0x34019664, 0xb0779fd0, 0x3901f3fd, 0xbd77fa49, 0x2e015d56, 0xaa7754e2, 0x230138cf, 0xa777317b},
    {0x00000000, 0x493c7d27, 0x9278fa4e, 0xdb448769, 0x211d826d, 0x6821ff4a, 0xb3657823, 0xfa590504,
     0x423b04da, 0x0b0779fd, 0xd043fe94, 0x997f83b3, 0x632686b7, 0x2a1afb90, 0xf15e7cf9, 0xb86201de},
};
/* clang-format on */

static uint32_t crc32c_byte(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    uint32_t low = crc32c_nibbles[1][crc & 15];
    uint32_t high = crc32c_nibbles[0][crc >> 4 & 15];
    return crc >> 8 ^ low ^ high;
}

static uint32_t crc32c_table(uint32_t crc, const uint8_t *data, size_t size)
{
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        word ^= crc;
        crc = 0;
#pragma GCC unroll 16
        for (uint32_t nibble = 0; nibble < 16; nibble++)
            crc ^= crc32c_nibbles[15 - nibble][word >> 4 * nibble & 15];
    }
    for (; size > 0; data++, size--)
        crc = crc32c_byte(crc, *data);
    return crc;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET_SSE42      __attribute__((target("sse4.2,pclmul")))
#define TARGET_VPCLMULQDQ __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,vpclmulqdq")))

/* The crc32 instruction has a latency of three cycles and one can start every cycle, so three
 * streams keep it busy. Their checksums are joined by moving each over the bytes behind it. */
enum { STREAM_LONG_SIZE = 1024, STREAM_SHORT_SIZE = 128 };

/* x^(8 * n - 33) modulo the polynomial, bits reversed, for n bytes to move over. */
enum {
    MOVE_LONG_ONE = 0x170076fa,
    MOVE_LONG_TWO = (int32_t)0xa51b6135,
    MOVE_SHORT_ONE = 0x0d3b6092,
    MOVE_SHORT_TWO = (int32_t)0xb9e02b86,
};

/* Multiplies in the ring of polynomials; the product of 63 bits is reduced by the crc32
 * instruction, which multiplies by x^32 on its way: hence 33 less in the exponents above. */
TARGET_SSE42 static uint64_t crc32c_move(uint32_t crc, uint32_t factor)
{
    __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)crc), _mm_cvtsi32_si128((int)factor), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

static uint64_t load_word(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* Three neighbouring streams of `stream_size` bytes each. */
TARGET_SSE42 static uint32_t crc32c_three(uint32_t crc, const uint8_t *data, size_t stream_size,
                                          uint32_t move_one, uint32_t move_two)
{
    assert(stream_size % 8 == 0);
    uint64_t a = crc;
    uint64_t b = 0;
    uint64_t c = 0;
    const uint8_t *last = data + stream_size - 8;
    for (; data < last; data += 8) {
        a = _mm_crc32_u64(a, load_word(data));
        b = _mm_crc32_u64(b, load_word(data + stream_size));
        c = _mm_crc32_u64(c, load_word(data + 2 * stream_size));
    }
    a = _mm_crc32_u64(a, load_word(data));
    b = _mm_crc32_u64(b, load_word(data + stream_size));
    uint64_t moved = crc32c_move((uint32_t)a, move_two) ^ crc32c_move((uint32_t)b, move_one);
    return (uint32_t)_mm_crc32_u64(c, load_word(data + 2 * stream_size) ^ moved);
}

TARGET_SSE42 static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *data, size_t size)
{
    for (; size >= 3 * STREAM_LONG_SIZE; size -= 3 * STREAM_LONG_SIZE) {
        crc = crc32c_three(crc, data, STREAM_LONG_SIZE, MOVE_LONG_ONE, (uint32_t)MOVE_LONG_TWO);
        data += 3 * STREAM_LONG_SIZE;
    }
    for (; size >= 3 * STREAM_SHORT_SIZE; size -= 3 * STREAM_SHORT_SIZE) {
        crc = crc32c_three(crc, data, STREAM_SHORT_SIZE, MOVE_SHORT_ONE, (uint32_t)MOVE_SHORT_TWO);
        data += 3 * STREAM_SHORT_SIZE;
    }
    for (; size >= 8; data += 8, size -= 8)
        crc = (uint32_t)_mm_crc32_u64(crc, load_word(data));
    for (; size > 0; data++, size--)
        crc = _mm_crc32_u8(crc, *data);
    return crc;
}

/* Folding: 128 bits H * x^64 + L that stand D bits before others are congruent to
 * H * (x^(D+64) mod P) + L * (x^D mod P) there, which fits into 128 bits again. So a block of any
 * length shrinks to its last 16 bytes with two carry-less products per 16 bytes; the crc32
 * instruction does the rest. The exponents are D + 31 and D - 33 because operands are reversed and
 * of 32 bits. */
enum { FOLD_STEP_SIZE = 256, CACHE_LINE_SIZE = 64, FETCH_AHEAD_SIZE = 2048 };

TARGET_VPCLMULQDQ static __m512i fold(__m512i from, __m512i factors, __m512i into)
{
    __m512i low = _mm512_clmulepi64_epi128(from, factors, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(from, factors, 0x11);
    return _mm512_ternarylogic_epi64(low, high, into, 0x96); /* exclusive or of all three */
}

TARGET_VPCLMULQDQ static __m512i fold_factors(uint32_t low, uint32_t high)
{
    return _mm512_broadcast_i32x4(_mm_set_epi64x((long long)high, (long long)low));
}

/* The last four lanes of 128 bits into one checksum: each lane moves over those behind it. */
TARGET_VPCLMULQDQ static uint32_t fold_finish(__m512i value)
{
    const __m512i factors = _mm512_set_epi64(0, 0, 0x493c7d27, 0xf20c0dfe, 0xba4fc28e, 0x3da6d0cb,
                                             0xddc0152b, 0x1c291d04);
    __m512i zero = _mm512_setzero_si512();
    __m512i moved = fold(value, factors, zero); /* the last lane's factors are 0: it stays */
    __m128i sum = _mm512_extracti32x4_epi32(value, 3);
    sum = _mm_xor_si128(sum, _mm512_extracti32x4_epi32(moved, 0));
    sum = _mm_xor_si128(sum, _mm512_extracti32x4_epi32(moved, 1));
    sum = _mm_xor_si128(sum, _mm512_extracti32x4_epi32(moved, 2));
    uint64_t crc = _mm_crc32_u64(0, (uint64_t)_mm_extract_epi64(sum, 0));
    return (uint32_t)_mm_crc32_u64(crc, (uint64_t)_mm_extract_epi64(sum, 1));
}

/* What comes from disk is in no cache yet, and the processor's own prefetching stops at the end of
 * each small page. Beyond the end of the data it does no harm, and is of use where the next batch
 * follows. */
TARGET_VPCLMULQDQ static void fetch_ahead(const uint8_t *data)
{
    uintptr_t line = (uintptr_t)data + FETCH_AHEAD_SIZE;
    for (size_t at = 0; at < FOLD_STEP_SIZE; at += CACHE_LINE_SIZE)
        _mm_prefetch((const char *)(line + at), _MM_HINT_T0);
}

TARGET_VPCLMULQDQ static uint32_t crc32c_fold(uint32_t crc, const uint8_t *data, size_t size)
{
    assert(size >= FOLD_STEP_SIZE);
    assert(size % FOLD_STEP_SIZE == 0);
    __m512i a = _mm512_loadu_si512(data);
    __m512i b = _mm512_loadu_si512(data + 64);
    __m512i c = _mm512_loadu_si512(data + 128);
    __m512i d = _mm512_loadu_si512(data + 192);
    a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
    const __m512i over_256 = fold_factors(0xdcb17aa4, 0xb9e02b86);
    const __m512i over_64 = fold_factors(0x740eef02, 0x9e4addf8);
    for (size_t at = FOLD_STEP_SIZE; at < size; at += FOLD_STEP_SIZE) {
        fetch_ahead(data + at);
        a = fold(a, over_256, _mm512_loadu_si512(data + at));
        b = fold(b, over_256, _mm512_loadu_si512(data + at + 64));
        c = fold(c, over_256, _mm512_loadu_si512(data + at + 128));
        d = fold(d, over_256, _mm512_loadu_si512(data + at + 192));
    }
    return fold_finish(fold(fold(fold(a, over_64, b), over_64, c), over_64, d));
}

TARGET_VPCLMULQDQ static uint32_t crc32c_vpclmulqdq(uint32_t crc, const uint8_t *data, size_t size)
{
    size_t folded = size - size % FOLD_STEP_SIZE;
    if (folded > 0)
        crc = crc32c_fold(crc, data, folded);
    /* Where the upper parts of vectors are in use, all other code, which knows the lower ones only,
     * waits. The compiler says so by itself for a program, but not for single functions. */
    _mm256_zeroupper();
    return crc32c_sse42(crc, data + folded, size - folded);
}

/* libgcc reads cpuid once, before main, into a variable of its own; asking is a load and a test. */
bool crc32c_has(enum crc32c_method method)
{
    switch (method) {
    case CRC32C_TABLE: return true;
    case CRC32C_SSE42: return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
    case CRC32C_VPCLMULQDQ:
        return crc32c_has(CRC32C_SSE42) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq");
    }
    unreachable();
}

#else /* not x86-64: the table is all there is */

bool crc32c_has(enum crc32c_method method)
{
    return method == CRC32C_TABLE;
}

static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *data, size_t size)
{
    return crc32c_table(crc, data, size);
}

static uint32_t crc32c_vpclmulqdq(uint32_t crc, const uint8_t *data, size_t size)
{
    return crc32c_table(crc, data, size);
}

#endif

static uint32_t crc32c_run(enum crc32c_method method, uint32_t crc, const uint8_t *data,
                           size_t size)
{
    switch (method) {
    case CRC32C_TABLE: return ~crc32c_table(~crc, data, size);
    case CRC32C_SSE42: return ~crc32c_sse42(~crc, data, size);
    case CRC32C_VPCLMULQDQ: return ~crc32c_vpclmulqdq(~crc, data, size);
    }
    unreachable();
}

uint32_t crc32c_by(enum crc32c_method method, uint32_t crc, const void *data, size_t size)
{
    assert(crc32c_has(method));
    assert(data != NULL || size == 0);
    return crc32c_run(method, crc, data, size);
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    assert(data != NULL || size == 0);
    if (size >= FOLD_PAYS_SIZE && crc32c_has(CRC32C_VPCLMULQDQ))
        return crc32c_run(CRC32C_VPCLMULQDQ, crc, data, size);
    if (crc32c_has(CRC32C_SSE42))
        return crc32c_run(CRC32C_SSE42, crc, data, size);
    return crc32c_run(CRC32C_TABLE, crc, data, size);
}
