// The gradient on tiles. Included by attention_amx_body.h.

// Keys in a tile, and queries against it at a time.
enum { YK_NAME(AMX_BACK_KEYS) = 64, YK_NAME(AMX_BACK_QUERIES) = 128 };

typedef struct YK_NAME(amx_backward) {
    uint16_t *k, *v;                    // the tile's keys and values [64, width]
    uint16_t *k_turned;                 // [width, 64]
    uint32_t *q_columns, *dout_columns; // a head's queries, as words [T / 32, width / 2, 32]
    uint32_t *q_rows, *dout_rows;       // as words of two queries [T / 2, width]
    float *base, *through;              // log-sum-exp times log₂e, Σ dout · out [T]
    float *scores, *products;           // q · k and dout · v [32, 32]
    uint16_t *p, *ds;                   // weights and the gradient of scores [64, 128]
    uint32_t *ds_words;                 // the latter as words [4, 32, 32]
    float *dk, *dv;                     // [part of the keys, width]
    float *factors, *rows;              // dropout's [64, 32] and [32, 64]; rows also serves to pack
    int32_t *q_segments, *k_segments;   // [T] and [64], −1 where there is nothing
    int64_t width, T;                   // multiples of 32
    float scale;
    YK_NAME(at_dropout) dropout;
} YK_NAME(amx_backward);

static void YK_NAME(amx_lay_out_backward)(YK_NAME(amx_backward) * f, const yk_attention *c, int64_t part) {
    const int64_t keys = YK_NAME(AMX_BACK_KEYS), queries = YK_NAME(AMX_BACK_QUERIES);
    const int64_t width = amx_padded(c->E), T = amx_padded(c->T), tile = keys * width * 2;
    const int64_t room = (part + keys - 1) / keys * keys * width * 4;
    YK_NAME(amx_memory) m = {.at = NULL};
    for (int pass = 0; pass < 2; pass++) { // first the size, then the places
        if (pass)
            m = (YK_NAME(amx_memory)){.at = yk_scratch(0, m.used)};
        f->k = YK_NAME(amx_take)(&m, tile);
        f->v = YK_NAME(amx_take)(&m, tile);
        f->k_turned = YK_NAME(amx_take)(&m, tile);
        f->q_columns = YK_NAME(amx_take)(&m, T * width * 2);
        f->dout_columns = YK_NAME(amx_take)(&m, T * width * 2);
        f->q_rows = YK_NAME(amx_take)(&m, T * width * 2);
        f->dout_rows = YK_NAME(amx_take)(&m, T * width * 2);
        f->base = YK_NAME(amx_take)(&m, T * 4);
        f->through = YK_NAME(amx_take)(&m, T * 4);
        f->scores = YK_NAME(amx_take)(&m, 32 * 32 * 4);
        f->products = YK_NAME(amx_take)(&m, 32 * 32 * 4);
        f->p = YK_NAME(amx_take)(&m, keys * queries * 2);
        f->ds = YK_NAME(amx_take)(&m, keys * queries * 2);
        f->ds_words = YK_NAME(amx_take)(&m, keys * queries * 2);
        f->dk = YK_NAME(amx_take)(&m, room);
        f->dv = YK_NAME(amx_take)(&m, room);
        f->factors = YK_NAME(amx_take)(&m, keys * 32 * 4);
        f->rows = YK_NAME(amx_take)(&m, yk_most(32 * keys * 4, tile));
        f->q_segments = YK_NAME(amx_take)(&m, T * 4);
        f->k_segments = YK_NAME(amx_take)(&m, keys * 4);
    }
    f->width = width;
    f->T = T;
    f->scale = c->scale * ATTENTION_LOG2E;
    f->dropout = YK_NAME(at_make_dropout)(c);
    memset(f->dk, 0, (size_t)room);
    memset(f->dv, 0, (size_t)room);
}

// The queries of head h.
static void YK_NAME(amx_pack_queries)(const YK_NAME(amx_backward) * f, const yk_attention_gradient *g,
                                      const yk_attention *c, int64_t b, int64_t h) {
    const int64_t width = f->width;
    uint16_t *rows = (uint16_t *)f->rows; // [32, width]
    for (int64_t t = 0; t < f->T; t += 32) {
        const int64_t n = yk_least(32, c->T - t), at = t * width / 2;
        YK_NAME(amx_rows)
        (rows, width, yk_head_row(c->q, YK_BF16, c->q_at, b, t, h), c->q_at.position, n, c->E, 32);
        YK_NAME(amx_turn)(f->q_columns + at, 32, (const uint32_t *)rows, 32, width / 2);
        YK_NAME(amx_pairs)(f->q_rows + at, rows, 32, width);
        YK_NAME(amx_rows)
        (rows, width, yk_head_row(g->dout, YK_BF16, g->dout_at, b, t, h), g->dout_at.position, n, c->E, 32);
        YK_NAME(amx_turn)(f->dout_columns + at, 32, (const uint32_t *)rows, 32, width / 2);
        YK_NAME(amx_pairs)(f->dout_rows + at, rows, 32, width);
    }
    for (int64_t t = 0; t < f->T; t++) {
        // What does not exist or sees nothing has no weights.
        f->base[t] = INFINITY;
        f->through[t] = 0;
        f->q_segments[t] = -1;
        if (t >= c->T)
            continue;
        const float lse = ((const float *)c->lse)[(b * c->H + h) * c->T + t];
        if (lse != -INFINITY)
            f->base[t] = lse * ATTENTION_LOG2E;
        f->through[t] =
            YK_NAME(at_row_product)(yk_head_row(c->out, YK_BF16, c->out_at, b, t, h),
                                    yk_head_row(g->dout, YK_BF16, g->dout_at, b, t, h), YK_BF16, c->E);
        if (c->q_segments)
            f->q_segments[t] = c->q_segments[b * c->T + t];
    }
}

static void YK_NAME(amx_pack_keys)(const YK_NAME(amx_backward) * f, const yk_attention *c, int64_t b,
                                   int64_t group, int64_t s, int64_t count) {
    const int64_t keys = YK_NAME(AMX_BACK_KEYS), width = f->width;
    uint32_t *words = (uint32_t *)f->rows; // [32, width]
    YK_NAME(amx_rows)
    (f->k, width, yk_head_row(c->k, YK_BF16, c->k_at, b, s, group), c->k_at.position, count, c->E, keys);
    YK_NAME(amx_pairs)(words, f->k, keys, width);
    YK_NAME(amx_turn)((uint32_t *)f->k_turned, keys / 2, words, keys / 2, width);
    YK_NAME(amx_rows)
    (f->v, width, yk_head_row(c->v, YK_BF16, c->v_at, b, s, group), c->v_at.position, count, c->E, keys);
    if (c->k_segments)
        memcpy(f->k_segments, c->k_segments + b * c->S + s, (size_t)count * sizeof(int32_t));
}

// 32 keys from `key` on × 32 queries from t on: from scores and products to the weights and the gradient of
// the scores, in columns from `at` on of their rows and in words.
YK_INLINE void YK_NAME(amx_gradient)(const YK_NAME(amx_backward) * f, const YK_NAME(amx_mask) * m,
                                     int64_t key, int64_t t, int64_t at) {
    const int64_t ld = YK_NAME(AMX_BACK_QUERIES);
    const int64_t clear = m->keys ? 0 : yk_seen(m->first, 0, m->count) - key; // rows that no mask touches
    const float scale = f->scale;
    for (int64_t column = 0; column < 32; column += YK_LANES) {
        const vf base = YK_NAME(load)(f->base + t + column), through = YK_NAME(load)(f->through + t + column);
        const float *scores = f->scores + column, *products = f->products + column;
        const float *factors = f->dropout.on ? f->factors + key * 32 + column : NULL;
        uint16_t *weights = f->p + key * ld + at + column, *ds = f->ds + key * ld + at + column;
        uint32_t *words = f->ds_words + at * 32 + key * 16 + column;
        for (int64_t j = 0; j < 32; j += 2, words += 32) {
            vf gradient[2];
#pragma clang loop unroll(full)
            for (int64_t i = 0; i < 2; i++, scores += 32, products += 32, weights += ld, ds += ld) {
                vf p = YK_NAME(at_exp2)(YK_NAME(load)(scores) * scale - base), kept = p;
                vf product = YK_NAME(load)(products);
                if (j + i >= clear)
                    kept = p = YK_NAME(blend)(YK_NAME(amx_visible)(m, key + j + i, column), p, (vf){});
                if (factors) {
                    const vf factor = YK_NAME(load)(factors + (j + i) * 32);
                    product *= factor;
                    kept *= factor;
                }
                gradient[i] = p * (product - through);
                *(vh *)weights = YK_NAME(amx_halves)(kept);
                *(vh *)ds = YK_NAME(amx_halves)(gradient[i]);
            }
            *(vu *)words = YK_NAME(amx_words)(gradient[0], gradient[1]);
        }
    }
}

// No weights for 32 keys × 32 queries.
static void YK_NAME(amx_no_gradient)(const YK_NAME(amx_backward) * f, int64_t key, int64_t at) {
    for (int64_t j = key; j < key + 32; j++) {
        memset(f->p + j * YK_NAME(AMX_BACK_QUERIES) + at, 0, 64);
        memset(f->ds + j * YK_NAME(AMX_BACK_QUERIES) + at, 0, 64);
    }
    memset(f->ds_words + at * 32 + key * 16, 0, 16 * 32 * 4);
}

// 32 queries from t on, in columns `at`, against the tile of `count` keys from s on: their weights and the
// gradient of their scores; false when none sees a key.
static bool YK_NAME(amx_weigh)(const YK_NAME(amx_backward) * f, const yk_attention *c, int64_t b, int64_t h,
                               int64_t t, int64_t at, int64_t s, int64_t count) {
    YK_NAME(amx_mask) m = {.first = c->causal ? t + c->query_offset + 1 - s : count, .count = count};
    const int64_t width = f->width, keys = YK_NAME(AMX_BACK_KEYS), queries = yk_least(32, c->T - t);
    int overlap = YK_NAME(AT_ALL);
    if (c->q_segments)
        overlap = YK_NAME(at_compare_segments)(f->q_segments + t, queries, f->k_segments, count);
    if (overlap == YK_NAME(AT_SOME)) {
        m.queries = f->q_segments + t;
        m.keys = f->k_segments;
    }
    const bool any = m.first + queries - 1 > 0 && overlap != YK_NAME(AT_NONE);
    if (any && f->dropout.on)
        YK_NAME(amx_factors)
    (f->factors, f->rows, &f->dropout, yk_dropout_word(c, b, h, t) + (uint64_t)s, c->S, queries, keys);
    for (int64_t key = 0; key < keys; key += 32) {
        if (!any || m.first + queries - 1 <= key || key >= count) {
            YK_NAME(amx_no_gradient)(f, key, at);
            continue;
        }
        YK_NAME(amx_product)
        (f->scores, 32, false, f->k + key * width, width * 2, f->q_columns + t * width / 2, 128, width / 32);
        YK_NAME(amx_product)
        (f->products, 32, false, f->v + key * width, width * 2, f->dout_columns + t * width / 2, 128,
         width / 32);
        YK_NAME(amx_gradient)(f, &m, key, t, at);
    }
    return any;
}

// The queries t.. of head h (up to 128) against the tile of keys s..; adds to dk and dv [64, width] and dq.
static void YK_NAME(amx_backward_tile)(const YK_NAME(amx_backward) * f, const yk_attention *c, int64_t b,
                                       int64_t h, int64_t t, int64_t s, int64_t count, float *dk, float *dv,
                                       float *dq) {
    const int64_t width = f->width, keys = YK_NAME(AMX_BACK_KEYS), ld = YK_NAME(AMX_BACK_QUERIES);
    const int64_t end = yk_least(ld, f->T - t);
    int64_t from = end, to = 0; // the columns with weights
    for (int64_t at = 0; at < end; at += 32)
        if (YK_NAME(amx_weigh)(f, c, b, h, t + at, at, s, count)) {
            from = yk_least(from, at);
            to = at + 32;
            for (int64_t e = 0; e < width; e += 32)
                YK_NAME(amx_product)
            (dq + (t + at) * width + e * 32, 32, true, f->k_turned + e * keys, keys * 2,
             f->ds_words + at * 32, 128, keys / 32);
        }
    for (int64_t key = 0; key < keys && from < to; key += 32)
        for (int64_t e = 0; e < width; e += 32) {
            const int64_t rows = (t + from) * width / 2 + e;
            YK_NAME(amx_product)
            (dv + key * width + e, width, true, f->p + key * ld + from, ld * 2, f->dout_rows + rows,
             width * 4, (to - from) / 32);
            YK_NAME(amx_product)
            (dk + key * width + e, width, true, f->ds + key * ld + from, ld * 2, f->q_rows + rows, width * 4,
             (to - from) / 32);
        }
}

void YK_NAME(yk_attention_backward)(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                    int64_t group, int64_t s0, int64_t s1, float *dq) {
    YK_NAME(amx_backward) f;
    YK_NAME(amx_lay_out_backward)(&f, c, s1 - s0);
    const int64_t heads = c->H / c->K, keys = YK_NAME(AMX_BACK_KEYS), width = f.width;
    TILE_BEGIN();
    for (int64_t j = 0; j < heads; j++) {
        const int64_t h = group * heads + j;
        YK_NAME(amx_pack_queries)(&f, g, c, b, h);
        for (int64_t s = s0; s < s1; s += keys) {
            const int64_t count = yk_least(keys, s1 - s);
            YK_NAME(amx_pack_keys)(&f, c, b, group, s, count);
            for (int64_t t = 0; t < c->T; t += YK_NAME(AMX_BACK_QUERIES))
                YK_NAME(amx_backward_tile)
            (&f, c, b, h, t, s, count, f.dk + (s - s0) * width, f.dv + (s - s0) * width,
             dq + j * f.T * width);
        }
    }
    TILE_END();
    for (int64_t s = s0; s < s1; s++) {
        void *dk = (void *)yk_head_row(g->dk, YK_BF16, g->dk_at, b, s, group);
        void *dv = (void *)yk_head_row(g->dv, YK_BF16, g->dv_at, b, s, group);
        YK_NAME(at_unpack_row)(dk, YK_BF16, f.dk + (s - s0) * width, c->E, c->scale);
        YK_NAME(at_unpack_row)(dv, YK_BF16, f.dv + (s - s0) * width, c->E, 1);
    }
}

void YK_NAME(yk_attention_queries)(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                   int64_t group, float *dq, int64_t parts, int64_t stride) {
    const int64_t heads = c->H / c->K, width = amx_padded(c->E), T = amx_padded(c->T);
    float *rows = yk_scratch(0, (size_t)(32 * width) * sizeof(float)), factor[32];
    for (int64_t i = 0; i < 32; i++)
        factor[i] = c->scale;
    for (int64_t part = 1; part < parts; part++)
        for (int64_t i = 0; i < heads * T * width; i += YK_LANES)
            YK_NAME(store)(dq + i, YK_NAME(load)(dq + i) + YK_NAME(load)(dq + part * stride + i));
    for (int64_t j = 0; j < heads; j++)
        for (int64_t t = 0; t < c->T; t += 32)
            YK_NAME(amx_put_queries)
    ((void *)yk_head_row(g->dq, YK_BF16, g->dq_at, b, t, group * heads + j), g->dq_at.position,
     dq + (j * T + t) * width, rows, yk_least(32, c->T - t), c->E, width, factor);
}
