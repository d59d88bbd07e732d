// Cross-entropy of one row. Three passes: the maximum, the exponentials (kept in f32) with their sum, the
// gradient. The row stays in the second cache between them, and each exponential is computed once.
#include "rows_simd.h"

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
    if (s != 0) sum = YK_NAME(row_exponentials)(e, e != NULL, &total, true, x, t, top, V);
    else if (e) sum = YK_NAME(row_exponentials)(e, true, NULL, false, x, t, top, V);
    else sum = YK_NAME(row_exponentials)(NULL, false, NULL, false, x, t, top, V);
    const float log_sum = logf(sum);
    ((float *)c->losses)[row] =
        (1 - s) * (log_sum - at_target) + (s != 0 ? s * (log_sum - total / (float)V) : 0);
    if (!gradient) return;

    const float factor = c->gradient_scale / sum, even = c->gradient_scale * s / (float)V;
    const float of_target = e[target] * factor - even - c->gradient_scale * (1 - s);
    if (c->gradient_dtype == YK_BF16) YK_NAME(row_scaled)(gradient, YK_BF16, e, factor, even, V);
    else YK_NAME(row_scaled)(gradient, YK_F32, e, factor, even, V);
    yk_put(gradient, c->gradient_dtype, target, of_target);
}

static void YK_NAME(cross_entropy_row)(const cross_entropy_call *c, int64_t row) {
    if (c->dtype == YK_BF16) YK_NAME(cross_entropy_typed)(c, row, YK_BF16);
    else YK_NAME(cross_entropy_typed)(c, row, YK_F32);
}
