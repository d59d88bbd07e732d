// Matrix products in f32 (bf16 is widened while packing), on vectors.
#include "typed_simd.h"

#include "activation_simd.h"
#include "gemm_epilogue.h"
#include "gemm_pack.h"

// A tile has TILE_ROWS rows of TILE_VECTORS vectors, and TILE_GROUP of its rows share an address. TILE_STEPS values of k
// are multiplied between two requests for memory; BLOCK_ROWS rows pass a panel of b.
#if YK_LANES == 16
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define TILE_GROUP 2
#define TILE_STEPS 8
#define BLOCK_ROWS 96
#else
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TILE_GROUP 3
#define TILE_STEPS 1
#define BLOCK_ROWS 192
#endif
#define TILE_COLUMNS (TILE_VECTORS * YK_LANES)

static void YK_NAME(pack_rows)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride,
                               int64_t x, int64_t k) {
    YK_NAME(pack)(panel, source, type, x_stride, k_stride, x, k, TILE_ROWS);
}

static void YK_NAME(pack_columns)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride,
                                  int64_t x, int64_t k) {
    YK_NAME(pack)(panel, source, type, x_stride, k_stride, x, k, TILE_COLUMNS);
}

// Adds `steps` values of k to the sums. The rows of group q begin at rows[q] and lie `row` apart.
YK_INLINE void YK_NAME(tile_steps)(vf sums[TILE_ROWS][TILE_VECTORS], const float *rows[TILE_ROWS / TILE_GROUP],
                                   const int64_t row, const int64_t step, const float *b, const int steps) {
#pragma clang loop unroll(full)
    for (int i = 0; i < steps; i++) {
        vf columns[TILE_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < TILE_VECTORS; v++) columns[v] = YK_NAME(load)(b + i * TILE_COLUMNS + v * YK_LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < TILE_ROWS; r++) {
            const vf x = YK_NAME(splat)(rows[r / TILE_GROUP][r % TILE_GROUP * row + i * step]);
#pragma clang loop unroll(full)
            for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] += x * columns[v];
        }
    }
    for (int q = 0; q < TILE_ROWS / TILE_GROUP; q++) rows[q] += steps * step;
}

// The sums of a tile live in registers: 12 of 16, or 24 of 32. Element (r, i) of a lies at r · row + i · step. On the
// way the tile asks the second-level cache for its share of the next panel of b.
YK_INLINE void YK_NAME(tile_sums)(int64_t k, const float *a, const int64_t row, const int64_t step, const float *b,
                                  const float *in, int64_t in_stride, float *out, int64_t out_stride,
                                  const gemm_ahead *ahead) {
    const float *rows[TILE_ROWS / TILE_GROUP] = {a};
    for (int q = 1; q < TILE_ROWS / TILE_GROUP; q++) rows[q] = rows[q - 1] + TILE_GROUP * row;
    vf sums[TILE_ROWS][TILE_VECTORS] = {};
    for (int r = 0; in && r < TILE_ROWS; r++) __builtin_prefetch(in + r * in_stride);
    const char *lines = ahead->lines;
    const char *const last = lines + 64 * ahead->line_count;
    int64_t i = 0;
    for (; i + TILE_STEPS <= k; i += TILE_STEPS, b += TILE_STEPS * TILE_COLUMNS) {
        if (TILE_STEPS > 1 && lines < last) {
            __builtin_prefetch(lines, 0, 2);
            lines += 64;
        }
        YK_NAME(tile_steps)(sums, rows, row, step, b, TILE_STEPS);
    }
    for (; i < k; i++, b += TILE_COLUMNS) YK_NAME(tile_steps)(sums, rows, row, step, b, 1);
#pragma clang loop unroll(full)
    for (int r = 0; r < TILE_ROWS; r++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < TILE_VECTORS; v++) {
            vf sum = sums[r][v];
            if (in) sum += YK_NAME(load)(in + r * in_stride + v * YK_LANES);
            YK_NAME(store)(out + r * out_stride + v * YK_LANES, sum);
        }
    }
}

static void YK_NAME(tile)(int64_t k, const void *a, const void *b, const float *in, int64_t in_stride, float *out,
                          int64_t out_stride, const gemm_ahead *ahead) {
    YK_NAME(tile_sums)(k, a, 1, TILE_ROWS, b, in, in_stride, out, out_stride, ahead);
}

static void YK_NAME(tile_in_place)(int64_t k, const void *a, int64_t a_row, const void *b, const float *in,
                                   int64_t in_stride, float *out, int64_t out_stride, const gemm_ahead *ahead) {
    YK_NAME(tile_sums)(k, a, a_row / (int64_t)sizeof(float), 1, b, in, in_stride, out, out_stride, ahead);
}

static const gemm_engine YK_NAME(engine) = {
    .mr = TILE_ROWS,
    .nr = TILE_COLUMNS,
    .k_block = K_BLOCK,
    .k_unit = 1,
    .element = 4,
    .least_rows = 8 * TILE_ROWS,
    .most_rows = BLOCK_ROWS,
    .row_pieces = 6,
    .least_columns = 2 * TILE_COLUMNS,
    .most_columns = 256,
    .column_pieces = 6,
    .row_block = BLOCK_ROWS,
    .asks_for_b = TILE_STEPS > 1,
    .pack_a = YK_NAME(pack_rows),
    .pack_b = YK_NAME(pack_columns),
    .tile = YK_NAME(tile),
    .tile_in_place = YK_NAME(tile_in_place),
    .alignment = sizeof(float),
    .epilogue = YK_NAME(epilogue),
};

// ---- Few rows ----

YK_INLINE int64_t YK_NAME(skinny_words)(int64_t k) { return k; }

static void YK_NAME(skinny_prepare)(float *x, const void *row, yk_dtype type, int64_t k_stride, int64_t k) {
    for (int64_t i = 0; i < k; i++) x[i] = (float)yk_get(row, type, i * k_stride);
}

// Adds k0..<k1 of YK_LANES·GROUPS columns whose k lie side by side.
YK_INLINE void YK_NAME(skinny_turned)(vf *sums, const char *const *rows, yk_dtype type, const float *x,
                                      int64_t x_stride, int64_t k0, int64_t k1, const int ROWS, const int GROUPS) {
    const int64_t size = type == YK_BF16 ? 2 : 4, step = 16 / size;
    int64_t k = k0;
    for (; k + step <= k1; k += step)
        for (int group = 0; group < GROUPS; group++) {
            const char *here[YK_LANES];
            for (int r = 0; r < YK_LANES; r++) here[r] = rows[group * YK_LANES + r] + k * size;
            vf words[4];
            YK_NAME(turn)(words, here);
            for (int w = 0; w < 4; w++)
                for (int r = 0; r < ROWS; r++) {
                    vf *sum = &sums[group * ROWS + r];
                    if (type == YK_BF16) {
                        *sum += YK_NAME(splat)(x[r * x_stride + k + 2 * w]) * YK_NAME(even_bf16)(words[w]);
                        *sum += YK_NAME(splat)(x[r * x_stride + k + 2 * w + 1]) * YK_NAME(odd_bf16)(words[w]);
                    } else {
                        *sum += YK_NAME(splat)(x[r * x_stride + k + w]) * words[w];
                    }
                }
        }
    for (; k < k1; k++)
        for (int group = 0; group < GROUPS; group++) {
            float lanes[YK_LANES];
            for (int r = 0; r < YK_LANES; r++) {
                const char *p = rows[group * YK_LANES + r] + k * size;
                lanes[r] = type == YK_BF16 ? yk_from_bf16(*(const uint16_t *)p) : *(const float *)p;
            }
            for (int r = 0; r < ROWS; r++)
                sums[group * ROWS + r] += YK_NAME(splat)(x[r * x_stride + k]) * YK_NAME(load)(lanes);
        }
}

// Adds k0..<k1 of `count` ≤ YK_LANES·GROUPS columns that lie side by side.
YK_INLINE void YK_NAME(skinny_straight)(vf *sums, const char *b, int64_t b_row, yk_dtype type, const float *x,
                                        int64_t x_stride, int64_t k0, int64_t k1, int64_t count, const int ROWS,
                                        const int GROUPS) {
    for (int64_t k = k0; k < k1; k++)
        for (int group = 0; group < GROUPS; group++) {
            const int64_t at = k * b_row + group * YK_LANES;
            const vf w = count == YK_LANES * GROUPS ? YK_NAME(get)(b, type, at)
                                                    : YK_NAME(get_part)(b, type, at, count, 0);
            for (int r = 0; r < ROWS; r++) sums[group * ROWS + r] += YK_NAME(splat)(x[r * x_stride + k]) * w;
        }
}

#define SKINNY_K_BLOCK K_BLOCK
#define SKINNY_F32 true
#include "gemm_skinny.h"
#undef SKINNY_K_BLOCK
#undef SKINNY_F32

static void YK_NAME(gemm)(const yk_gemm_call *g) {
    if (g->m <= 8) YK_NAME(gemm_skinny)(g);
    else yk_gemm_blocks(g, &YK_NAME(engine));
}

#undef TILE_ROWS
#undef TILE_VECTORS
#undef TILE_GROUP
#undef TILE_STEPS
#undef BLOCK_ROWS
#undef TILE_COLUMNS
