// Matrix products of bf16 by dot products of pairs; the blocking is that of f32.
#include "typed_simd.h"

#include "activation_simd.h"
#include "gemm_epilogue.h"
#include "gemm_pack.h"
#include "gemm_pairs.h"

// All lanes equal to a word.
YK_INLINE vu YK_NAME(splat_word)(uint32_t x) { return x + (vu){}; }

static void YK_NAME(pack_rows)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride,
                               int64_t x, int64_t k) {
    (void)type;
    YK_NAME(pack_pairs)(panel, source, x_stride, k_stride, x, k, PAIR_ROWS, 2);
}

static void YK_NAME(pack_columns)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride,
                                  int64_t x, int64_t k) {
    (void)type;
    YK_NAME(pack_pairs)(panel, source, x_stride, k_stride, x, k, PAIR_COLUMNS, 2);
}

static void YK_NAME(tile)(int64_t k, const void *panel_a, const void *panel_b, const float *in, int64_t in_stride,
                          float *out, int64_t out_stride, const gemm_ahead *ahead) {
    (void)ahead;
    const uint32_t *a = panel_a;
    const char *b = panel_b;
    vf sums[PAIR_ROWS][2] = {};
    for (int r = 0; in && r < PAIR_ROWS; r++) __builtin_prefetch(in + r * in_stride);
    for (int64_t i = 0; i < k; i += 2, a += PAIR_ROWS, b += PAIR_COLUMNS * 4) {
        vu b0, b1;
        memcpy(&b0, b, sizeof b0);
        memcpy(&b1, b + sizeof b0, sizeof b1);
#pragma clang loop unroll(full)
        for (int r = 0; r < PAIR_ROWS; r++) {
            const vu x = YK_NAME(splat_word)(a[r]);
            sums[r][0] = PAIR_DOT(sums[r][0], x, b0);
            sums[r][1] = PAIR_DOT(sums[r][1], x, b1);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < PAIR_ROWS; r++) {
        vf s0 = sums[r][0], s1 = sums[r][1];
        if (in) {
            s0 += YK_NAME(load)(in + r * in_stride);
            s1 += YK_NAME(load)(in + r * in_stride + YK_LANES);
        }
        YK_NAME(store)(out + r * out_stride, s0);
        YK_NAME(store)(out + r * out_stride + YK_LANES, s1);
    }
}

static const gemm_engine YK_NAME(engine) = {
    .mr = PAIR_ROWS,
    .nr = PAIR_COLUMNS,
    .k_block = PAIR_K_BLOCK,
    .k_unit = 2,
    .element = 2,
    .least_rows = 8 * PAIR_ROWS,
    .most_rows = 192,
    .row_pieces = 6,
    .least_columns = 2 * PAIR_COLUMNS,
    .most_columns = 256,
    .column_pieces = 6,
    .row_block = 192,
    .pack_a = YK_NAME(pack_rows),
    .pack_b = YK_NAME(pack_columns),
    .tile = YK_NAME(tile),
    .epilogue = YK_NAME(epilogue),
};

// ---- Few rows ----

YK_INLINE int64_t YK_NAME(skinny_words)(int64_t k) { return (k + 1) / 2; }

static void YK_NAME(skinny_prepare)(float *x, const void *row, yk_dtype type, int64_t k_stride, int64_t k) {
    (void)type;
    const uint16_t *p = row;
    for (int64_t i = 0; i < k; i += 2, x++) {
        uint32_t word = p[i * k_stride] | (i + 1 < k ? (uint32_t)p[(i + 1) * k_stride] << 16 : 0);
        memcpy(x, &word, 4);
    }
}

YK_INLINE vu YK_NAME(skinny_pair)(const float *x) {
    uint32_t word;
    memcpy(&word, x, 4);
    return YK_NAME(splat_word)(word);
}

YK_INLINE void YK_NAME(skinny_turned)(vf *sums, const char *const *rows, yk_dtype type, const float *x,
                                      int64_t x_stride, int64_t k0, int64_t k1, const int ROWS, const int GROUPS) {
    (void)type;
    int64_t k = k0;
    for (; k + 8 <= k1; k += 8)
        for (int group = 0; group < GROUPS; group++) {
            const char *here[YK_LANES];
            for (int r = 0; r < YK_LANES; r++) here[r] = rows[group * YK_LANES + r] + k * 2;
            vf words[4];
            YK_NAME(turn)(words, here);
            for (int w = 0; w < 4; w++)
                for (int r = 0; r < ROWS; r++) {
                    vf *sum = &sums[group * ROWS + r];
                    *sum = PAIR_DOT(*sum, YK_NAME(skinny_pair)(x + r * x_stride + k / 2 + w), words[w]);
                }
        }
    for (; k < k1; k += 2)
        for (int group = 0; group < GROUPS; group++) {
            uint32_t lanes[YK_LANES];
            for (int r = 0; r < YK_LANES; r++) {
                const uint16_t *p = (const uint16_t *)rows[group * YK_LANES + r] + k;
                lanes[r] = p[0] | (k + 1 < k1 ? (uint32_t)p[1] << 16 : 0);
            }
            vu words;
            memcpy(&words, lanes, sizeof words);
            for (int r = 0; r < ROWS; r++) {
                vf *sum = &sums[group * ROWS + r];
                *sum = PAIR_DOT(*sum, YK_NAME(skinny_pair)(x + r * x_stride + k / 2), words);
            }
        }
}

YK_INLINE void YK_NAME(skinny_straight)(vf *sums, const char *b, int64_t b_row, yk_dtype type, const float *x,
                                        int64_t x_stride, int64_t k0, int64_t k1, int64_t count, const int ROWS,
                                        const int GROUPS) {
    (void)type;
    for (int64_t k = k0; k < k1; k += 2)
        for (int group = 0; group < GROUPS; group++) {
            const uint16_t *even = (const uint16_t *)b + k * b_row + group * YK_LANES;
            const uint16_t *odd = k + 1 < k1 ? even + b_row : NULL;
            vu words;
            if (count == YK_LANES * GROUPS) {
                words = YK_NAME(interleave)(even, odd);
            } else {
                uint32_t lanes[YK_LANES] = {0};
                for (int64_t j = 0; j < count; j++) lanes[j] = even[j] | (odd ? (uint32_t)odd[j] << 16 : 0);
                memcpy(&words, lanes, sizeof words);
            }
            for (int r = 0; r < ROWS; r++) {
                vf *sum = &sums[group * ROWS + r];
                *sum = PAIR_DOT(*sum, YK_NAME(skinny_pair)(x + r * x_stride + k / 2), words);
            }
        }
}

#define SKINNY_K_BLOCK PAIR_K_BLOCK
#define SKINNY_F32 false
#include "gemm_skinny.h"
#undef SKINNY_K_BLOCK
#undef SKINNY_F32

void yk_gemm_pairs(const yk_gemm_call *g) {
    if (g->m <= 8) YK_NAME(gemm_skinny)(g);
    else yk_gemm_blocks(g, &YK_NAME(engine));
}
