// The largest values of rows of f32, and rows of f32 or bf16 added with a factor.
#include "typed_simd.h"

// `groups` vectors side by side: values [groups · lanes] over `count` rows.
YK_INLINE void YK_NAME(maxima_strip)(float *values, int32_t *places, const float *rows, int64_t F, int64_t count,
                                     int groups) {
    vf m[4];
    vi at[4];
    for (int g = 0; g < groups; g++) {
        m[g] = YK_NAME(load)(rows + g * YK_LANES);
        at[g] = (vi){};
    }
    for (int64_t n = 1; n < count; n++)
        for (int g = 0; g < groups; g++) {
            const vf x = YK_NAME(load)(rows + n * F + g * YK_LANES);
            const vi taken = (vi)(x > m[g]) | ((vi)(x != x) & (vi)(m[g] == m[g]));
            m[g] = YK_NAME(blend)(taken, x, m[g]);
            at[g] = (((vi){} + (int32_t)n) & taken) | (at[g] & ~taken);
        }
    for (int g = 0; g < groups; g++) {
        YK_NAME(store)(values + g * YK_LANES, m[g]);
        memcpy(places + g * YK_LANES, &at[g], sizeof(vi));
    }
}

static void YK_NAME(maxima)(void *values, int32_t *places, const void *rows, yk_dtype t, int64_t F, int64_t count) {
    float *out = values;
    const float *in = rows;
    int64_t f = 0;
    for (; f + 4 * YK_LANES <= F; f += 4 * YK_LANES) YK_NAME(maxima_strip)(out + f, places + f, in + f, F, count, 4);
    for (; f + YK_LANES <= F; f += YK_LANES) YK_NAME(maxima_strip)(out + f, places + f, in + f, F, count, 1);
    for (; f < F; f++) {
        float m = in[f];
        places[f] = 0;
        for (int64_t n = 1; n < count; n++) {
            const float x = in[n * F + f];
            if (x > m || (x != x && m == m)) m = x, places[f] = (int32_t)n;
        }
        out[f] = m;
    }
    (void)t;
}

YK_INLINE void YK_NAME(add_scaled_typed)(float *out, const void *x, yk_dtype t, float scale, int64_t n) {
    const vf s = YK_NAME(splat)(scale);
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES)
        YK_NAME(store)(out + i, YK_NAME(load)(out + i) + s * YK_NAME(get)(x, t, i));
    for (; i < n; i++) out[i] += scale * (float)yk_get(x, t, i);
}

static void YK_NAME(add_scaled)(void *out, const void *x, yk_dtype t, double scale, int64_t n) {
    if (t == YK_BF16) YK_NAME(add_scaled_typed)(out, x, YK_BF16, (float)scale, n);
    else YK_NAME(add_scaled_typed)(out, x, YK_F32, (float)scale, n);
}
