// Normalisation of the rows first..<last. Rows of bf16 are converted once into scratch in the first cache.
#include "typed_simd.h"

// The weight's or bias's row as f32; `missing` everywhere when there is none.
YK_INLINE const float *YK_NAME(parameter_row)(yk_typed p, float missing, int64_t D, float *scratch) {
    if (p.address) return YK_NAME(row_f32)(p.address, p.dtype, D, scratch);
    for (int64_t i = 0; i < D; i++) scratch[i] = missing;
    return scratch;
}

// sum = a + b, rounded to the dtype of sum; returns the rounded row as f32.
YK_INLINE const float *YK_NAME(sum_rows)(void *sum, yk_dtype t, const float *a, const float *b, int64_t D,
                                         float *scratch) {
    int64_t i = 0;
    if (t != YK_BF16) {
        float *s = sum;
        for (; i + YK_LANES <= D; i += YK_LANES)
            YK_NAME(store)(s + i, YK_NAME(load)(a + i) + YK_NAME(load)(b + i));
        for (; i < D; i++) s[i] = a[i] + b[i];
        return s;
    }
    uint16_t *s = sum;
    for (; i + YK_LANES <= D; i += YK_LANES) {
        YK_NAME(store_bf16)(s + i, YK_NAME(load)(a + i) + YK_NAME(load)(b + i));
        YK_NAME(store)(scratch + i, YK_NAME(load_bf16)(s + i));
    }
    for (; i < D; i++) {
        s[i] = yk_to_bf16(a[i] + b[i]);
        scratch[i] = yk_from_bf16(s[i]);
    }
    return scratch;
}

YK_INLINE float YK_NAME(row_sum)(const float *x, int64_t D) {
    vf s[4] = {};
    int64_t i = 0;
    for (; i + 4 * YK_LANES <= D; i += 4 * YK_LANES)
        for (int k = 0; k < 4; k++) s[k] += YK_NAME(load)(x + i + k * YK_LANES);
    for (; i + YK_LANES <= D; i += YK_LANES) s[0] += YK_NAME(load)(x + i);
    if (i < D) s[1] += YK_NAME(get_part)(x, YK_F32, i, D - i, 0);
    return YK_NAME(sum)((s[0] + s[1]) + (s[2] + s[3]));
}

// Σ (x − shift)².
YK_INLINE float YK_NAME(row_squares)(const float *x, float shift, int64_t D) {
    const vf m = YK_NAME(splat)(shift);
    vf s[4] = {};
    int64_t i = 0;
    for (; i + 4 * YK_LANES <= D; i += 4 * YK_LANES)
        for (int k = 0; k < 4; k++) {
            vf d = YK_NAME(load)(x + i + k * YK_LANES) - m;
            s[k] += d * d;
        }
    for (; i + YK_LANES <= D; i += YK_LANES) {
        vf d = YK_NAME(load)(x + i) - m;
        s[0] += d * d;
    }
    if (i < D) {
        vf d = YK_NAME(get_part)(x, YK_F32, i, D - i, shift) - m;
        s[1] += d * d;
    }
    return YK_NAME(sum)((s[0] + s[1]) + (s[2] + s[3]));
}

YK_INLINE void YK_NAME(write_normalized)(void *y, yk_dtype t, const float *v, float mean, float rstd,
                                         const float *weight, const float *bias, int64_t D) {
    const vf m = YK_NAME(splat)(mean), r = YK_NAME(splat)(rstd);
    int64_t i = 0;
    for (; i + YK_LANES <= D; i += YK_LANES) {
        vf n = (YK_NAME(load)(v + i) - m) * r;
        YK_NAME(put)(y, t, i, n * YK_NAME(load)(weight + i) + YK_NAME(load)(bias + i));
    }
    if (i < D) {
        vf n = (YK_NAME(get_part)(v, YK_F32, i, D - i, mean) - m) * r;
        YK_NAME(put_part)(y, t, i, D - i,
                          n * YK_NAME(get_part)(weight, YK_F32, i, D - i, 0) +
                              YK_NAME(get_part)(bias, YK_F32, i, D - i, 0));
    }
}

static void YK_NAME(normalization_forward)(const yk_normalization_forward_call *c, int64_t first,
                                           int64_t last) {
    const int64_t D = c->D;
    float *scratch = yk_scratch(0, (size_t)(5 * D) * sizeof(float));
    const float *weight = YK_NAME(parameter_row)(c->weight, 1, D, scratch);
    const float *bias = YK_NAME(parameter_row)(c->bias, 0, D, scratch + D);
    for (int64_t row = first; row < last; row++) {
        const void *x = yk_const_at(c->x.address, c->x.dtype, row * D);
        const float *v = YK_NAME(row_f32)(x, c->x.dtype, D, scratch + 2 * D);
        if (c->residual.address) {
            const void *residual = yk_const_at(c->residual.address, c->residual.dtype, row * D);
            void *sum = yk_at(c->sum.address, c->sum.dtype, row * D);
            const float *r = YK_NAME(row_f32)(residual, c->residual.dtype, D, scratch + 3 * D);
            v = YK_NAME(sum_rows)(sum, c->sum.dtype, v, r, D, scratch + 4 * D);
        }
        float mean = 0;
        if (c->mean) {
            mean = YK_NAME(row_sum)(v, D) / (float)D;
            ((float *)c->mean)[row] = mean;
        }
        const float variance = YK_NAME(row_squares)(v, mean, D) / (float)D;
        const float rstd = 1 / sqrtf(variance + (float)c->epsilon);
        ((float *)c->rstd)[row] = rstd;
        void *y = yk_at(c->y.address, c->y.dtype, row * D);
        if (c->y.dtype == YK_BF16) YK_NAME(write_normalized)(y, YK_BF16, v, mean, rstd, weight, bias, D);
        else YK_NAME(write_normalized)(y, YK_F32, v, mean, rstd, weight, bias, D);
    }
}

// The sums over the row, Σ dy·w and Σ dy·w·v̂, and the row's share of the parameters' gradients.
YK_INLINE void YK_NAME(backward_sums)(float *sum1, float *sum2, float *dweight, float *dbias, const float *dy,
                                      const float *v, float mean, float rstd, const float *weight,
                                      int64_t D) {
    const vf m = YK_NAME(splat)(mean), r = YK_NAME(splat)(rstd);
    vf s1[2] = {}, s2[2] = {};
    int64_t i = 0;
    for (; i + 2 * YK_LANES <= D; i += 2 * YK_LANES)
        for (int k = 0; k < 2; k++) {
            const int64_t j = i + k * YK_LANES;
            vf g = YK_NAME(load)(dy + j), n = (YK_NAME(load)(v + j) - m) * r;
            vf gw = g * YK_NAME(load)(weight + j);
            s1[k] += gw;
            s2[k] += gw * n;
            YK_NAME(store)(dweight + j, YK_NAME(load)(dweight + j) + g * n);
            YK_NAME(store)(dbias + j, YK_NAME(load)(dbias + j) + g);
        }
    for (; i < D; i++) {
        float g = dy[i], n = (v[i] - mean) * rstd, gw = g * weight[i];
        s1[0][0] += gw;
        s2[0][0] += gw * n;
        dweight[i] += g * n;
        dbias[i] += g;
    }
    *sum1 = YK_NAME(sum)(s1[0] + s1[1]);
    *sum2 = YK_NAME(sum)(s2[0] + s2[1]);
}

YK_INLINE void YK_NAME(write_gradient)(void *dx, yk_dtype t, const float *added, const float *dy,
                                       const float *v, float mean, float rstd, float mean1, float mean2,
                                       const float *weight, int64_t D) {
    const vf m = YK_NAME(splat)(mean), r = YK_NAME(splat)(rstd);
    const vf m1 = YK_NAME(splat)(mean1), m2 = YK_NAME(splat)(mean2);
    int64_t i = 0;
    for (; i + YK_LANES <= D; i += YK_LANES) {
        vf n = (YK_NAME(load)(v + i) - m) * r;
        vf d = r * (YK_NAME(load)(dy + i) * YK_NAME(load)(weight + i) - m1 - n * m2);
        if (added) d += YK_NAME(load)(added + i);
        YK_NAME(put)(dx, t, i, d);
    }
    for (; i < D; i++) {
        float n = (v[i] - mean) * rstd;
        float d = rstd * (dy[i] * weight[i] - mean1 - n * mean2);
        if (added) d += added[i];
        if (t == YK_BF16) ((uint16_t *)dx)[i] = yk_to_bf16(d);
        else ((float *)dx)[i] = d;
    }
}

// `partial` [2, D] receives the piece's sums for dweight and dbias.
static void YK_NAME(normalization_backward)(const yk_normalization_backward_call *c, void *partial,
                                            int64_t first, int64_t last) {
    const int64_t D = c->D;
    float *scratch = yk_scratch(0, (size_t)(4 * D) * sizeof(float));
    const float *weight = YK_NAME(parameter_row)(c->weight, 1, D, scratch);
    float *dweight = partial, *dbias = dweight + D;
    memset(partial, 0, (size_t)(2 * D) * sizeof(float));
    for (int64_t row = first; row < last; row++) {
        const void *g = yk_const_at(c->dy.address, c->dy.dtype, row * D);
        const void *x = yk_const_at(c->x.address, c->x.dtype, row * D);
        const float *dy = YK_NAME(row_f32)(g, c->dy.dtype, D, scratch + D);
        const float *v = YK_NAME(row_f32)(x, c->x.dtype, D, scratch + 2 * D);
        const float mean = c->mean ? ((const float *)c->mean)[row] : 0, rstd = ((const float *)c->rstd)[row];
        float sum1, sum2;
        YK_NAME(backward_sums)(&sum1, &sum2, dweight, dbias, dy, v, mean, rstd, weight, D);
        const float mean1 = c->mean ? sum1 / (float)D : 0, mean2 = sum2 / (float)D;
        const float *added = NULL;
        if (c->added.address) {
            const void *a = yk_const_at(c->added.address, c->added.dtype, row * D);
            added = YK_NAME(row_f32)(a, c->added.dtype, D, scratch + 3 * D);
        }
        void *dx = yk_at(c->dx.address, c->dx.dtype, row * D);
        if (c->dx.dtype == YK_BF16)
            YK_NAME(write_gradient)(dx, YK_BF16, added, dy, v, mean, rstd, mean1, mean2, weight, D);
        else YK_NAME(write_gradient)(dx, YK_F32, added, dy, v, mean, rstd, mean1, mean2, weight, D);
    }
}
