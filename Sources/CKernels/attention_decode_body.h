// Attention of few queries over many keys, as in decoding with a cache: the keys and values are read once, in
// their order and without packing. Included by attention_body.h.

// Keys in a tile.
enum { YK_NAME(AT_STREAM) = 64 };

// The sums of eight vectors.
YK_INLINE YK_NAME(at_eight) YK_NAME(at_eight_sums)(const vf x[8]) {
    YK_NAME(at_eight) rows[8], total = {};
    float turned[8][8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
#if YK_LANES == 16
        rows[i] = __builtin_shufflevector(x[i], x[i], 0, 1, 2, 3, 4, 5, 6, 7) +
                  __builtin_shufflevector(x[i], x[i], 8, 9, 10, 11, 12, 13, 14, 15);
#else
        rows[i] = x[i];
#endif
    }
    YK_NAME(at_turn)(turned[0], 8, (const char *)rows, sizeof rows[0], YK_F32);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++)
        total += *(const YK_NAME(at_eight) *)turned[i];
    return total;
}

// scores [rows, keys] = q [rows, ld] · keys, whose rows lie `stride` apart; writes up to 7 elements past
// `keys`.
static void YK_NAME(at_stream_scores)(float *scores, int64_t lds, const float *q, int64_t ld, const float *k,
                                      int64_t stride, int64_t Ep, int64_t rows, int64_t keys) {
    for (int64_t s = 0; s < keys; s += 8) {
        const float *key[8];
        for (int64_t i = 0; i < 8; i++)
            key[i] = k + yk_least(s + i, keys - 1) * stride;
        for (int64_t r = 0; r < rows; r++) {
            vf sum[8];
#pragma clang loop unroll(full)
            for (int i = 0; i < 8; i++)
                sum[i] = (vf){};
            for (int64_t e = 0; e < Ep; e += YK_LANES) {
                const vf x = YK_NAME(load)(q + r * ld + e);
#pragma clang loop unroll(full)
                for (int i = 0; i < 8; i++)
                    sum[i] = x * YK_NAME(load)(key[i] + e) + sum[i];
            }
            *(YK_NAME(at_eight) *)(scores + r * lds + s) = YK_NAME(at_eight_sums)(sum);
        }
    }
}

// out [Ep] = out · factor + weights [keys] · values, whose rows lie `stride` apart.
static void YK_NAME(at_stream_mix)(float *out, float factor, const float *weights, const float *v,
                                   int64_t stride, int64_t Ep, int64_t keys) {
    int64_t e = 0;
    for (; e + 8 * YK_LANES <= Ep; e += 8 * YK_LANES) {
        vf sum[8];
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++)
            sum[i] = YK_NAME(load)(out + e + i * YK_LANES) * factor;
        for (int64_t s = 0; s < keys; s++) {
            const vf x = YK_NAME(splat)(weights[s]);
#pragma clang loop unroll(full)
            for (int i = 0; i < 8; i++)
                sum[i] = x * YK_NAME(load)(v + s * stride + e + i * YK_LANES) + sum[i];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < 8; i++)
            YK_NAME(store)(out + e + i * YK_LANES, sum[i]);
    }
    for (; e < Ep; e += YK_LANES) {
        vf even = YK_NAME(load)(out + e) * factor, odd = (vf){};
        int64_t s = 0;
        for (; s + 2 <= keys; s += 2) {
            even = weights[s] * YK_NAME(load)(v + s * stride + e) + even;
            odd = weights[s + 1] * YK_NAME(load)(v + (s + 1) * stride + e) + odd;
        }
        if (s < keys)
            even = weights[s] * YK_NAME(load)(v + s * stride + e) + even;
        YK_NAME(store)(out + e, even + odd);
    }
}

// The keys s0..<s1 of one key head for all queries of the heads that read it. Leaves the sums of weighted
// values `out` [H / K · T, yk_padded(E)], and of each row the maximum of its scores (times log₂e) and the sum
// of its weights.
static void YK_NAME(attention_decode_keys)(const yk_attention *c, int64_t b, int64_t group, int64_t s0,
                                           int64_t s1, float *out, float *top, float *sum) {
    const int64_t E = c->E, T = c->T, heads = c->H / c->K, rows = heads * T, n = YK_NAME(AT_STREAM);
    const int64_t Ep = (E + YK_LANES - 1) / YK_LANES * YK_LANES, ld = yk_odd_lines(Ep), lds = n + 16;
    const bool direct = c->dtype == YK_F32 && Ep == E;
    float *q = yk_scratch(0, (size_t)(rows * ld + n * ld + rows * lds + 2 * (n + 112)) * sizeof(float));
    float *tile = q + rows * ld, *scores = tile + n * ld, *factors = scores + rows * lds;
    int32_t *segments = (int32_t *)(factors + n + 112);
    const YK_NAME(at_dropout) dropout = YK_NAME(at_make_dropout)(c);
    for (int64_t j = 0; j < heads; j++)
        YK_NAME(at_pack_rows)
    (q + j * T * ld, ld, yk_head_row(c->q, c->dtype, c->q_at, b, 0, group * heads + j), c->dtype,
     c->q_at.position, T, E, Ep, c->scale * ATTENTION_LOG2E);
    for (int64_t r = 0; r < rows; r++) {
        top[r] = -INFINITY;
        sum[r] = 0;
    }
    memset(out, 0, (size_t)(rows * yk_padded(E)) * sizeof(float));
    s1 = yk_least(s1, yk_attention_seen(c, T - 1));
    for (int64_t s = s0; s < s1; s += n) {
        const int64_t keys = yk_least(n, s1 - s), first = c->causal ? c->query_offset + 1 - s : keys;
        if (c->k_segments)
            memcpy(segments, c->k_segments + b * c->S + s, (size_t)keys * sizeof(int32_t));
        if (c->k_segments &&
            YK_NAME(at_compare_segments)(c->q_segments + b * T, T, segments, keys) == YK_NAME(AT_NONE))
            continue;
        const void *k = yk_head_row(c->k, c->dtype, c->k_at, b, s, group);
        const void *v = yk_head_row(c->v, c->dtype, c->v_at, b, s, group);
        if (!direct)
            YK_NAME(at_pack_rows)(tile, ld, k, c->dtype, c->k_at.position, keys, E, Ep, 1);
        YK_NAME(at_stream_scores)
        (scores, lds, q, ld, direct ? k : tile, direct ? c->k_at.position : ld, Ep, rows, keys);
        if (!direct)
            YK_NAME(at_pack_rows)(tile, ld, v, c->dtype, c->v_at.position, keys, E, Ep, 1);
        for (int64_t j = 0; j < heads; j++) {
            float factor[64];
            float *head_scores = scores + j * T * lds;
            for (int64_t t = 0; t < T && c->k_segments; t++)
                YK_NAME(at_mask_segments)(head_scores + t * lds, c->q_segments[b * T + t], segments,
                                          yk_seen(first, t, keys));
            YK_NAME(at_softmax)(head_scores, lds, T, keys, first, n, top + j * T, sum + j * T, factor);
            for (int64_t t = 0; t < T; t++) {
                const int64_t seen = yk_seen(first, t, keys), row = j * T + t;
                const uint64_t word = yk_dropout_word(c, b, group * heads + j, t) + (uint64_t)s;
                if (dropout.on)
                    YK_NAME(at_multiply_row)
                (head_scores + t * lds, YK_NAME(at_factors)(factors, &dropout, word, seen), seen);
                YK_NAME(at_stream_mix)
                (out + row * yk_padded(E), factor[t], head_scores + t * lds, direct ? v : tile,
                 direct ? c->v_at.position : ld, Ep, seen);
            }
        }
    }
}

// Joins the parts of one key head, each [H / K · T, yk_padded(E)] and [H / K · T] of the next two, in their
// order.
static void YK_NAME(attention_decode_join)(const yk_attention *c, int64_t b, int64_t group, float *out,
                                           const float *top, const float *sum, int64_t parts) {
    const int64_t E = c->E, T = c->T, heads = c->H / c->K, rows = heads * T;
    const int64_t Ep = (E + YK_LANES - 1) / YK_LANES * YK_LANES;
    for (int64_t row = 0; row < rows; row++) {
        float high = -INFINITY, total = 0;
        for (int64_t p = 0; p < parts; p++)
            high = top[p * rows + row] > high ? top[p * rows + row] : high;
        const float base = high == -INFINITY ? 0 : high;
        float *joined = out + row * yk_padded(E);
        for (int64_t p = 0; p < parts; p++) {
            const float factor = exp2f(top[p * rows + row] - base);
            total += sum[p * rows + row] * factor;
            const float *part = out + (p * rows + row) * yk_padded(E);
            for (int64_t e = 0; e < Ep; e += YK_LANES) {
                const vf x = YK_NAME(load)(part + e) * factor;
                YK_NAME(store)(joined + e, p == 0 ? x : YK_NAME(load)(joined + e) + x);
            }
        }
        const int64_t h = group * heads + row / T, t = row % T;
        YK_NAME(at_unpack_row)
        ((void *)yk_head_row(c->out, c->dtype, c->out_at, b, t, h), c->dtype, joined, c->E,
         total == 0 ? 0 : 1 / total);
        if (c->lse)
            ((float *)c->lse)[(b * c->H + h) * T + t] =
                total == 0 ? -INFINITY : high * ATTENTION_LN2 + logf(total);
    }
}
