// Attention of bf16 on tiles. Included by amx_tiles.h.
//
// Scores are made the other way round, keys × queries: a vector then holds 16 queries, so that maxima, sums
// and factors of the softmax are whole vectors, and two rows of weights become the paired words of the next
// product's right factor without moving between lanes. Left factors are rows of bf16; right factors are words
// of two neighbouring rows.
#include "philox_simd.h"

#include "attention_packing_body.h"
#include "attention_softmax_body.h"

// c [32, 32] (ldc apart) = [c +] a [32, 32 · depth] · b; rows of a lie a_bytes, rows of words of b b_bytes
// apart.
YK_INLINE void YK_NAME(amx_product)(float *c, int64_t ldc, bool add, const void *a, int64_t a_bytes,
                                    const void *b, int64_t b_bytes, int64_t depth) {
    const char *left = a, *right = b;
    float *low = c + 16 * ldc;
    if (add) {
        TILE_LOAD(0, c, ldc * 4);
        TILE_LOAD(1, c + 16, ldc * 4);
        TILE_LOAD(2, low, ldc * 4);
        TILE_LOAD(3, low + 16, ldc * 4);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    for (int64_t k = 0; k < depth; k++, left += 64, right += 16 * b_bytes) {
        TILE_LOAD(4, left, a_bytes);
        TILE_LOAD(6, right, b_bytes);
        TILE_DOT(0, 4, 6);
        TILE_LOAD(7, right + 64, b_bytes);
        TILE_DOT(1, 4, 7);
        TILE_LOAD(5, left + 16 * a_bytes, a_bytes);
        TILE_DOT(2, 5, 6);
        TILE_DOT(3, 5, 7);
    }
    TILE_STORE(0, c, ldc * 4);
    TILE_STORE(1, c + 16, ldc * 4);
    TILE_STORE(2, low, ldc * 4);
    TILE_STORE(3, low + 16, ldc * 4);
}

// ---- Packing ----

// Rows of E values `stride` apart to rows of `width`; zeros to the right, and below up to `height` rows.
static void YK_NAME(amx_rows)(uint16_t *to, int64_t width, const uint16_t *from, int64_t stride, int64_t rows,
                              int64_t E, int64_t height) {
    for (int64_t r = 0; r < rows; r++, to += width, from += stride) {
        memcpy(to, from, (size_t)E * 2);
        memset(to + E, 0, (size_t)(width - E) * 2);
    }
    memset(to, 0, (size_t)((height - rows) * width) * 2);
}

// Rows [rows, width] to words of two neighbouring rows [rows / 2, width].
static void YK_NAME(amx_pairs)(uint32_t *to, const uint16_t *rows, int64_t count, int64_t width) {
    for (int64_t r = 0; r < count; r += 2, rows += 2 * width, to += width)
        for (int64_t i = 0; i < width; i += YK_LANES) {
            const vu low = __builtin_convertvector(*(const vh *)(rows + i), vu);
            *(vu *)(to + i) = low | __builtin_convertvector(*(const vh *)(rows + width + i), vu) << 16;
        }
}

// Words [rows, columns] to their transpose, `ld` words apart; multiples of 8.
static void YK_NAME(amx_turn)(uint32_t *to, int64_t ld, const uint32_t *words, int64_t rows,
                              int64_t columns) {
    for (int64_t r = 0; r < rows; r += 8)
        for (int64_t i = 0; i < columns; i += 8)
            YK_NAME(at_turn)
    ((float *)to + i * ld + r, ld, (const char *)(words + r * columns + i), columns * 4, YK_F32);
}

// ---- Masks ----

// What masks a block of 32 queries and some keys: query i sees key j where j < count, j < first + i and the
// segments agree (where they count).
typedef struct YK_NAME(amx_mask) {
    int64_t first, count;
    const int32_t *queries, *keys; // segments; NULL where they mask nothing
} YK_NAME(amx_mask);

// The lanes, of the queries from i on, that see key j.
YK_INLINE vi YK_NAME(amx_visible)(const YK_NAME(amx_mask) * m, int64_t j, int64_t i) {
    const vi lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    if (j >= m->count)
        return (vi){};
    const int64_t behind = j - m->first - i; // lanes above this see the key
    vi visible = lanes > (vi){} + (int32_t)(behind < -1 ? -1 : behind > 16 ? 16 : behind);
    if (m->keys && m->keys[j] < 0)
        return (vi){};
    if (m->keys)
        visible &= *(const vi *)(m->queries + i) == (vi){} + m->keys[j];
    return visible;
}

// The factors of dropout of 32 queries and `keys` keys (a multiple of 32), turned: [keys, 32]. `word` is the
// word of the first query and key, S words from query to query; `rows` holds [32, keys].
static void YK_NAME(amx_factors)(float *factors, float *rows, const YK_NAME(at_dropout) * dropout,
                                 uint64_t word, int64_t S, int64_t queries, int64_t keys) {
    for (int64_t i = 0; i < queries; i++)
        YK_NAME(at_factors)(rows + i * keys, dropout, word + (uint64_t)i * (uint64_t)S, keys);
    memset(rows + queries * keys, 0, (size_t)((32 - queries) * keys) * sizeof(float));
    YK_NAME(amx_turn)((uint32_t *)factors, 32, (const uint32_t *)rows, 32, keys);
}

// The transpose [width, 32] of queries' rows to rows of bf16, times each query's factor. `rows` holds [32,
// width].
static void YK_NAME(amx_put_queries)(void *to, int64_t stride, const float *turned, float *rows,
                                     int64_t queries, int64_t E, int64_t width, const float *factor) {
    for (int64_t e = 0; e < width; e += 8)
        for (int64_t i = 0; i < 32; i += 8)
            YK_NAME(at_turn)(rows + i * width + e, width, (const char *)(turned + e * 32 + i), 128, YK_F32);
    for (int64_t i = 0; i < queries; i++)
        YK_NAME(at_unpack_row)((uint16_t *)to + i * stride, YK_BF16, rows + i * width, E, factor[i]);
}

// The upper halves of two vectors, rounded (ties away from zero), as words: `even` in the low halves.
YK_INLINE vu YK_NAME(amx_words)(vf even, vf odd) {
    return (((vu)odd + 0x8000u) & 0xFFFF0000u) | ((vu)even + 0x8000u) >> 16;
}
YK_INLINE vh YK_NAME(amx_halves)(vf x) { return __builtin_convertvector(((vu)x + 0x8000u) >> 16, vh); }

// Memory cut into parts of 64 bytes' multiples.
typedef struct YK_NAME(amx_memory) {
    char *at;
    size_t used;
} YK_NAME(amx_memory);

static void *YK_NAME(amx_take)(YK_NAME(amx_memory) * m, int64_t bytes) {
    void *block = (void *)((uintptr_t)m->at + m->used);
    m->used += (size_t)(bytes + 63) / 64 * 64;
    return block;
}

#include "attention_amx_forward_body.h"

#include "attention_amx_backward_body.h"
