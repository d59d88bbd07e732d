// The gradient of attention by tiles in f32. Included by attention_body.h.

// Queries and keys in a tile.
enum { YK_NAME(AT_BACK) = 64 };

// A piece's tiles: those of the keys, those of the queries, and what lies between.
typedef struct YK_NAME(at_backward) {
    float *k_columns, *v_columns; // packed [64 / AT_WIDTH, E, AT_WIDTH]
    float *k;                     // [64, ld]
    float *dk, *dv;               // [64, ld]
    int32_t *segments;            // of the keys of the tile, with room for a vector
    float *q, *dout;              // [64, ld]; q times the scale and log₂e
    float *scores, *ds;           // [64, lds]
    float *factors;               // dropout's, one row
    float *through;               // Σ dout · out of every query [heads of the group, T]
    int64_t ld, lds, Ep;
    YK_NAME(at_dropout) dropout;
} YK_NAME(at_backward);

static void YK_NAME(at_lay_out_backward)(YK_NAME(at_backward) * f, const yk_attention *c) {
    const int64_t n = YK_NAME(AT_BACK);
    f->Ep = (c->E + YK_LANES - 1) / YK_LANES * YK_LANES;
    f->ld = yk_odd_lines(f->Ep);
    f->lds = n + 16;
    f->dropout = YK_NAME(at_make_dropout)(c);
    const int64_t tile = n * f->ld, square = n * f->lds + 16;
    const int64_t counts[] = {n * c->E, n * c->E, tile,   tile,   tile,    n + 16,
                              tile,     tile,     square, square, n + 112, c->H / c->K * c->T};
    float **parts[] = {&f->k_columns, &f->v_columns, &f->k,      &f->dk, &f->dv,      (float **)&f->segments,
                       &f->q,         &f->dout,      &f->scores, &f->ds, &f->factors, &f->through};
    int64_t total = 0;
    for (int i = 0; i < 12; i++)
        total += (counts[i] + 15) / 16 * 16;
    float *p = yk_scratch(0, (size_t)total * sizeof(float));
    for (int i = 0; i < 12; i++) {
        *parts[i] = p;
        p += (counts[i] + 15) / 16 * 16;
    }
}

// Turns a row of n scores and the products dout · v into the weights that mixed the values and the gradient
// of the scores; both zero from n to the tile's width.
YK_INLINE void YK_NAME(at_gradient_row)(float *scores, float *ds, int64_t n, float lse, float through,
                                        const float *factors) {
    YK_NAME(store)(scores + n, YK_NAME(splat)(-INFINITY));
    YK_NAME(store)(ds + n, (vf){});
    // A query that sees nothing has a log-sum-exp of −∞: its weights are zeros.
    const vf base = YK_NAME(splat)(lse == -INFINITY ? INFINITY : lse * ATTENTION_LOG2E),
             total = YK_NAME(splat)(through);
    int64_t i = 0;
    for (; i < n; i += YK_LANES) {
        const vf p = YK_NAME(at_exp2)(YK_NAME(load)(scores + i) - base);
        const vf kept = factors ? YK_NAME(load)(factors + i) : YK_NAME(splat)(1.0f);
        YK_NAME(store)(scores + i, p * kept);
        YK_NAME(store)(ds + i, p * (YK_NAME(load)(ds + i) * kept - total));
    }
    for (; i < YK_NAME(AT_BACK); i += YK_LANES) {
        YK_NAME(store)(scores + i, (vf){});
        YK_NAME(store)(ds + i, (vf){});
    }
}

// One tile of queries t.. [rows] of head h against the tile of keys s.. [keys]; adds to dk, dv and dq [rows,
// ld].
static void YK_NAME(at_backward_tile)(const YK_NAME(at_backward) * f, const yk_attention_gradient *g,
                                      const yk_attention *c, int64_t b, int64_t h, int64_t t, int64_t rows,
                                      int64_t s, int64_t keys, float *dq) {
    const int64_t first = c->causal ? t + c->query_offset + 1 - s : keys, heads = c->H / c->K;
    if (first + rows - 1 <= 0)
        return;
    const int32_t *q_segments = c->q_segments ? c->q_segments + b * c->T + t : NULL;
    int overlap = YK_NAME(AT_ALL);
    if (q_segments)
        overlap = YK_NAME(at_compare_segments)(q_segments, rows, f->segments, keys);
    if (overlap == YK_NAME(AT_NONE))
        return;
    YK_NAME(at_pack_rows)
    (f->q, f->ld, yk_head_row(c->q, c->dtype, c->q_at, b, t, h), c->dtype, c->q_at.position, rows, c->E,
     f->Ep, c->scale * ATTENTION_LOG2E);
    YK_NAME(at_pack_rows)
    (f->dout, f->ld, yk_head_row(g->dout, c->dtype, g->dout_at, b, t, h), c->dtype, g->dout_at.position, rows,
     c->E, f->Ep, 1);
    YK_NAME(at_scores)(f->scores, f->lds, f->q, f->ld, f->k_columns, c->E, rows, keys, first);
    YK_NAME(at_scores)(f->ds, f->lds, f->dout, f->ld, f->v_columns, c->E, rows, keys, first);
    const float *lse = (const float *)c->lse + (b * c->H + h) * c->T + t;
    const float *through = f->through + h % heads * c->T + t;
    for (int64_t i = 0; i < rows; i++) {
        float *scores = f->scores + i * f->lds;
        const int64_t n = yk_seen(first, i, keys);
        if (overlap == YK_NAME(AT_SOME))
            YK_NAME(at_mask_segments)(scores, q_segments[i], f->segments, n);
        const float *factors = NULL;
        if (f->dropout.on)
            factors = YK_NAME(at_factors)(f->factors, &f->dropout,
                                          yk_dropout_word(c, b, h, t + i) + (uint64_t)s, n);
        YK_NAME(at_gradient_row)(scores, f->ds + i * f->lds, n, lse[i], through[i], factors);
    }
    YK_NAME(at_mix_transposed)(f->dv, f->scores, f->lds, f->dout, f->ld, f->Ep, rows, keys, first);
    YK_NAME(at_mix_transposed)(f->dk, f->ds, f->lds, f->q, f->ld, f->Ep, rows, keys, first);
    YK_NAME(at_mix)(dq, f->ds, f->lds, f->k, f->ld, f->Ep, rows, keys, first, YK_NAME(AT_ADD), NULL);
}

// The keys s0..<s1 of one key head: their dk and dv, and their part of dq, which is added to `dq`
// [heads of the group, T, ld], zero before the first part.
static void YK_NAME(attention_backward_keys)(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                             int64_t group, int64_t s0, int64_t s1, float *dq) {
    YK_NAME(at_backward) f;
    YK_NAME(at_lay_out_backward)(&f, c);
    const int64_t heads = c->H / c->K, n = YK_NAME(AT_BACK);
    const yk_dtype type = c->dtype;
    for (int64_t j = 0; j < heads; j++)
        for (int64_t t = 0; t < c->T; t++)
            f.through[j * c->T + t] = YK_NAME(at_row_product)(
                yk_head_row(c->out, type, c->out_at, b, t, group * heads + j),
                yk_head_row(g->dout, type, g->dout_at, b, t, group * heads + j), type, c->E);
    for (int64_t s = s0; s < s1; s += n) {
        const int64_t keys = yk_least(n, s1 - s);
        const void *k = yk_head_row(c->k, type, c->k_at, b, s, group),
                   *v = yk_head_row(c->v, type, c->v_at, b, s, group);
        YK_NAME(at_pack_columns)(f.k_columns, k, type, c->k_at.position, keys, c->E);
        YK_NAME(at_pack_columns)(f.v_columns, v, type, c->v_at.position, keys, c->E);
        YK_NAME(at_pack_rows)(f.k, f.ld, k, type, c->k_at.position, keys, c->E, f.Ep, 1);
        if (c->k_segments)
            memcpy(f.segments, c->k_segments + b * c->S + s, (size_t)keys * sizeof(int32_t));
        memset(f.dk, 0, (size_t)(n * f.ld) * sizeof(float));
        memset(f.dv, 0, (size_t)(n * f.ld) * sizeof(float));
        for (int64_t j = 0; j < heads; j++)
            for (int64_t t = 0; t < c->T; t += n)
                YK_NAME(at_backward_tile)
        (&f, g, c, b, group * heads + j, t, yk_least(n, c->T - t), s, keys, dq + (j * c->T + t) * f.ld);
        for (int64_t i = 0; i < keys; i++) {
            YK_NAME(at_unpack_row)((void *)yk_head_row(g->dk, type, g->dk_at, b, s + i, group), type,
                                   f.dk + i * f.ld, c->E, ATTENTION_LN2);
            YK_NAME(at_unpack_row)((void *)yk_head_row(g->dv, type, g->dv_at, b, s + i, group), type,
                                   f.dv + i * f.ld, c->E, 1);
        }
    }
}

// Writes rows of dq for one key head: the sum of `parts` parts, `stride` floats apart, times the scale. The
// sum is made in the first part.
static void YK_NAME(attention_backward_queries)(const yk_attention_gradient *g, const yk_attention *c,
                                                int64_t b, int64_t group, float *dq, int64_t parts,
                                                int64_t stride) {
    const int64_t heads = c->H / c->K, Ep = (c->E + YK_LANES - 1) / YK_LANES * YK_LANES,
                  ld = yk_odd_lines(Ep);
    for (int64_t j = 0; j < heads; j++)
        for (int64_t t = 0; t < c->T; t++) {
            float *row = dq + (j * c->T + t) * ld;
            for (int64_t part = 1; part < parts; part++)
                for (int64_t e = 0; e < Ep; e += YK_LANES)
                    YK_NAME(store)(row + e, YK_NAME(load)(row + e) + YK_NAME(load)(row + part * stride + e));
            void *to = (void *)yk_head_row(g->dq, c->dtype, g->dq_at, b, t, group * heads + j);
            YK_NAME(at_unpack_row)(to, c->dtype, row, c->E, c->scale);
        }
}
