// Vectors of YK_LANES floats by the compiler's vector extension: the same source serves every instruction set.
// Included by instantiate.h once per set, with YK_LANES (8 or 16) and YK_NAME(x) defined. All functions here carry
// the set's suffix through YK_NAME, so that no two sets share code compiled for one of them.

typedef float YK_NAME(vf) __attribute__((vector_size(YK_LANES * 4), aligned(4)));
typedef int32_t YK_NAME(vi) __attribute__((vector_size(YK_LANES * 4), aligned(4)));
typedef uint32_t YK_NAME(vu) __attribute__((vector_size(YK_LANES * 4), aligned(4)));
typedef uint16_t YK_NAME(vh) __attribute__((vector_size(YK_LANES * 2), aligned(2)));

#define vf YK_NAME(vf)
#define vi YK_NAME(vi)
#define vu YK_NAME(vu)
#define vh YK_NAME(vh)
#define YK_INLINE static inline __attribute__((always_inline, unused))

// All lanes equal to x.
YK_INLINE vf YK_NAME(splat)(float x) { return x - (vf){}; }
YK_INLINE vf YK_NAME(load)(const float *p) { return *(const vf *)p; }
YK_INLINE void YK_NAME(store)(float *p, vf x) { *(vf *)p = x; }

// bf16 to f32: exact.
YK_INLINE vf YK_NAME(load_bf16)(const uint16_t *p) {
    vu wide = __builtin_convertvector(*(const vh *)p, vu) << 16;
    return (vf)wide;
}

// f32 to bf16: to nearest, ties to even; NaN stays NaN.
YK_INLINE vh YK_NAME(to_bf16)(vf x) {
    vu bits = (vu)x;
    vu rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    vu quiet = (bits >> 16) | 0x40u;
    vu nan = (vu)(x != x);
    return __builtin_convertvector((rounded & ~nan) | (quiet & nan), vh);
}
YK_INLINE void YK_NAME(store_bf16)(uint16_t *p, vf x) { *(vh *)p = YK_NAME(to_bf16)(x); }

// Chooses a where the mask is all ones, b where it is zero.
YK_INLINE vf YK_NAME(blend)(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }
YK_INLINE vf YK_NAME(vmax)(vf a, vf b) { return YK_NAME(blend)(a > b, a, b); }
YK_INLINE vf YK_NAME(vmin)(vf a, vf b) { return YK_NAME(blend)(a < b, a, b); }

// The sum of the lanes, in a fixed tree.
YK_INLINE float YK_NAME(sum)(vf x) {
    float t[YK_LANES];
    YK_NAME(store)(t, x);
    for (int w = YK_LANES / 2; w > 0; w /= 2)
        for (int i = 0; i < w; i++) t[i] += t[i + w];
    return t[0];
}
YK_INLINE float YK_NAME(maximum)(vf x) {
    float t[YK_LANES];
    YK_NAME(store)(t, x);
    for (int w = YK_LANES / 2; w > 0; w /= 2)
        for (int i = 0; i < w; i++) t[i] = t[i] > t[i + w] ? t[i] : t[i + w];
    return t[0];
}

// ---- Functions ----

// e^(x − n·log 2) within 3 ulp for n the whole number nearest to x / log 2.
YK_INLINE vf YK_NAME(exp_rest)(vf x, vf n) {
    vf r = x - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    vf p = r * 1.38888889e-3f + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    return p * r + 1.0f;
}

// The whole number nearest to x / log 2: 1.5 · 2²³ rounds to it.
YK_INLINE vf YK_NAME(exp_whole)(vf x) {
    const vf magic = YK_NAME(splat)(12582912.0f);
    return (x * 1.44269504f + magic) - magic;
}

// eˣ within 3 ulp; 0 below −87.33 (where the result would be subnormal) and ∞ above 88.72.
YK_INLINE vf YK_NAME(exp)(vf x) {
    const vf high = YK_NAME(splat)(88.7228394f), low = YK_NAME(splat)(-87.3365448f);
    const vf clamped = YK_NAME(vmin)(YK_NAME(vmax)(x, low), high), n = YK_NAME(exp_whole)(clamped);
    // 2ⁿ in two steps, because n = 128 has no float of its own.
    const vi whole = __builtin_convertvector(n, vi), half = whole >> 1;
    vf y = YK_NAME(exp_rest)(clamped, n) * (vf)((half + 127) << 23) * (vf)((whole - half + 127) << 23);
    y = YK_NAME(blend)(x < low, (vf){}, y);
    y = YK_NAME(blend)(x > high, YK_NAME(splat)(__builtin_inff()), y);
    return YK_NAME(blend)(x != x, x, y);
}

// eˣ within 3 ulp for −87 ≤ x ≤ 88, and beyond them what it is there, for where neither 0 nor ∞ is needed; NaN stays
// NaN.
YK_INLINE vf YK_NAME(exp_clamped)(vf x) {
    const vf clamped = YK_NAME(vmin)(YK_NAME(splat)(88.0f), YK_NAME(vmax)(YK_NAME(splat)(-87.0f), x));
    const vf n = YK_NAME(exp_whole)(clamped);
    return YK_NAME(exp_rest)(clamped, n) * (vf)((__builtin_convertvector(n, vi) + 127) << 23);
}

// 1/x within 1 ulp for 1 ≤ x ≤ 2¹²⁷.
YK_INLINE vf YK_NAME(reciprocal)(vf x) {
#ifdef YK_NATIVE_512
    const vf r = (vf)_mm512_rcp14_ps((__m512)x);
    return r + r * (1.0f - x * r);
#else
    return 1.0f / x;
#endif
}

YK_INLINE vf YK_NAME(abs)(vf x) { return (vf)((vi)x & 0x7FFFFFFF); }
YK_INLINE vf YK_NAME(copysign)(vf magnitude, vf sign) {
    return (vf)(((vi)magnitude & 0x7FFFFFFF) | ((vi)sign & (vi)((vu)(vi){} + 0x80000000u)));
}

YK_INLINE vf YK_NAME(sigmoid)(vf x) { return 1.0f / (1.0f + YK_NAME(exp)(-x)); }

// tanh x within 3 ulp: a polynomial near 0, 1 − 2/(e²ˣ + 1) elsewhere.
YK_INLINE vf YK_NAME(tanh)(vf x) {
    vf a = YK_NAME(abs)(x), s = x * x;
    vf p = s * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    vf small = x + x * s * p;
    vf large = 1.0f - 2.0f / (YK_NAME(exp)(a + a) + 1.0f);
    return YK_NAME(blend)(a < 0.625f, small, YK_NAME(copysign)(large, x));
}

// The error function within 2 ulp: a polynomial near 0, 1 − e^(polynomial) elsewhere.
YK_INLINE vf YK_NAME(erf)(vf x) {
    vf t = YK_NAME(abs)(x), s = x * x;
    vf p = s * -5.96761703e-4f + 4.99119423e-3f;
    p = p * s - 2.67681349e-2f;
    p = p * s + 1.12819925e-1f;
    p = p * s - 3.76125336e-1f;
    p = p * s + 1.28379166e-1f;
    vf small = x + x * p;
    vf r = t * -1.72853470e-5f + 3.83197126e-4f;
    vf u = t * -3.88396438e-3f + 2.42546219e-2f;
    r = r * s + u;
    r = r * t - 1.06777877e-1f;
    r = r * t - 6.34846687e-1f;
    r = r * t - 1.28717512e-1f;
    r = r * t - t;
    vf large = YK_NAME(copysign)(1.0f - YK_NAME(exp)(r), x);
    large = YK_NAME(blend)(t > 4.0f, YK_NAME(copysign)(YK_NAME(splat)(1.0f), x), large);
    return YK_NAME(blend)(t > 0.927734375f, large, small);
}

// The natural logarithm within 2 ulp, subnormal numbers included; −∞ at 0, NaN below.
YK_INLINE vf YK_NAME(log)(vf x) {
    const vi tiny = (vi)(x < 1.17549435e-38f);
    vf scaled = YK_NAME(blend)(tiny, x * 8388608.0f, x);
    // x = 2ⁿ · m with m in [√½, √2).
    vi bits = (vi)scaled - 0x3F3504F3;
    vi whole = bits >> 23;
    vf m = (vf)((bits & 0x007FFFFF) + 0x3F3504F3);
    vf n = __builtin_convertvector(whole + (tiny & -23), vf);
    // log m = 2 artanh s = f − s (f − R), R the even part of the series in s.
    vf f = m - 1.0f, s = f / (m + 1.0f), z = s * s, half = 0.5f * f * f;
    vf even = z * 0.24279078841f + 0.28498786688f;
    even = even * z + 0.40000972152f;
    even = even * z + 0.66666662693f;
    vf rest = s * (half + even * z) + n * 9.0580006145e-6f;
    vf y = n * 6.9313812256e-1f + (f - (half - rest));
    const vf infinity = YK_NAME(splat)(__builtin_inff());
    y = YK_NAME(blend)(x == infinity, x, y);
    y = YK_NAME(blend)(x == 0.0f, -infinity, y);
    return YK_NAME(blend)((x < 0.0f) | (x != x), YK_NAME(splat)(__builtin_nanf("")), y);
}

// log(1 + x) for x ≥ 0, accurate for small x too.
YK_INLINE vf YK_NAME(log1p)(vf x) {
    vf u = x + 1.0f;
    // What rounding took from x, carried through the slope 1/u.
    vf correction = (x - (u - 1.0f)) / u;
    vf y = YK_NAME(log)(u) + correction;
    return YK_NAME(blend)(u == __builtin_inff(), u, y);
}
