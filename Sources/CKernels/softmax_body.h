// Softmax of one row and its gradient.
#include "rows_simd.h"

YK_INLINE void YK_NAME(softmax_typed)(void *out, const void *x, yk_dtype t, bool logarithm, int64_t n) {
    const float top = YK_NAME(row_maximum)(x, t, n);
    if (!logarithm) {
        float *e = t == YK_F32 ? out : yk_scratch(3, (size_t)n * sizeof(float));
        const float sum = YK_NAME(row_exponentials)(e, true, NULL, false, x, t, top, n);
        YK_NAME(row_scaled)(out, t, e, 1 / sum, 0, n);
        return;
    }
    const float log_sum = logf(YK_NAME(row_exponentials)(NULL, false, NULL, false, x, t, top, n));
    const vf m = YK_NAME(splat)(top), s = YK_NAME(splat)(log_sum);
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(put)(out, t, i, YK_NAME(get)(x, t, i) - m - s);
    if (i < n) YK_NAME(put_part)(out, t, i, n - i, YK_NAME(get_part)(x, t, i, n - i, 0) - m - s);
}

// The term of one element in the sum over the row.
YK_INLINE vf YK_NAME(softmax_term)(vf dy, vf y, bool logarithm) { return logarithm ? dy : dy * y; }
YK_INLINE vf YK_NAME(softmax_gradient)(vf dy, vf y, vf sum, bool logarithm) {
    return logarithm ? dy - YK_NAME(exp)(y) * sum : (dy - sum) * y;
}

YK_INLINE void YK_NAME(softmax_backward_typed)(void *dx, const void *dy, const void *y, yk_dtype t,
                                               bool logarithm, int64_t n) {
    vf sum[2] = {};
    int64_t i = 0;
    for (; i + 2 * YK_LANES <= n; i += 2 * YK_LANES)
        for (int k = 0; k < 2; k++)
            sum[k] += YK_NAME(softmax_term)(YK_NAME(get)(dy, t, i + k * YK_LANES),
                                            YK_NAME(get)(y, t, i + k * YK_LANES), logarithm);
    for (; i + YK_LANES <= n; i += YK_LANES)
        sum[0] += YK_NAME(softmax_term)(YK_NAME(get)(dy, t, i), YK_NAME(get)(y, t, i), logarithm);
    if (i < n)
        sum[1] += YK_NAME(softmax_term)(YK_NAME(get_part)(dy, t, i, n - i, 0),
                                        YK_NAME(get_part)(y, t, i, n - i, 0), logarithm);
    const vf s = YK_NAME(splat)(YK_NAME(sum)(sum[0] + sum[1]));
    for (i = 0; i + YK_LANES <= n; i += YK_LANES)
        YK_NAME(put)(dx, t, i,
                     YK_NAME(softmax_gradient)(YK_NAME(get)(dy, t, i), YK_NAME(get)(y, t, i), s, logarithm));
    if (i < n)
        YK_NAME(put_part)(dx, t, i, n - i,
                          YK_NAME(softmax_gradient)(YK_NAME(get_part)(dy, t, i, n - i, 0),
                                                    YK_NAME(get_part)(y, t, i, n - i, 0), s, logarithm));
}

static void YK_NAME(softmax_row)(void *out, const void *x, yk_dtype t, bool logarithm, int64_t n) {
    if (t == YK_BF16) YK_NAME(softmax_typed)(out, x, YK_BF16, logarithm, n);
    else YK_NAME(softmax_typed)(out, x, YK_F32, logarithm, n);
}

static void YK_NAME(softmax_backward_row)(void *dx, const void *dy, const void *y, yk_dtype t, bool logarithm,
                                          int64_t n) {
    if (t == YK_BF16) YK_NAME(softmax_backward_typed)(dx, dy, y, YK_BF16, logarithm, n);
    else YK_NAME(softmax_backward_typed)(dx, dy, y, YK_F32, logarithm, n);
}
