// Cross-entropy of one row. Three passes: the maximum, the exponentials (kept in f32) with their sum, the gradient.
// The row stays in the second cache between them, and each exponential is computed once.
#include "typed_simd.h"

YK_INLINE float YK_NAME(row_maximum)(const void *x, yk_dtype t, int64_t n) {
    const vf lowest = YK_NAME(splat)(-__builtin_inff());
    vf m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
    int64_t i = 0;
    for (; i + 4 * YK_LANES <= n; i += 4 * YK_LANES) {
        m0 = YK_NAME(vmax)(YK_NAME(get)(x, t, i), m0);
        m1 = YK_NAME(vmax)(YK_NAME(get)(x, t, i + YK_LANES), m1);
        m2 = YK_NAME(vmax)(YK_NAME(get)(x, t, i + 2 * YK_LANES), m2);
        m3 = YK_NAME(vmax)(YK_NAME(get)(x, t, i + 3 * YK_LANES), m3);
    }
    for (; i + YK_LANES <= n; i += YK_LANES) m0 = YK_NAME(vmax)(YK_NAME(get)(x, t, i), m0);
    if (i < n) m1 = YK_NAME(vmax)(YK_NAME(get_part)(x, t, i, n - i, -__builtin_inff()), m1);
    return YK_NAME(maximum)(YK_NAME(vmax)(YK_NAME(vmax)(m0, m1), YK_NAME(vmax)(m2, m3)));
}

// e[j] = exp(x[j] − shift) when e is given; returns their sum and, when asked, Σ (x[j] − shift).
YK_INLINE float YK_NAME(row_exponentials)(float *e, float *total, const void *x, yk_dtype t, float shift, int64_t n) {
    const vf s = YK_NAME(splat)(shift);
    vf sum[2] = {}, plain[2] = {};
    int64_t i = 0;
    for (; i + 2 * YK_LANES <= n; i += 2 * YK_LANES)
        for (int k = 0; k < 2; k++) {
            vf d = YK_NAME(get)(x, t, i + k * YK_LANES) - s;
            vf y = YK_NAME(exp)(d);
            if (e) YK_NAME(store)(e + i + k * YK_LANES, y);
            sum[k] += y;
            if (total) plain[k] += d;
        }
    for (; i < n; i += YK_LANES) {
        int64_t count = n - i < YK_LANES ? n - i : YK_LANES;
        vf d = YK_NAME(get_part)(x, t, i, count, shift) - s;
        vf y = YK_NAME(exp)(d);
        // Lanes beyond the row are 0 in `plain` and must be so in `sum`.
        float lanes[YK_LANES] = {};
        for (int64_t j = 0; j < count; j++) lanes[j] = y[j];
        if (e) YK_NAME(put_part)(e, YK_F32, i, count, y);
        sum[0] += YK_NAME(load)(lanes);
        if (total) plain[0] += d;
    }
    if (total) *total = YK_NAME(sum)(plain[0] + plain[1]);
    return YK_NAME(sum)(sum[0] + sum[1]);
}

YK_INLINE void YK_NAME(row_gradient)(void *gradient, yk_dtype t, const float *e, float factor, float shift, int64_t n) {
    const vf f = YK_NAME(splat)(factor), s = YK_NAME(splat)(shift);
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(put)(gradient, t, i, YK_NAME(load)(e + i) * f - s);
    if (i < n)
        YK_NAME(put_part)(gradient, t, i, n - i, YK_NAME(get_part)(e, YK_F32, i, n - i, 0) * f - s);
}

YK_INLINE void YK_NAME(cross_entropy_typed)(const cross_entropy_call *c, int64_t row, yk_dtype t) {
    const int64_t V = c->V;
    const void *x = yk_const_at(c->logits, t, row * c->logits_stride);
    void *gradient = yk_at(c->gradient, c->gradient_dtype, row * c->gradient_stride);
    const int32_t target = c->targets[row];
    const float s = c->smoothing;
    float *e = NULL;
    if (gradient) e = c->gradient_dtype == YK_F32 ? gradient : yk_scratch(3, (size_t)V * sizeof(float));

    const float top = YK_NAME(row_maximum)(x, t, V);
    const float at_target = (float)yk_get(x, t, target) - top;
    float total = 0, sum;
    if (s != 0) sum = YK_NAME(row_exponentials)(e, &total, x, t, top, V);
    else sum = YK_NAME(row_exponentials)(e, NULL, x, t, top, V);
    const float log_sum = logf(sum);
    ((float *)c->losses)[row] = (1 - s) * (log_sum - at_target) + (s != 0 ? s * (log_sum - total / (float)V) : 0);
    if (!gradient) return;

    const float factor = c->gradient_scale / sum, even = c->gradient_scale * s / (float)V;
    const float of_target = e[target] * factor - even - c->gradient_scale * (1 - s);
    if (c->gradient_dtype == YK_BF16) YK_NAME(row_gradient)(gradient, YK_BF16, e, factor, even, V);
    else YK_NAME(row_gradient)(gradient, YK_F32, e, factor, even, V);
    yk_put(gradient, c->gradient_dtype, target, of_target);
}

static void YK_NAME(cross_entropy_row)(const cross_entropy_call *c, int64_t row) {
    if (c->dtype == YK_BF16) YK_NAME(cross_entropy_typed)(c, row, YK_BF16);
    else YK_NAME(cross_entropy_typed)(c, row, YK_F32);
}
