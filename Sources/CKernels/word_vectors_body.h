// Tasks of word vectors on vectors of YK_LANES floats: dot products of a few outputs at a time, then one pass over
// the columns that changes all rows.

typedef float YK_NAME(v8) __attribute__((vector_size(32), aligned(4)));
#define v8 YK_NAME(v8)

YK_INLINE v8 YK_NAME(narrow)(vf x) {
#if YK_LANES == 16
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    return (v8)x;
#endif
}

// The sums of two vectors' halves of lanes, interleaved.
YK_INLINE v8 YK_NAME(fold2)(v8 a, v8 b) {
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) + __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
}
YK_INLINE v8 YK_NAME(fold4)(v8 a, v8 b) {
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}

// Lane i of the result is the sum of the lanes of a[i].
YK_INLINE v8 YK_NAME(sums)(const vf *a, int count) {
    v8 n[8];
    for (int i = 0; i < 8; i++) n[i] = i < count ? YK_NAME(narrow)(a[i]) : (v8){};
    const v8 low = YK_NAME(fold4)(YK_NAME(fold2)(n[0], n[1]), YK_NAME(fold2)(n[2], n[3]));
    const v8 high = YK_NAME(fold4)(YK_NAME(fold2)(n[4], n[5]), YK_NAME(fold2)(n[6], n[7]));
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 8, 9, 10, 11) + __builtin_shufflevector(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
}

// dots[c · GROUP_LANES + t] = x_c · y_t.
YK_INLINE void YK_NAME(word_dots)(float *dots, const float *const *x, int64_t C, const float *const *y, int T, int64_t n) {
    int64_t c = 0;
    for (; c + 2 <= C; c += 2) {
        vf a[WORD_GROUP] = {}, b[WORD_GROUP] = {};
        for (int64_t i = 0; i < n; i += YK_LANES) {
            const vf first = YK_NAME(load)(x[c] + i), second = YK_NAME(load)(x[c + 1] + i);
            for (int t = 0; t < T; t++) {
                const vf output = YK_NAME(load)(y[t] + i);
                a[t] += first * output;
                b[t] += second * output;
            }
        }
        *(v8 *)(dots + c * GROUP_LANES) = YK_NAME(sums)(a, T);
        *(v8 *)(dots + (c + 1) * GROUP_LANES) = YK_NAME(sums)(b, T);
    }
    if (c < C) {
        vf a[WORD_GROUP] = {};
        for (int64_t i = 0; i < n; i += YK_LANES) {
            const vf first = YK_NAME(load)(x[c] + i);
            for (int t = 0; t < T; t++) a[t] += first * YK_NAME(load)(y[t] + i);
        }
        *(v8 *)(dots + c * GROUP_LANES) = YK_NAME(sums)(a, T);
    }
}

// new_c += Σ_t g_ct y_t and y_t += Σ_c g_ct x_c, all from the old x and y; new may be x.
YK_INLINE void YK_NAME(word_updates)(float *const *new_x, const float *const *x, int64_t C, float *const *y, int T,
                                     const float *g, int64_t n) {
    for (int64_t i = 0; i < n; i += YK_LANES) {
        vf old[WORD_GROUP], changed[WORD_GROUP];
        for (int t = 0; t < T; t++) old[t] = changed[t] = YK_NAME(load)(y[t] + i);
        for (int64_t c = 0; c < C; c++) {
            const vf input = YK_NAME(load)(x[c] + i);
            vf sum = YK_NAME(load)(new_x[c] + i);
            const float *row = g + c * GROUP_LANES;
            for (int t = 0; t < T; t++) {
                sum += row[t] * old[t];
                changed[t] += row[t] * input;
            }
            YK_NAME(store)(new_x[c] + i, sum);
        }
        for (int t = 0; t < T; t++) YK_NAME(store)(y[t] + i, changed[t]);
    }
}

// Dot products become (label − σ(dot)) · factor.
YK_INLINE void YK_NAME(word_slopes)(float *g, const word_group *o, const float *input_weights, int64_t C, float rate,
                                    word_loss *loss) {
    float labels[2 * GROUP_LANES], factors[2 * GROUP_LANES];
    for (int t = 0; t < GROUP_LANES; t++) {
        labels[t] = labels[t + GROUP_LANES] = t < o->T ? o->labels[t] : 0;
        factors[t] = factors[t + GROUP_LANES] = t < o->T ? o->weights[t] * rate : 0;
    }
    const vf label = YK_NAME(load)(labels), factor = YK_NAME(load)(factors);
    for (int64_t i = 0; i < C * GROUP_LANES; i += YK_LANES) {
        const int64_t c = i / GROUP_LANES;
        const vf dot = YK_NAME(load)(g + i);
        const vf odds = 1.0f / (1.0f + YK_NAME(exp_clamped)(-dot));
        vf weight = YK_NAME(splat)(input_weights[c]);
#if YK_LANES == 16
        const float other = c + 1 < C ? input_weights[c + 1] : 0;
        weight = __builtin_shufflevector(weight, YK_NAME(splat)(other), 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
#endif
        if (loss) {
            // log(1 + e^−|x|) + max(x, 0) − label · x
            const vf size = YK_NAME(abs)(dot), one = YK_NAME(splat)(1);
            vf l = YK_NAME(log)(one + YK_NAME(exp_clamped)(-size)) + YK_NAME(vmax)(dot, (vf){}) - label * dot;
            vf share = factor * weight / rate;
            loss->sum += (double)YK_NAME(sum)(l * share);
            loss->pairs += (double)YK_NAME(sum)(share * label);
        }
        YK_NAME(store)(g + i, (label - odds) * factor * weight);
    }
}

YK_INLINE void YK_NAME(word_group_step)(float *const *new_x, const float *const *x, int64_t C, const word_group *o,
                                        const float *input_weights, float *g, float rate, word_loss *loss, int T, int64_t n) {
    YK_NAME(word_dots)(g, x, C, (const float *const *)o->rows, T, n);
    YK_NAME(word_slopes)(g, o, input_weights, C, rate, loss);
    YK_NAME(word_updates)(new_x, x, C, o->rows, T, g, n);
}

static void YK_NAME(word_group)(float *const *new_x, const float *const *x, int64_t C, const word_group *o,
                                const float *input_weights, float *g, float rate, word_loss *loss, int64_t D) {
    const int64_t n = (D + YK_LANES - 1) / YK_LANES * YK_LANES;
    switch (o->T) {
    case 1: YK_NAME(word_group_step)(new_x, x, C, o, input_weights, g, rate, loss, 1, n); break;
    case 2: YK_NAME(word_group_step)(new_x, x, C, o, input_weights, g, rate, loss, 2, n); break;
    case 3: YK_NAME(word_group_step)(new_x, x, C, o, input_weights, g, rate, loss, 3, n); break;
    case 4: YK_NAME(word_group_step)(new_x, x, C, o, input_weights, g, rate, loss, 4, n); break;
    case 5: YK_NAME(word_group_step)(new_x, x, C, o, input_weights, g, rate, loss, 5, n); break;
    default: YK_NAME(word_group_step)(new_x, x, C, o, input_weights, g, rate, loss, WORD_GROUP, n); break;
    }
}

// out += factor · x over whole vectors.
static void YK_NAME(add_scaled)(float *out, const float *x, float factor, int64_t D) {
    for (int64_t i = 0; i < D; i += YK_LANES)
        YK_NAME(store)(out + i, YK_NAME(load)(out + i) + factor * YK_NAME(load)(x + i));
}

static void YK_NAME(glove_run)(const glove_call *c, double *loss) {
    const int64_t n = (c->D + YK_LANES - 1) / YK_LANES * YK_LANES, bias = c->stride - 1;
    double total = 0;
    for (int64_t r = 0; r < c->N; r++) {
        if (r + 4 < c->N) glove_prefetch(c, r + 4);
        float *w = c->words + c->rows[r] * c->stride, *x = c->contexts + c->columns[r] * c->stride;
        float *ws = c->word_squares + c->rows[r] * c->stride, *xs = c->context_squares + c->columns[r] * c->stride;
        vf sum = {};
        for (int64_t i = 0; i < n; i += YK_LANES) sum += YK_NAME(load)(w + i) * YK_NAME(load)(x + i);
        const float error = YK_NAME(sum)(sum) + w[bias] + x[bias] - c->values[r], weighted = c->weights[r] * error;
        total += 0.5 * (double)weighted * (double)error;
        for (int64_t i = 0; i < n; i += YK_LANES) {
            const vf a = YK_NAME(load)(w + i), b = YK_NAME(load)(x + i);
            const vf to_a = weighted * b, to_b = weighted * a;
            const vf as = YK_NAME(load)(ws + i), bs = YK_NAME(load)(xs + i);
            YK_NAME(store)(w + i, a - c->learning_rate * to_a / __builtin_elementwise_sqrt(as));
            YK_NAME(store)(x + i, b - c->learning_rate * to_b / __builtin_elementwise_sqrt(bs));
            YK_NAME(store)(ws + i, as + to_a * to_a);
            YK_NAME(store)(xs + i, bs + to_b * to_b);
        }
        w[bias] -= c->learning_rate * weighted / sqrtf(ws[bias]);
        x[bias] -= c->learning_rate * weighted / sqrtf(xs[bias]);
        ws[bias] += weighted * weighted;
        xs[bias] += weighted * weighted;
    }
    *loss = total;
}

static void YK_NAME(row_dots_piece)(float *out, const float *rows, const float *query, int64_t N, int64_t D) {
    for (int64_t r = 0; r < N; r++) {
        const float *row = rows + r * D;
        vf a = {}, b = {};
        int64_t i = 0;
        for (; i + 2 * YK_LANES <= D; i += 2 * YK_LANES) {
            a += YK_NAME(load)(row + i) * YK_NAME(load)(query + i);
            b += YK_NAME(load)(row + i + YK_LANES) * YK_NAME(load)(query + i + YK_LANES);
        }
        float sum = YK_NAME(sum)(a + b);
        for (; i < D; i++) sum += row[i] * query[i];
        out[r] = sum;
    }
}

#undef v8
