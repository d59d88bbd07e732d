// The forward pass on tiles. Included by attention_amx_body.h.

// Keys in a tile, queries in a block.
enum { YK_NAME(AMX_KEYS) = 128, YK_NAME(AMX_BLOCK) = 256 };

typedef struct YK_NAME(amx_forward) {
    uint16_t *k;                      // the tile's keys [128, width]
    uint16_t *v;                      // its values, turned [width, 128]
    uint32_t *q;                      // the block's queries, as words [8, width / 2, 32]
    float *scores;                    // [128, 32]
    uint32_t *weights;                // words [64, 32]
    float *out;                       // the transposes of results [8, width, 32]
    float *top, *sum;                 // [256]
    float *factors, *rows;            // dropout's [128, 32] and [32, 128]; rows also serves to pack
    int32_t *q_segments, *k_segments; // [256] and [128], −1 where there is nothing
    int64_t width;
    float scale;
    YK_NAME(at_dropout) dropout;
} YK_NAME(amx_forward);

static void YK_NAME(amx_lay_out_forward)(YK_NAME(amx_forward) * f, const yk_attention *c) {
    const int64_t width = amx_padded(c->E), keys = YK_NAME(AMX_KEYS), block = YK_NAME(AMX_BLOCK);
    const int64_t spare = keys * width * 4 > 32 * keys * 4 ? keys * width * 4 : 32 * keys * 4;
    YK_NAME(amx_memory) m = {.at = NULL};
    for (int pass = 0; pass < 2; pass++) { // first the size, then the places
        if (pass)
            m = (YK_NAME(amx_memory)){.at = yk_scratch(0, m.used)};
        f->k = YK_NAME(amx_take)(&m, keys * width * 2);
        f->v = YK_NAME(amx_take)(&m, keys * width * 2);
        f->q = YK_NAME(amx_take)(&m, block * width * 2);
        f->scores = YK_NAME(amx_take)(&m, keys * 32 * 4);
        f->weights = YK_NAME(amx_take)(&m, keys * 32 * 2);
        f->out = YK_NAME(amx_take)(&m, block * width * 4);
        f->top = YK_NAME(amx_take)(&m, block * 4);
        f->sum = YK_NAME(amx_take)(&m, block * 4);
        f->factors = YK_NAME(amx_take)(&m, keys * 32 * 4);
        f->rows = YK_NAME(amx_take)(&m, spare);
        f->q_segments = YK_NAME(amx_take)(&m, block * 4);
        f->k_segments = YK_NAME(amx_take)(&m, keys * 4);
    }
    f->width = width;
    f->scale = c->scale * ATTENTION_LOG2E;
    f->dropout = YK_NAME(at_make_dropout)(c);
}

// The largest of 16 columns of `keys` rows of scores, a multiple of 32, or `high`; sets those that a mask
// hides to −∞.
YK_INLINE vf YK_NAME(amx_top)(float *scores, const YK_NAME(amx_mask) * m, int64_t column, int64_t keys,
                              vf high) {
    const vf nothing = YK_NAME(splat)(-INFINITY);
    const int64_t clear =
        m->keys ? 0 : yk_seen(m->first, 0, yk_least(m->count, keys)); // rows that no mask touches
    vf others[3] = {nothing, nothing, nothing};
    int64_t j = 0;
    for (; j + 4 <= clear; j += 4) {
        high = YK_NAME(vmax)(YK_NAME(load)(scores + j * 32), high);
        for (int64_t i = 0; i < 3; i++)
            others[i] = YK_NAME(vmax)(YK_NAME(load)(scores + (j + 1 + i) * 32), others[i]);
    }
    for (; j < keys; j++) {
        vf x = YK_NAME(load)(scores + j * 32);
        x = YK_NAME(blend)(YK_NAME(amx_visible)(m, j, column), x, nothing);
        YK_NAME(store)(scores + j * 32, x);
        high = YK_NAME(vmax)(x, high);
    }
    return YK_NAME(vmax)(YK_NAME(vmax)(others[0], others[1]), YK_NAME(vmax)(others[2], high));
}

// 16 columns of `keys` rows of scores: their softmax so far, as words. Gives the factor for what was summed
// before.
YK_INLINE vf YK_NAME(amx_softmax)(const YK_NAME(amx_forward) * f, const YK_NAME(amx_mask) * m, int64_t column,
                                  int64_t keys, float *top, float *sum) {
    float *scores = f->scores + column;
    uint32_t *weights = f->weights + column;
    const float *factors = f->dropout.on ? f->factors + column : NULL;
    const vf nothing = YK_NAME(splat)(-INFINITY), before = YK_NAME(load)(top);
    float scale = f->scale;
    if (scale <= 0) {
        // Scaling turns the order around, and hides −∞: it comes first.
        for (int64_t j = 0; j < keys; j++)
            YK_NAME(store)(scores + j * 32, YK_NAME(load)(scores + j * 32) * scale);
        scale = 1;
    }
    // `top` holds scores times the scale.
    const vf here = YK_NAME(amx_top)(scores, m, column, keys, nothing) * scale,
             high = YK_NAME(vmax)(here, before);
    YK_NAME(store)(top, high);
    const vf base = YK_NAME(blend)(high == nothing, (vf){}, high);
    vf total = (vf){};
    for (int64_t j = 0; j < keys; j += 2) {
        vf even = YK_NAME(at_exp2)(YK_NAME(load)(scores + j * 32) * scale - base);
        vf odd = YK_NAME(at_exp2)(YK_NAME(load)(scores + j * 32 + 32) * scale - base);
        total += even + odd;
        if (factors) {
            even *= YK_NAME(load)(factors + j * 32);
            odd *= YK_NAME(load)(factors + j * 32 + 32);
        }
        *(vu *)(weights + j / 2 * 32) = YK_NAME(amx_words)(even, odd);
    }
    const vf factor = YK_NAME(at_exp2)(before - base);
    YK_NAME(store)(sum, YK_NAME(load)(sum) * factor + total);
    return factor;
}

// 32 queries from t on, `row` of the block, against the tile of `count` keys from s on.
static void YK_NAME(amx_forward_tile)(const YK_NAME(amx_forward) * f, const yk_attention *c, int64_t b,
                                      int64_t h, int64_t t, int64_t row, int64_t queries, int64_t s,
                                      int64_t count) {
    YK_NAME(amx_mask) m = {.first = c->causal ? t + c->query_offset + 1 - s : count, .count = count};
    const int64_t keys = amx_padded(yk_least(count, m.first + queries - 1)), width = f->width;
    if (m.first + queries - 1 <= 0)
        return;
    if (c->q_segments) {
        const int overlap = YK_NAME(at_compare_segments)(f->q_segments + row, queries, f->k_segments, count);
        if (overlap == YK_NAME(AT_NONE))
            return;
        if (overlap == YK_NAME(AT_SOME)) {
            m.queries = f->q_segments + row;
            m.keys = f->k_segments;
        }
    }
    for (int64_t j = 0; j < keys; j += 32)
        YK_NAME(amx_product)
    (f->scores + j * 32, 32, false, f->k + j * width, width * 2, f->q + row * width / 2, 128, width / 32);
    if (f->dropout.on)
        YK_NAME(amx_factors)
    (f->factors, f->rows, &f->dropout, yk_dropout_word(c, b, h, t) + (uint64_t)s, c->S, queries, keys);
    const vf left = YK_NAME(amx_softmax)(f, &m, 0, keys, f->top + row, f->sum + row);
    const vf right = YK_NAME(amx_softmax)(f, &m, 16, keys, f->top + row + 16, f->sum + row + 16);
    float *out = f->out + row * width;
    for (int64_t e = 0; e < width; e++) {
        YK_NAME(store)(out + e * 32, YK_NAME(load)(out + e * 32) * left);
        YK_NAME(store)(out + e * 32 + 16, YK_NAME(load)(out + e * 32 + 16) * right);
    }
    for (int64_t e = 0; e < width; e += 32)
        YK_NAME(amx_product)
    (out + e * 32, 32, true, f->v + e * YK_NAME(AMX_KEYS), YK_NAME(AMX_KEYS) * 2, f->weights, 128, keys / 32);
}

// The keys and values of a tile.
static void YK_NAME(amx_pack_tile)(const YK_NAME(amx_forward) * f, const yk_attention *c, int64_t b,
                                   int64_t group, int64_t s, int64_t count) {
    const int64_t keys = YK_NAME(AMX_KEYS), width = f->width;
    const void *k = yk_head_row(c->k, YK_BF16, c->k_at, b, s, group),
               *v = yk_head_row(c->v, YK_BF16, c->v_at, b, s, group);
    uint32_t *words = (uint32_t *)f->rows; // [64, width]
    YK_NAME(amx_rows)(f->k, width, v, c->v_at.position, count, c->E, keys);
    YK_NAME(amx_pairs)(words, f->k, keys, width);
    YK_NAME(amx_turn)((uint32_t *)f->v, keys / 2, words, keys / 2, width);
    YK_NAME(amx_rows)(f->k, width, k, c->k_at.position, count, c->E, keys);
}

void YK_NAME(yk_attention_forward)(const yk_attention *c, int64_t b, int64_t h, int64_t t0, int64_t t1) {
    YK_NAME(amx_forward) f;
    YK_NAME(amx_lay_out_forward)(&f, c);
    const int64_t group = h / (c->H / c->K), seen = yk_attention_seen(c, t1 - 1), n = t1 - t0,
                  width = f.width;
    TILE_BEGIN();
    const uint16_t *q = yk_head_row(c->q, YK_BF16, c->q_at, b, t0, h);
    for (int64_t i = 0; i < n; i += 32) {
        YK_NAME(amx_rows)
        ((uint16_t *)f.rows, width, q + i * c->q_at.position, c->q_at.position, yk_least(32, n - i), c->E,
         32);
        YK_NAME(amx_turn)(f.q + i * width / 2, 32, (const uint32_t *)f.rows, 32, width / 2);
    }
    for (int64_t i = 0; i < YK_NAME(AMX_BLOCK); i++) {
        f.top[i] = -INFINITY;
        f.sum[i] = 0;
        f.q_segments[i] = c->q_segments && i < n ? c->q_segments[b * c->T + t0 + i] : -1;
    }
    memset(f.out, 0, (size_t)(amx_padded(n) * width) * sizeof(float));
    for (int64_t s = 0; s < seen; s += YK_NAME(AMX_KEYS)) {
        const int64_t count = yk_least(YK_NAME(AMX_KEYS), seen - s);
        if (c->k_segments) {
            memcpy(f.k_segments, c->k_segments + b * c->S + s, (size_t)count * sizeof(int32_t));
            if (YK_NAME(at_compare_segments)(f.q_segments, n, f.k_segments, count) == YK_NAME(AT_NONE))
                continue;
        }
        YK_NAME(amx_pack_tile)(&f, c, b, group, s, count);
        for (int64_t i = 0; i < n; i += 32)
            YK_NAME(amx_forward_tile)(&f, c, b, h, t0 + i, i, yk_least(32, n - i), s, count);
    }
    TILE_END();
    for (int64_t i = 0; i < n; i++) {
        if (c->lse)
            ((float *)c->lse)[(b * c->H + h) * c->T + t0 + i] =
                f.sum[i] == 0 ? -INFINITY : f.top[i] * ATTENTION_LN2 + logf(f.sum[i]);
        f.sum[i] = f.sum[i] == 0 ? 0 : 1 / f.sum[i];
    }
    for (int64_t i = 0; i < n; i += 32)
        YK_NAME(amx_put_queries)
    ((void *)yk_head_row(c->out, YK_BF16, c->out_at, b, t0 + i, h), c->out_at.position, f.out + i * width,
     f.rows, yk_least(32, n - i), c->E, width, f.sum + i);
}
