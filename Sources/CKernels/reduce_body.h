#include "typed_simd.h"

typedef double YK_NAME(vd) __attribute__((vector_size(YK_LANES * 8), aligned(8)));

YK_INLINE vf YK_NAME(plus)(vf a, vf b) { return a + b; }
YK_INLINE vf YK_NAME(larger)(vf a, vf b) { return YK_NAME(blend)((a > b) | (a != a), a, b); }
YK_INLINE vf YK_NAME(smaller)(vf a, vf b) { return YK_NAME(blend)((a < b) | (a != a), a, b); }

// Four vectors side by side in a block; columns four rows at a time.
#define KIND(name, join, kind, neutral)                                                                        \
    static float YK_NAME(block_##name)(const float *x, int64_t n) {                                            \
        const vf none = YK_NAME(splat)(neutral);                                                               \
        vf a = none, b = none, c = none, d = none;                                                             \
        int64_t i = 0;                                                                                         \
        for (; i + 4 * YK_LANES <= n; i += 4 * YK_LANES) {                                                     \
            a = YK_NAME(join)(a, YK_NAME(load)(x + i));                                                        \
            b = YK_NAME(join)(b, YK_NAME(load)(x + i + YK_LANES));                                             \
            c = YK_NAME(join)(c, YK_NAME(load)(x + i + 2 * YK_LANES));                                         \
            d = YK_NAME(join)(d, YK_NAME(load)(x + i + 3 * YK_LANES));                                         \
        }                                                                                                      \
        for (; i + YK_LANES <= n; i += YK_LANES) a = YK_NAME(join)(a, YK_NAME(load)(x + i));                   \
        if (i < n) b = YK_NAME(join)(b, YK_NAME(get_part)(x, YK_F32, i, n - i, neutral));                      \
        float lanes[YK_LANES];                                                                                 \
        YK_NAME(store)(lanes, YK_NAME(join)(YK_NAME(join)(a, b), YK_NAME(join)(c, d)));                        \
        for (int w = YK_LANES / 2; w > 0; w /= 2)                                                              \
            for (int j = 0; j < w; j++) lanes[j] = join_f32(kind, lanes[j], lanes[j + w]);                     \
        return lanes[0];                                                                                       \
    }                                                                                                          \
    YK_INLINE void YK_NAME(typed_columns_##name)(float *acc, const void *x, yk_dtype type, int64_t stride,     \
                                                 int64_t rows, int64_t columns) {                              \
        for (int64_t r = 0; r < rows; r += 4) {                                                                \
            const int64_t m = rows - r < 4 ? rows - r : 4, at = r * stride;                                    \
            int64_t c = 0;                                                                                     \
            for (; c + YK_LANES <= columns; c += YK_LANES) {                                                   \
                vf v = YK_NAME(get)(x, type, at + c);                                                          \
                if (m == 4)                                                                                    \
                    v = YK_NAME(join)(                                                                         \
                        YK_NAME(join)(v, YK_NAME(get)(x, type, at + stride + c)),                              \
                        YK_NAME(join)(YK_NAME(get)(x, type, at + 2 * stride + c),                              \
                                      YK_NAME(get)(x, type, at + 3 * stride + c)));                            \
                else                                                                                           \
                    for (int64_t j = 1; j < m; j++)                                                            \
                        v = YK_NAME(join)(v, YK_NAME(get)(x, type, at + j * stride + c));                      \
                YK_NAME(store)(acc + c, r == 0 ? v : YK_NAME(join)(YK_NAME(load)(acc + c), v));                \
            }                                                                                                  \
            for (; c < columns; c++) {                                                                         \
                float v = element_f32(x, type, at + c);                                                        \
                for (int64_t j = 1; j < m; j++) v = join_f32(kind, v, element_f32(x, type, at + j * stride + c)); \
                acc[c] = r == 0 ? v : join_f32(kind, acc[c], v);                                               \
            }                                                                                                  \
        }                                                                                                      \
    }                                                                                                          \
    static void YK_NAME(columns_##name)(float *acc, const void *x, yk_dtype type, int64_t stride,              \
                                        int64_t rows, int64_t columns) {                                       \
        if (type == YK_BF16) YK_NAME(typed_columns_##name)(acc, x, YK_BF16, stride, rows, columns);            \
        else YK_NAME(typed_columns_##name)(acc, x, YK_F32, stride, rows, columns);                             \
    }
KIND(sum, plus, SUM, 0.0f)
KIND(largest, larger, LARGEST, -__builtin_inff())
KIND(smallest, smaller, SMALLEST, __builtin_inff())
#undef KIND

static void YK_NAME(reduce_table)(const reduce_kernels_f32 **kernels) {
    static const reduce_kernels_f32 table = {
        {YK_NAME(block_sum), YK_NAME(block_largest), YK_NAME(block_smallest)},
        {YK_NAME(columns_sum), YK_NAME(columns_largest), YK_NAME(columns_smallest)},
    };
    *kernels = &table;
}

// The first element above the threshold or NaN, or n.
static int64_t YK_NAME(above)(const float *x, int64_t n, float threshold) {
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) {
        const vf v = YK_NAME(load)(x + i);
        if (__builtin_reduce_or((v > threshold) | (v != v))) break;
    }
    while (i < n && !(x[i] > threshold || x[i] != x[i])) i++;
    return i;
}

static void YK_NAME(find_above)(int64_t (**find)(const float *, int64_t, float)) { *find = YK_NAME(above); }

YK_INLINE double YK_NAME(typed_squares)(const void *x, yk_dtype type, int64_t first, int64_t n) {
    typedef YK_NAME(vd) vd;
    vd sums[4] = {{0}, {0}, {0}, {0}};
    int64_t i = 0;
    for (; i + 4 * YK_LANES <= n; i += 4 * YK_LANES)
        for (int u = 0; u < 4; u++) {
            vd v = __builtin_convertvector(YK_NAME(get)(x, type, first + i + u * YK_LANES), vd);
            sums[u] = v * v + sums[u];
        }
    vd all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    double total = 0;
    for (int j = 0; j < YK_LANES; j++) total += all[j];
    for (; i < n; i++) {
        double v = element_f32(x, type, first + i);
        total += v * v;
    }
    return total;
}
static void YK_NAME(squares)(double *sum, const void *x, yk_dtype type, int64_t first, int64_t n) {
    *sum = type == YK_BF16 ? YK_NAME(typed_squares)(x, YK_BF16, first, n) : YK_NAME(typed_squares)(x, YK_F32, first, n);
}

YK_INLINE int64_t YK_NAME(typed_non_finite)(const void *x, yk_dtype type, int64_t first, int64_t n) {
    int64_t i = 0;
    const int32_t exponent = 0x7F800000;
    for (; i + 4 * YK_LANES <= n; i += 4 * YK_LANES) {
        vi bad = {0};
        for (int u = 0; u < 4; u++)
            bad |= ((vi)YK_NAME(get)(x, type, first + i + u * YK_LANES) & exponent) == exponent;
        if (__builtin_reduce_or(bad)) break;
    }
    while (i < n && isfinite(element_f32(x, type, first + i))) i++;
    return i < n ? first + i : -1;
}
static void YK_NAME(non_finite)(int64_t *at, const void *x, yk_dtype type, int64_t first, int64_t n) {
    *at = type == YK_BF16 ? YK_NAME(typed_non_finite)(x, YK_BF16, first, n)
                          : YK_NAME(typed_non_finite)(x, YK_F32, first, n);
}
