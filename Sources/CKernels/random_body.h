// Transforms of random words. Compiled for the scalar set too: integer and IEEE operations in one order, so
// that all sets agree bit for bit (the file that includes this forbids contraction).
#include "typed_simd.h"
#include "philox_simd.h"

#define HALF (YK_LANES / 2)
typedef double YK_NAME(vd) __attribute__((vector_size(YK_LANES * 4), aligned(8)));
typedef int64_t YK_NAME(vl) __attribute__((vector_size(YK_LANES * 4), aligned(8)));
typedef int32_t YK_NAME(vhalf) __attribute__((vector_size(YK_LANES * 2), aligned(4)));
#define vd YK_NAME(vd)
#define vl YK_NAME(vl)
#define vhalf YK_NAME(vhalf)

static void YK_NAME(random_words)(uint32_t *out, yk_random source, int64_t n) {
    YK_NAME(philox_words)(out, source, n);
}

YK_INLINE vd YK_NAME(splat_double)(double x) { return x - (vd){}; }

// ---- Dropout ----

YK_INLINE void YK_NAME(dropout_typed)(void *out, const void *x, yk_dtype t, float scale, uint32_t threshold,
                                      const uint32_t *words, int64_t n) {
    const vu least = (vu){} + threshold;
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) {
        vi kept = (vi)(*(const vu *)(words + i) >= least);
        vf y = YK_NAME(get)(x, t, i) * scale;
        YK_NAME(put)(out, t, i, (vf)((vi)y & kept));
    }
    for (; i < n; i++) {
        float v = t == YK_BF16 ? yk_from_bf16(((const uint16_t *)x)[i]) : ((const float *)x)[i];
        float y = words[i] >= threshold ? v * scale : 0;
        if (t == YK_BF16) ((uint16_t *)out)[i] = yk_to_bf16(y);
        else ((float *)out)[i] = y;
    }
}

static void YK_NAME(dropout_elements)(void *out, const void *x, yk_dtype t, float scale, uint32_t threshold,
                                      const uint32_t *words, int64_t n) {
    if (t == YK_BF16) YK_NAME(dropout_typed)(out, x, YK_BF16, scale, threshold, words, n);
    else YK_NAME(dropout_typed)(out, x, YK_F32, scale, threshold, words, n);
}

// ---- Uniform ----

YK_INLINE vd YK_NAME(uniform)(vhalf words, double low, double range) {
    vd u = __builtin_convertvector((words >> 8) & 0xFFFFFF, vd) * 0x1p-24;
    return u * range + low;
}

static void YK_NAME(uniform_elements)(double *out, const uint32_t *words, double low, double range,
                                      int64_t n) {
    int64_t i = 0;
    for (; i + HALF <= n; i += HALF)
        *(vd *)(out + i) = YK_NAME(uniform)(*(const vhalf *)(words + i), low, range);
    for (; i < n; i++) out[i] = (double)(words[i] >> 8) * 0x1p-24 * range + low;
}

// ---- Normal ----

// ln x for 2⁻³² ≤ x ≤ 1: x = 2ᵏ·m with m near 1, ln m = 2 artanh((m − 1)/(m + 1)). Within 2 ulp of double.
YK_INLINE vd YK_NAME(log_double)(vd x) {
    YK_NAME(vq) bits = (YK_NAME(vq))x;
    // Half a step of the exponent further, so that m lies in [√½, √2).
    YK_NAME(vq) exponent = (bits + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)) >> 52;
    vd m = (vd)(bits - ((exponent - 1023) << 52));
    // The exponent as a number: its bits at the low end of 2⁵², less that and the bias.
    vd k = (vd)(exponent | 0x4330000000000000) - (0x1p52 + 1023);
    vd s = (m - 1.0) / (m + 1.0), z = s * s;
    vd p = z * (1.0 / 23) + 1.0 / 21;
    p = p * z + 1.0 / 19;
    p = p * z + 1.0 / 17;
    p = p * z + 1.0 / 15;
    p = p * z + 1.0 / 13;
    p = p * z + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    vd twice = s + s;
    return k * 0x1.62e42fefa39efp-1 + (twice + twice * (p * z));
}

// The cosine and sine of 2π · word · 2⁻³²: an exact quarter turn and a rest in [−π/4, π/4).
YK_INLINE void YK_NAME(turn)(vd *cosine, vd *sine, vhalf word) {
    vhalf quarter = (vhalf)((word + 0x20000000) >> 30) & 3;
    vhalf rest = word - (vhalf)(quarter << 30);
    vd a = __builtin_convertvector(rest, vd) * 0x1.921fb54442d18p-30, z = a * a; // 2π · 2⁻³²
    vd s = z * (1.0 / 355687428096000) - 1.0 / 1307674368000;
    s = s * z + 1.0 / 6227020800;
    s = s * z - 1.0 / 39916800;
    s = s * z + 1.0 / 362880;
    s = s * z - 1.0 / 5040;
    s = s * z + 1.0 / 120;
    s = s * z - 1.0 / 6;
    s = a + a * (z * s);
    vd c = z * (1.0 / 20922789888000) - 1.0 / 87178291200;
    c = c * z + 1.0 / 479001600;
    c = c * z - 1.0 / 3628800;
    c = c * z + 1.0 / 40320;
    c = c * z - 1.0 / 720;
    c = c * z + 1.0 / 24;
    c = c * z - 0.5;
    c = 1.0 + z * c;
    vl q = __builtin_convertvector(quarter, vl);
    vl odd = -(q & 1);
    vl flip_cosine = ((q + 1) & 2) << 62, flip_sine = (q & 2) << 62;
    *cosine = (vd)((((vl)s & odd) | ((vl)c & ~odd)) ^ flip_cosine);
    *sine = (vd)((((vl)c & odd) | ((vl)s & ~odd)) ^ flip_sine);
}

// YK_LANES draws from YK_LANES words.
YK_INLINE void YK_NAME(normal_block)(double *out, const uint32_t *words, double mean, double deviation) {
    vi pairs = *(const vi *)words;
#if YK_LANES == 16
    vhalf first = __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6, 8, 10, 12, 14);
    vhalf second = __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7, 9, 11, 13, 15);
#elif YK_LANES == 4
    vhalf first = __builtin_shufflevector(pairs, pairs, 0, 2),
          second = __builtin_shufflevector(pairs, pairs, 1, 3);
#else
    vhalf first = __builtin_shufflevector(pairs, pairs, 0, 2, 4, 6);
    vhalf second = __builtin_shufflevector(pairs, pairs, 1, 3, 5, 7);
#endif
    // The word as a signed number, moved back by 2³¹: exact.
    vd u = (__builtin_convertvector(first ^ (int32_t)0x80000000, vd) + 2147483649.0) * 0x1p-32;
    vd radius = __builtin_elementwise_sqrt(YK_NAME(log_double)(u) * -2.0) * deviation;
    vd c, s;
    YK_NAME(turn)(&c, &s, second);
    vd x = radius * c + mean, y = radius * s + mean;
#if YK_LANES == 16
    *(vd *)out = __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
    *(vd *)(out + HALF) = __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
#elif YK_LANES == 4
    *(vd *)out = __builtin_shufflevector(x, y, 0, 2);
    *(vd *)(out + HALF) = __builtin_shufflevector(x, y, 1, 3);
#else
    *(vd *)out = __builtin_shufflevector(x, y, 0, 4, 1, 5);
    *(vd *)(out + HALF) = __builtin_shufflevector(x, y, 2, 6, 3, 7);
#endif
}

// Both arrays have room for a whole block beyond n.
static void YK_NAME(normal_elements)(double *out, const uint32_t *words, double mean, double deviation,
                                     int64_t n) {
    for (int64_t i = 0; i < n; i += YK_LANES) YK_NAME(normal_block)(out + i, words + i, mean, deviation);
}

#undef vd
#undef vl
#undef vhalf
#undef HALF
