// The gradient of an epilogue, on vectors.
#include "typed_simd.h"

#include "activation_simd.h"

YK_INLINE vf YK_NAME(backward_vector)(const backward_call *call, int64_t at, int64_t count) {
    const bool whole = count == YK_LANES;
#define READ(p, t) (whole ? YK_NAME(get)(p, t, at) : YK_NAME(get_part)(p, t, at, count, 0))
    vf d = READ(call->dy, call->dy_type);
    if (call->activation != YK_IDENTITY)
        d = d * YK_NAME(activation_slope)(call->activation, READ(call->pre, call->pre_type));
#undef READ
    if (!call->dx) return d;
    if (whole) YK_NAME(put)(call->dx, call->dx_type, at, d);
    else YK_NAME(put_part)(call->dx, call->dx_type, at, count, d);
    return d;
}

// Rows first..<first + rows; the sums of their columns go to `sums`.
static void YK_NAME(backward_block)(const backward_call *call, int64_t first, int64_t rows, void *sums_out) {
    float *sums = sums_out;
    const int64_t n = call->n;
    if (sums) memset(sums, 0, (size_t)n * sizeof(float));
    for (int64_t i = first; i < first + rows; i++) {
        int64_t j = 0;
        for (; j + YK_LANES <= n; j += YK_LANES) {
            const vf d = YK_NAME(backward_vector)(call, i * n + j, YK_LANES);
            if (sums) YK_NAME(store)(sums + j, YK_NAME(load)(sums + j) + d);
        }
        if (j < n) {
            const vf d = YK_NAME(backward_vector)(call, i * n + j, n - j);
            if (sums)
                YK_NAME(put_part)(sums, YK_F32, j, n - j, YK_NAME(get_part)(sums, YK_F32, j, n - j, 0) + d);
        }
    }
}
