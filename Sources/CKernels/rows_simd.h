// What softmax and cross-entropy share: the maximum of a row and its exponentials. Included by the bodies.
#include "typed_simd.h"

// eˣ within 3 ulp for x ≤ 0 (larger x up to 88 work too); 0 below −87.33; NaN stays NaN.
YK_INLINE vf YK_NAME(exp_nonpositive)(vf x) {
    // 1.5 · 2²³ + 127 rounds to a whole number and leaves the exponent's bits of 2ⁿ at the low end.
    const vf magic = YK_NAME(splat)(12583039.0f);
    const vf z = x * 1.44269504f + magic;
    const vf y = YK_NAME(exp_rest)(x, z - magic) * (vf)((vi)z << 23);
    return (vf)((vi)y & ~(vi)(x < -87.3365448f));
}

// The largest element; −∞ for none. NaN is passed over: it reaches the result through the exponentials.
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

// e[j] = exp(x[j] − shift) when `kept`; returns their sum and, when `totalled`, Σ (x[j] − shift). No x[j] is
// above the shift; e may be x. The flags are constants in the fast callers.
YK_INLINE float YK_NAME(row_exponentials)(float *e, bool kept, float *total, bool totalled, const void *x,
                                          yk_dtype t, float shift, int64_t n) {
    const vf s = YK_NAME(splat)(shift);
    vf sum[2] = {}, plain[2] = {};
    int64_t i = 0;
    for (; i + 2 * YK_LANES <= n; i += 2 * YK_LANES)
        for (int k = 0; k < 2; k++) {
            vf d = YK_NAME(get)(x, t, i + k * YK_LANES) - s;
            vf y = YK_NAME(exp_nonpositive)(d);
            if (kept) YK_NAME(store)(e + i + k * YK_LANES, y);
            sum[k] += y;
            if (totalled) plain[k] += d;
        }
    for (; i + YK_LANES <= n; i += YK_LANES) {
        vf d = YK_NAME(get)(x, t, i) - s;
        vf y = YK_NAME(exp_nonpositive)(d);
        if (kept) YK_NAME(store)(e + i, y);
        sum[0] += y;
        if (totalled) plain[0] += d;
    }
    if (i < n) {
        // Lanes beyond the row: exp(−∞) = 0 in the sum, 0 in the plain one.
        vf y = YK_NAME(exp_nonpositive)(YK_NAME(get_part)(x, t, i, n - i, -__builtin_inff()) - s);
        if (totalled) plain[1] += YK_NAME(get_part)(x, t, i, n - i, shift) - s;
        if (kept) YK_NAME(put_part)(e, YK_F32, i, n - i, y);
        sum[1] += y;
    }
    if (totalled) *total = YK_NAME(sum)(plain[0] + plain[1]);
    return YK_NAME(sum)(sum[0] + sum[1]);
}

// out[j] = e[j] · factor − shift; out may be e.
YK_INLINE void YK_NAME(row_scaled)(void *out, yk_dtype t, const float *e, float factor, float shift,
                                   int64_t n) {
    const vf f = YK_NAME(splat)(factor), s = YK_NAME(splat)(shift);
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(put)(out, t, i, YK_NAME(load)(e + i) * f - s);
    if (i < n) YK_NAME(put_part)(out, t, i, n - i, YK_NAME(get_part)(e, YK_F32, i, n - i, 0) * f - s);
}
