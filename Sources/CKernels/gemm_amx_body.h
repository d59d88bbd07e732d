// Matrix products of bf16 on tiles: 32 × 32 results in four tiles, 32 values of k at a time. Compiled for the tile
// instructions, and a second time over tiles in memory (amx_tiles.h).
//
// A packed panel of a holds, for every 32 k, its 32 rows of 64 bytes; one of b the words of gemm_pairs.h. A sum goes
// through a tile from the first k to the last, in steps of 32, whatever the blocks.
#include "typed_simd.h"

#include "activation_simd.h"
#include "gemm_epilogue.h"
#include "gemm_pack.h"
#include "gemm_pairs.h"

static void YK_NAME(pack_tile_columns)(void *panel, const void *source, yk_dtype type, int64_t x_stride,
                                       int64_t k_stride, int64_t x, int64_t k) {
    (void)type;
    YK_NAME(pack_pairs)(panel, source, x_stride, k_stride, x, k, AMX_EXTENT, AMX_K);
}

// 32 rows of 64 bytes, from rows whose k lie side by side.
YK_INLINE void YK_NAME(tile_rows_straight)(char *out, const char *source, int64_t stride_bytes, int64_t x, int64_t k) {
    const size_t bytes = (size_t)k * 2;
    for (int64_t r = 0; r < x; r++, out += 64, source += stride_bytes) {
        if (k == AMX_K) {
            memcpy(out, source, 64);
        } else {
            memcpy(out, source, bytes);
            memset(out + bytes, 0, 64 - bytes);
        }
    }
    memset(out, 0, (size_t)(AMX_EXTENT - x) * 64);
}

// The same from rows that lie side by side: pairs first, then turned.
YK_INLINE void YK_NAME(tile_rows_turned)(char *out, const uint16_t *source, int64_t k_stride, int64_t x, int64_t k) {
    _Alignas(64) uint32_t words[AMX_K / 2 * AMX_EXTENT];
    YK_NAME(pack_pairs_straight)(words, source, k_stride, x, k, AMX_EXTENT);
    const int64_t filled = (k + 1) / 2;
    memset(words + filled * AMX_EXTENT, 0, (size_t)(AMX_K / 2 - filled) * AMX_EXTENT * sizeof *words);
    for (int64_t r = 0; r < AMX_EXTENT; r += 4)
        for (int64_t pair = 0; pair < AMX_K / 2; pair += YK_LANES) {
            const char *rows[YK_LANES];
            for (int64_t n = 0; n < YK_LANES; n++) rows[n] = (const char *)(words + (pair + n) * AMX_EXTENT + r);
            vf turned[4];
            YK_NAME(turn)(turned, rows);
            for (int64_t n = 0; n < 4; n++) memcpy(out + (r + n) * 64 + pair * 4, &turned[n], sizeof turned[n]);
        }
}

static void YK_NAME(pack_tile_rows)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride,
                                    int64_t x, int64_t k) {
    (void)type;
    char *out = panel;
    const uint16_t *p = source;
    for (int64_t i = 0; i < k; i += AMX_K, out += 64 * AMX_EXTENT) {
        const int64_t count = least(AMX_K, k - i);
        if (k_stride == 1)
            YK_NAME(tile_rows_straight)(out, (const char *)(p + i), x_stride * 2, x, count);
        else YK_NAME(tile_rows_turned)(out, p + i * k_stride, k_stride, x, count);
    }
}

// The next `rows` rows of the epilogue that waits.
static void YK_NAME(portion)(gemm_deferred *d, int64_t rows) {
    rows = least(rows, d->rows - d->done);
    if (rows <= 0) return;
    YK_NAME(epilogue)(d->call, d->batch, d->i + d->done, d->j, rows, d->columns,
                      d->sums[d->current] + d->done * AMX_EXTENT, AMX_EXTENT);
    d->done += rows;
}

static void YK_NAME(finish_deferred)(gemm_deferred *d) { YK_NAME(portion)(d, AMX_EXTENT); }

// The share of a step of 32 k in what is asked for ahead.
YK_INLINE void YK_NAME(fetch)(const gemm_ahead *f, int64_t step, int64_t lines, int64_t rows) {
    for (int64_t r = 0; r < f->a_rows; r++) __builtin_prefetch(f->a + r * f->a_row + step * 64, 0, 2);
    const int64_t line_end = least((step + 1) * lines, f->line_count);
    for (int64_t n = step * lines; n < line_end; n++) __builtin_prefetch(f->lines + n * 64, 0, 2);
    const int64_t row_end = least((step + 1) * rows, f->result_rows);
    for (int n = 0; n < 3; n++)
        for (int64_t r = step * rows; r < row_end; r++)
            for (int64_t at = 0; at < f->results[n].bytes; at += 64)
                __builtin_prefetch(f->results[n].at + r * f->results[n].row + at, 1, 3);
}

// The sums of 32 × 32 results; a as a panel, or its rows where they lie.
YK_INLINE void YK_NAME(tile_sums)(int64_t k, const char *a, int64_t a_row, int64_t a_step, const char *b,
                                  const float *in, int64_t in_stride, float *out, int64_t out_stride,
                                  const gemm_ahead *ahead) {
    gemm_deferred *d = deferred_tile();
    const int64_t waiting = d->rows - d->done, rows = waiting ? ceil_div(waiting * AMX_K, most(k, 1)) : 0;
    const int64_t steps = most(ceil_div(k, AMX_K), 1);
    const int64_t lines = ceil_div(ahead->line_count, steps), results = ceil_div(ahead->result_rows, steps);
    if (in) {
        TILE_LOAD(0, in, in_stride * 4);
        TILE_LOAD(1, in + 16, in_stride * 4);
        TILE_LOAD(2, in + 16 * in_stride, in_stride * 4);
        TILE_LOAD(3, in + 16 * in_stride + 16, in_stride * 4);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    for (int64_t i = 0, step = 0; i < k; i += AMX_K, step++, a += a_step, b += 64 * AMX_EXTENT) {
        TILE_LOAD(4, a, a_row);
        TILE_LOAD(6, b, 128);
        TILE_DOT(0, 4, 6);
        TILE_LOAD(7, b + 64, 128);
        TILE_DOT(1, 4, 7);
        TILE_LOAD(5, a + 16 * a_row, a_row);
        TILE_DOT(2, 5, 6);
        TILE_DOT(3, 5, 7);
        YK_NAME(fetch)(ahead, step, lines, results);
        if (rows) YK_NAME(portion)(d, rows);
    }
    TILE_STORE(0, out, out_stride * 4);
    TILE_STORE(1, out + 16, out_stride * 4);
    TILE_STORE(2, out + 16 * out_stride, out_stride * 4);
    TILE_STORE(3, out + 16 * out_stride + 16, out_stride * 4);
}

static void YK_NAME(amx_tile)(int64_t k, const void *a, const void *b, const float *in, int64_t in_stride, float *out,
                              int64_t out_stride, const gemm_ahead *ahead) {
    YK_NAME(tile_sums)(k, a, 64, 64 * AMX_EXTENT, b, in, in_stride, out, out_stride, ahead);
}

static void YK_NAME(amx_tile_in_place)(int64_t k, const void *a, int64_t a_row, const void *b, const float *in,
                                       int64_t in_stride, float *out, int64_t out_stride, const gemm_ahead *ahead) {
    YK_NAME(tile_sums)(k, a, a_row, 64, b, in, in_stride, out, out_stride, ahead);
}

static void YK_NAME(begin_tiles)(void) { TILE_BEGIN(); }
static void YK_NAME(end_tiles)(void) { TILE_END(); }

// ---- Up to 16 rows with weights whose k lie side by side: decoding ----
//
// The weights are read where they lie, as the rows of the left factor; the rows of a are the columns of the right one.
// The products of a pair are the same either way round, and so are the bits.

typedef struct YK_NAME(narrow) {
    const yk_gemm_call *g;
    const char *x;   // per product of the batch: the rows of a as tiles of pairs, 16 wide
    int64_t tiles;   // of 32 k
    int64_t columns; // of a piece
    int64_t pieces;  // of a product
} YK_NAME(narrow);

// 32 k of 16 rows of the weight: in place, or copied to `spare` where they would reach beyond it.
YK_INLINE const char *YK_NAME(weight_tile)(const char *rows, int64_t stride_bytes, int64_t x, int64_t k, char *spare,
                                           int64_t *stride) {
    *stride = stride_bytes;
    if (x == 16 && k == AMX_K) return rows;
    *stride = 64;
    memset(spare, 0, 1024);
    for (int64_t r = 0; r < x; r++) memcpy(spare + r * 64, rows + r * stride_bytes, (size_t)k * 2);
    return spare;
}

// 64 columns of one product from j on.
static void YK_NAME(narrow_columns)(const YK_NAME(narrow) * s, int64_t batch, int64_t j, int64_t count) {
    const yk_gemm_call *g = s->g;
    _Alignas(64) char spare[1024];
    _Alignas(64) float sums[64 * 16], rows[16 * 64];
    const bool starts = gemm_is_direct(g) && g->accumulate;
    float *c = (float *)g->c + batch * g->c_batch + j;
    memset(sums, 0, sizeof sums);
    for (int64_t n = 0; starts && n < count; n++)
        for (int64_t r = 0; r < g->m; r++) sums[n * 16 + r] = c[r * g->c_row + n];
    const int64_t stride_bytes = g->b_column * 2;
    const char *weights = (const char *)g->b + (batch * g->b_batch + j * g->b_column) * 2;
    const char *x = s->x + batch * s->tiles * 1024;
    TILE_LOAD(0, sums, 64);
    TILE_LOAD(1, sums + 16 * 16, 64);
    TILE_LOAD(2, sums + 32 * 16, 64);
    TILE_LOAD(3, sums + 48 * 16, 64);
    for (int64_t t = 0; t < s->tiles; t++, x += 1024) {
        const int64_t k = least(AMX_K, g->k - t * AMX_K);
        const char *from = weights + t * 64;
        int64_t stride;
        TILE_LOAD(7, x, 64);
#define STEP(number, scratch)                                                                                          \
    if (16 * number < count) {                                                                                         \
        const char *w = YK_NAME(weight_tile)(from + 16 * number * stride_bytes, stride_bytes,                          \
                                             least(16, count - 16 * number), k, spare, &stride);                       \
        TILE_LOAD(scratch, w, stride);                                                                                 \
        TILE_DOT(number, scratch, 7);                                                                                  \
    }
        STEP(0, 4)
        STEP(1, 5)
        STEP(2, 6)
        STEP(3, 4)
#undef STEP
    }
    TILE_STORE(0, sums, 64);
    TILE_STORE(1, sums + 16 * 16, 64);
    TILE_STORE(2, sums + 32 * 16, 64);
    TILE_STORE(3, sums + 48 * 16, 64);
    for (int64_t r = 0; r < g->m; r++)
        for (int64_t n = 0; n < count; n++) rows[r * 64 + n] = sums[n * 16 + r];
    if (gemm_is_direct(g))
        for (int64_t r = 0; r < g->m; r++) memcpy(c + r * g->c_row, rows + r * 64, (size_t)count * sizeof(float));
    else YK_NAME(epilogue)(g, batch, 0, j, g->m, count, rows, 64);
}

static void YK_NAME(narrow_piece)(void *context, int64_t number) {
    const YK_NAME(narrow) *s = context;
    const int64_t batch = number / s->pieces, j0 = number % s->pieces * s->columns;
    const int64_t j1 = least(s->g->n, j0 + s->columns);
    TILE_BEGIN();
    for (int64_t j = j0; j < j1; j += 64) YK_NAME(narrow_columns)(s, batch, j, least(64, j1 - j));
    TILE_END();
}

static void YK_NAME(gemm_narrow)(const yk_gemm_call *g) {
    YK_NAME(narrow) s = {.g = g, .tiles = ceil_div(g->k, AMX_K)};
    char *x = yk_scratch(0, (size_t)(g->batch * s.tiles) * 1024 + 64);
    s.x = x;
    const uint16_t *a = g->a;
    for (int64_t batch = 0; batch < g->batch; batch++, x += s.tiles * 1024)
        YK_NAME(pack_pairs)(x, a + batch * g->a_batch, g->a_row, g->a_column, g->m, g->k, 16, AMX_K);
    // Pieces of about 128 KB of weights.
    const int64_t bytes = most(g->k * 2, 1);
    s.columns = least(round_up(g->n, 64), round_up(ceil_div(131072, bytes), 64));
    s.pieces = ceil_div(g->n, s.columns);
    if (g->batch * g->n * bytes <= 262144)
        for (int64_t p = 0; p < g->batch * s.pieces; p++) YK_NAME(narrow_piece)(&s, p);
    else yk_parallel(g->batch * s.pieces, YK_NAME(narrow_piece), &s);
}

void YK_NAME(yk_gemm)(const yk_gemm_call *g) {
    if (g->m <= 16 && g->b_column != 1 && g->k > 0) {
        YK_NAME(gemm_narrow)(g);
        return;
    }
    gemm_engine engine = {
        .mr = AMX_EXTENT,
        .nr = AMX_EXTENT,
        .k_unit = AMX_K,
        .element = 2,
        .least_rows = 64,
        .most_rows = 512,
        .row_pieces = 4,
        .least_columns = 64,
        .most_columns = 512,
        .column_pieces = 2,
        .keeps_a = true,
        .pack_a = YK_NAME(pack_tile_rows),
        .pack_b = YK_NAME(pack_tile_columns),
        .tile = YK_NAME(amx_tile),
        .tile_in_place = YK_NAME(amx_tile_in_place),
        .alignment = 64,
        .epilogue = YK_NAME(epilogue),
        .deferred = deferred_tile,
        .finish_deferred = YK_NAME(finish_deferred),
        .begin = YK_NAME(begin_tiles),
        .end = YK_NAME(end_tiles),
    };
    // Blocks of k of equal size as far as one outer block goes; the panels of b that pass fill a quarter of L2, those
    // that come after them another.
    const int64_t blocks = ceil_div(least(g->k, GEMM_OUTER_K), 1024);
    engine.k_block = g->k > GEMM_OUTER_K ? 1024 : round_up(ceil_div(most(g->k, 1), most(blocks, 1)), AMX_K);
    engine.column_block = most((1 << 18) / engine.k_block / AMX_EXTENT, 1) * AMX_EXTENT;
    yk_gemm_blocks(g, &engine);
}
