#include "activation_simd.h"

// sin x, or cos x with one quarter turn more; absolute error below 1.5e-7. Arguments beyond 30,000 go to libm.
YK_INLINE vf YK_NAME(sine)(vf x, int quarters) {
    const vf magic = YK_NAME(splat)(12582912.0f); // 1.5 · 2²³: rounds to a whole number
    const vi near = YK_NAME(abs)(x) <= 30000.0f;
    vf c = YK_NAME(blend)(near, x, (vf){});
    // x less n quarter turns; the product with the first part of π/2 is exact before it is subtracted.
    vf n = (c * 0.636619747f + magic) - magic;
    vf r = c - n * 1.57079637f;
    r = r + n * 4.37113883e-8f;
    vf s = r * r;
    vf odd = s * -1.9515295891e-4f + 8.3321608736e-3f;
    odd = odd * s - 1.6666654611e-1f;
    odd = r + r * s * odd;
    vf even = s * 2.443315711809948e-5f - 1.388731625493765e-3f;
    even = even * s + 4.166664568298827e-2f;
    even = (1.0f - 0.5f * s) + s * s * even;
    vi quarter = __builtin_convertvector(n, vi) + quarters;
    vf y = YK_NAME(blend)((quarter & 1) != 0, even, odd);
    y = YK_NAME(blend)((quarter & 2) != 0, -y, y);
    if (__builtin_reduce_and(near) == 0) {
        float from[YK_LANES], to[YK_LANES];
        YK_NAME(store)(from, x);
        YK_NAME(store)(to, y);
        for (int i = 0; i < YK_LANES; i++)
            if (!(fabsf(from[i]) <= 30000.0f)) to[i] = quarters ? cosf(from[i]) : sinf(from[i]);
        y = YK_NAME(load)(to);
    }
    return y;
}

YK_INLINE vf YK_NAME(root)(vf x) { return __builtin_elementwise_sqrt(x); }
YK_INLINE vf YK_NAME(sign)(vf x) {
    vf one = YK_NAME(copysign)(YK_NAME(splat)(1.0f), x);
    return YK_NAME(blend)((x < 0.0f) | (x > 0.0f), one, x);
}
YK_INLINE vf YK_NAME(softplus)(vf x) {
    vf above = YK_NAME(blend)(x < 0.0f, (vf){}, x);
    return above + YK_NAME(log1p)(YK_NAME(exp)(-YK_NAME(abs)(x)));
}

YK_INLINE vf YK_NAME(load_part)(const float *p, int64_t n) {
    float lanes[YK_LANES] = {0};
    memcpy(lanes, p, (size_t)n * 4);
    return YK_NAME(load)(lanes);
}
YK_INLINE void YK_NAME(store_part)(float *p, vf x, int64_t n) {
    float lanes[YK_LANES];
    YK_NAME(store)(lanes, x);
    memcpy(p, lanes, (size_t)n * 4);
}

// A function and its derivative from x and y = f(x), with the loops over both. The last elements pass through the
// same vector code as the others.
#define FUNCTION(name, value, slope)                                                                           \
    YK_INLINE vf YK_NAME(f_##name)(vf x) { return value; }                                                     \
    YK_INLINE vf YK_NAME(d_##name)(vf x, vf y) {                                                               \
        (void)x, (void)y;                                                                                      \
        return slope;                                                                                          \
    }                                                                                                          \
    static __attribute__((unused)) void YK_NAME(forward_##name)(float *out, const float *x, int64_t n) {       \
        int64_t i = 0;                                                                                         \
        for (; i + YK_LANES <= n; i += YK_LANES)                                                               \
            YK_NAME(store)(out + i, YK_NAME(f_##name)(YK_NAME(load)(x + i)));                                  \
        if (i < n) YK_NAME(store_part)(out + i, YK_NAME(f_##name)(YK_NAME(load_part)(x + i, n - i)), n - i);   \
    }                                                                                                          \
    static __attribute__((unused)) void YK_NAME(backward_##name)(float *dx, const float *dy, const float *x,   \
                                                                 const float *y, int64_t n) {                  \
        int64_t i = 0;                                                                                         \
        for (; i + YK_LANES <= n; i += YK_LANES)                                                               \
            YK_NAME(store)(dx + i, YK_NAME(load)(dy + i)                                                       \
                                       * YK_NAME(d_##name)(YK_NAME(load)(x + i), YK_NAME(load)(y + i)));       \
        if (i == n) return;                                                                                    \
        vf slopes = YK_NAME(d_##name)(YK_NAME(load_part)(x + i, n - i), YK_NAME(load_part)(y + i, n - i));     \
        YK_NAME(store_part)(dx + i, YK_NAME(load_part)(dy + i, n - i) * slopes, n - i);                        \
    }
FUNCTION(identity, x, YK_NAME(splat)(1.0f))
FUNCTION(negate, -x, YK_NAME(splat)(-1.0f))
FUNCTION(absolute, YK_NAME(abs)(x), YK_NAME(sign)(x))
FUNCTION(exp, YK_NAME(exp)(x), y)
FUNCTION(log, YK_NAME(log)(x), 1.0f / x)
FUNCTION(sqrt, YK_NAME(root)(x), 0.5f / y)
FUNCTION(reciprocal_sqrt, 1.0f / YK_NAME(root)(x), -0.5f * y * y * y)
FUNCTION(reciprocal, 1.0f / x, -y * y)
FUNCTION(square, x *x, x + x)
FUNCTION(sin, YK_NAME(sine)(x, 0), YK_NAME(sine)(x, 1))
FUNCTION(cos, YK_NAME(sine)(x, 1), -YK_NAME(sine)(x, 0))
FUNCTION(tanh, YK_NAME(tanh)(x), 1.0f - y * y)
FUNCTION(sigmoid, YK_NAME(sigmoid)(x), y *(1.0f - y))
FUNCTION(relu, YK_NAME(relu)(x), YK_NAME(relu_slope)(x))
FUNCTION(gelu, YK_NAME(gelu)(x), YK_NAME(activation_slope)(YK_GELU, x))
FUNCTION(gelu_tanh, YK_NAME(gelu_tanh)(x), YK_NAME(activation_slope)(YK_GELU_TANH, x))
FUNCTION(silu, YK_NAME(silu)(x), YK_NAME(activation_slope)(YK_SILU, x))
FUNCTION(softplus, YK_NAME(softplus)(x), YK_NAME(sigmoid)(x))
FUNCTION(sign, YK_NAME(sign)(x), (vf){})
FUNCTION(erf, YK_NAME(erf)(x), 1.12837916709551f * YK_NAME(exp)(-x * x))
#undef FUNCTION

#define GATED(name)                                                                                            \
    static void YK_NAME(gated_##name)(float *out, const float *gate, const float *value, int64_t n) {          \
        int64_t i = 0;                                                                                         \
        for (; i + YK_LANES <= n; i += YK_LANES)                                                               \
            YK_NAME(store)(out + i, YK_NAME(f_##name)(YK_NAME(load)(gate + i)) * YK_NAME(load)(value + i));    \
        if (i == n) return;                                                                                    \
        vf last = YK_NAME(f_##name)(YK_NAME(load_part)(gate + i, n - i));                                      \
        YK_NAME(store_part)(out + i, last * YK_NAME(load_part)(value + i, n - i), n - i);                      \
    }                                                                                                          \
    static void YK_NAME(gated_backward_##name)(float *dgate, float *dvalue, const float *dy,                   \
                                               const float *gate, const float *value, int64_t n) {             \
        for (int64_t i = 0; i < n; i += YK_LANES) {                                                            \
            const int64_t m = n - i;                                                                           \
            const bool whole = m >= YK_LANES;                                                                  \
            vf x = whole ? YK_NAME(load)(gate + i) : YK_NAME(load_part)(gate + i, m);                          \
            vf v = whole ? YK_NAME(load)(value + i) : YK_NAME(load_part)(value + i, m);                        \
            vf d = whole ? YK_NAME(load)(dy + i) : YK_NAME(load_part)(dy + i, m);                              \
            vf y = YK_NAME(f_##name)(x);                                                                       \
            vf dx = d * v * YK_NAME(d_##name)(x, y), dv = d * y;                                               \
            if (whole) {                                                                                       \
                YK_NAME(store)(dgate + i, dx);                                                                 \
                YK_NAME(store)(dvalue + i, dv);                                                                \
            } else {                                                                                           \
                YK_NAME(store_part)(dgate + i, dx, m);                                                         \
                YK_NAME(store_part)(dvalue + i, dv, m);                                                        \
            }                                                                                                  \
        }                                                                                                      \
    }
YK_ACTIVATION_LIST(GATED)
#undef GATED

#define ENTRY(name) YK_NAME(forward_##name),
#define BACKWARD_ENTRY(name) YK_NAME(backward_##name),
#define GATED_ENTRY(name) YK_NAME(gated_##name),
#define GATED_BACKWARD_ENTRY(name) YK_NAME(gated_backward_##name),
static void YK_NAME(unary_table)(const unary_kernels_f32 **kernels) {
    static const unary_kernels_f32 table = {
        {YK_UNARY_LIST(ENTRY)},
        {YK_UNARY_LIST(BACKWARD_ENTRY)},
        {YK_ACTIVATION_LIST(GATED_ENTRY)},
        {YK_ACTIVATION_LIST(GATED_BACKWARD_ENTRY)},
    };
    *kernels = &table;
}
#undef ENTRY
#undef BACKWARD_ENTRY
#undef GATED_ENTRY
#undef GATED_BACKWARD_ENTRY
