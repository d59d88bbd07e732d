// What happens to a tile of scores between two products: masks, exponentials, dropout. Included by
// attention_body.h.

// What the segments of a tile of queries and a tile of keys have in common.
enum YK_NAME(at_overlap) { YK_NAME(AT_NONE), YK_NAME(AT_SOME), YK_NAME(AT_ALL) };

static int YK_NAME(at_compare_segments)(const int32_t *queries, int64_t rows, const int32_t *keys,
                                        int64_t count) {
    int32_t q_low = INT32_MAX, q_high = -1, k_low = INT32_MAX, k_high = -1;
    bool without = false;
    for (int64_t i = 0; i < rows; i++) {
        if (queries[i] < 0)
            without = true;
        else {
            q_low = queries[i] < q_low ? queries[i] : q_low;
            q_high = queries[i] > q_high ? queries[i] : q_high;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        if (keys[i] < 0)
            without = true;
        else {
            k_low = keys[i] < k_low ? keys[i] : k_low;
            k_high = keys[i] > k_high ? keys[i] : k_high;
        }
    }
    if (q_high < 0 || k_high < 0 || q_low > k_high || k_low > q_high)
        return YK_NAME(AT_NONE);
    return !without && q_low == q_high && k_low == k_high ? YK_NAME(AT_ALL) : YK_NAME(AT_SOME);
}

// Sets scores of other segments to −∞; reads and writes up to YK_LANES − 1 elements past n.
YK_INLINE void YK_NAME(at_mask_segments)(float *scores, int32_t segment, const int32_t *keys, int64_t n) {
    const vi wanted = (vi){} + segment, usable = (vi){} - (segment >= 0);
    for (int64_t i = 0; i < n; i += YK_LANES) {
        const vi same = (*(const vi *)(keys + i) == wanted) & usable;
        YK_NAME(store)(scores + i,
                       YK_NAME(blend)(same, YK_NAME(load)(scores + i), YK_NAME(splat)(-INFINITY)));
    }
}

// The dropout of a call, ready for use.
typedef struct YK_NAME(at_dropout) {
    bool on;
    uint32_t threshold;
    float scale;
    uint64_t seed, stream;
} YK_NAME(at_dropout);

static YK_NAME(at_dropout) YK_NAME(at_make_dropout)(const yk_attention *c) {
    const uint64_t threshold = yk_dropout_threshold(c->dropout);
    // With p = 1 nothing is kept: the scale is 0 and the threshold does not matter.
    return (YK_NAME(at_dropout)){.on = c->dropout > 0,
                                 .threshold = threshold > UINT32_MAX ? UINT32_MAX : (uint32_t)threshold,
                                 .scale = (float)yk_dropout_scale(c->dropout),
                                 .seed = c->seed,
                                 .stream = c->stream};
}

// The factors (0 or the scale) of n weights whose words begin at `word`; gives YK_LANES − 1 more than n.
static const float *YK_NAME(at_factors)(float *factors, const YK_NAME(at_dropout) * d, uint64_t word,
                                        int64_t n) {
    const int64_t count = (n + YK_LANES - 1) / YK_LANES * YK_LANES;
    const yk_random source = {.seed = d->seed, .stream = d->stream, .position = word};
    YK_NAME(philox_words)((uint32_t *)factors, source, count);
    const vf scale = YK_NAME(splat)(d->scale);
    for (int64_t i = 0; i < count; i += YK_LANES) {
        const vi kept = (vi)(*(const vu *)(factors + i) >= d->threshold);
        YK_NAME(store)(factors + i, YK_NAME(blend)(kept, scale, (vf){}));
    }
    return factors;
}

// 2^x for x ≤ 0 or NaN, within 3 ulp; 0 below −126. Attention's scores carry the factor log₂e, so that the
// softmax needs no other function.
YK_INLINE vf YK_NAME(at_exp2)(vf x) {
    const vf low = YK_NAME(splat)(-126.0f),
             magic = YK_NAME(splat)(12582912.0f); // 1.5 · 2²³: to a whole number
    const vf clamped = YK_NAME(blend)(x < low, low, x), shifted = clamped + magic,
             r = clamped - (shifted - magic);
    vf p = r * 1.32647295e-3f + 9.67151268e-3f;
    p = p * r + 5.55073374e-2f;
    p = p * r + 2.40222421e-1f;
    p = p * r + 6.93146978e-1f;
    p = p * r + 1.0f;
    // The whole number lies in the low bits of `shifted`.
    const vf y = p * (vf)(((vi)shifted << 23) + 0x3F800000);
    return (vf)((vi)y & ~(x < low));
}

// The largest of n scores; overwrites up to YK_LANES elements from n on with −∞.
YK_INLINE float YK_NAME(at_top)(float *scores, int64_t n) {
    const vf nothing = YK_NAME(splat)(-INFINITY);
    YK_NAME(store)(scores + n, nothing);
    vf high = nothing, high2 = nothing;
    int64_t i = 0;
    for (; i + YK_LANES < n; i += 2 * YK_LANES) {
        high = YK_NAME(vmax)(YK_NAME(load)(scores + i), high);
        high2 = YK_NAME(vmax)(YK_NAME(load)(scores + i + YK_LANES), high2);
    }
    if (i < n)
        high = YK_NAME(vmax)(YK_NAME(load)(scores + i), high);
    return YK_NAME(maximum)(YK_NAME(vmax)(high, high2));
}

// Turns n scores, with −∞ behind them, into weights, zeros from n to `width`; returns their sum.
YK_INLINE float YK_NAME(at_weights)(float *scores, int64_t n, int64_t width, float base) {
    const vf subtract = YK_NAME(splat)(base);
    vf total = (vf){};
    int64_t i = 0;
#pragma clang loop unroll(disable)
    for (; i < n; i += YK_LANES) {
        const vf p = YK_NAME(at_exp2)(YK_NAME(load)(scores + i) - subtract);
        YK_NAME(store)(scores + i, p);
        total += p;
    }
    for (; i < width; i += YK_LANES)
        YK_NAME(store)(scores + i, (vf){});
    return YK_NAME(sum)(total);
}

// The online softmax of a tile of scores whose row i sees at_seen(first, i, keys) of them: turns them into
// weights below the running maxima, updates those and the running sums, and gives each row the factor for
// what was summed before. `rows` is at most 64, as is the room in `factor`; each row has YK_LANES spare
// elements past `width`.
static void YK_NAME(at_softmax)(float *scores, int64_t lds, int64_t rows, int64_t keys, int64_t first,
                                int64_t width, float *top, float *sum, float *factor) {
    float base[64];
    // One step for all rows at a time, because the steps of a row wait for each other.
    for (int64_t i = 0; i < rows; i++) {
        const float here = YK_NAME(at_top)(scores + i * lds, yk_seen(first, i, keys)), before = top[i];
        top[i] = here > before ? here : before;
        base[i] = top[i] == -INFINITY ? 0 : top[i];
        factor[i] = before - base[i];
    }
    for (int64_t i = rows; i < 64; i++)
        factor[i] = 0;
    for (int64_t i = 0; i < 64; i += YK_LANES)
        YK_NAME(store)(factor + i, YK_NAME(at_exp2)(YK_NAME(load)(factor + i)));
    for (int64_t i = 0; i < rows; i++)
        sum[i] = sum[i] * factor[i] +
                 YK_NAME(at_weights)(scores + i * lds, yk_seen(first, i, keys), width, base[i]);
}

// Multiplies weights by the factors of dropout; may touch YK_LANES − 1 elements past n, which must be zeros.
YK_INLINE void YK_NAME(at_multiply_row)(float *weights, const float *factors, int64_t n) {
    for (int64_t i = 0; i < n; i += YK_LANES)
        YK_NAME(store)(weights + i, YK_NAME(load)(weights + i) * YK_NAME(load)(factors + i));
}
