// Attention by tiles in f32, for f32 and bf16 data. Included by instantiate.h.
#include "philox_simd.h"

#include "attention_packing_body.h"
#include "attention_products_body.h"
#include "attention_softmax_body.h"

// Queries and keys in a tile, forward.
enum { YK_NAME(AT_QUERIES) = 64, YK_NAME(AT_KEYS) = 128 };

// What a tile of keys needs in a forward pass, and a block of queries with its results.
typedef struct YK_NAME(at_forward) {
    float *columns;    // keys, packed [keys / AT_WIDTH, E, AT_WIDTH]
    float *values;     // [AT_KEYS, ld]
    float *scores;     // [AT_QUERIES, lds]
    float *factors;    // dropout's, one row
    int32_t *segments; // of the keys of the tile, with room for a vector
    float *q;          // [ATTENTION_BLOCK, ld], times the scale and log₂e
    float *out;        // [ATTENTION_BLOCK, ld]
    float *top, *sum;  // [ATTENTION_BLOCK]
    int64_t ld, lds, Ep;
} YK_NAME(at_forward);

static void YK_NAME(at_lay_out_forward)(YK_NAME(at_forward) * f, int64_t E) {
    const int64_t queries = YK_NAME(AT_QUERIES), keys = YK_NAME(AT_KEYS), block = ATTENTION_BLOCK;
    f->Ep = (E + YK_LANES - 1) / YK_LANES * YK_LANES;
    f->ld = yk_odd_lines(f->Ep);
    f->lds = keys + 16;
    const int64_t counts[] = {keys * E,      keys * f->ld, queries * f->lds + 16,
                              keys + 96,     keys + 16,    block * f->ld,
                              block * f->ld, block,        block};
    int64_t total = 0;
    for (int i = 0; i < 9; i++)
        total += (counts[i] + 15) / 16 * 16;
    float *p = yk_scratch(0, (size_t)total * sizeof(float));
    float **parts[] = {&f->columns, &f->values, &f->scores, &f->factors, (float **)&f->segments,
                       &f->q,       &f->out,    &f->top,    &f->sum};
    for (int i = 0; i < 9; i++) {
        *parts[i] = p;
        p += (counts[i] + 15) / 16 * 16;
    }
}

// One tile of queries [rows] against one tile of keys [keys].
static void YK_NAME(at_forward_tile)(const YK_NAME(at_forward) * f, const yk_attention *c, int64_t b,
                                     int64_t h, int64_t t, int64_t block_row, int64_t rows, int64_t s,
                                     int64_t keys, const YK_NAME(at_dropout) * dropout) {
    const int64_t from =
        c->causal ? t + c->query_offset + 1 - s : keys; // keys of the tile that its first row sees
    if (from + rows - 1 <= 0)
        return;
    int overlap = YK_NAME(AT_ALL);
    if (c->q_segments) {
        overlap = YK_NAME(at_compare_segments)(c->q_segments + b * c->T + t, rows, f->segments, keys);
        if (overlap == YK_NAME(AT_NONE))
            return;
    }
    YK_NAME(at_scores)(f->scores, f->lds, f->q + block_row * f->ld, f->ld, f->columns, c->E, rows, keys,
                       from);
    float factor[YK_NAME(AT_QUERIES)];
    if (overlap == YK_NAME(AT_SOME))
        for (int64_t i = 0; i < rows; i++)
            YK_NAME(at_mask_segments)(f->scores + i * f->lds, c->q_segments[b * c->T + t + i], f->segments,
                                      yk_seen(from, i, keys));
    YK_NAME(at_softmax)(f->scores, f->lds, rows, keys, from, YK_NAME(AT_KEYS), f->top + block_row,
                        f->sum + block_row, factor);
    if (dropout->on)
        for (int64_t i = 0; i < rows; i++) {
            const int64_t n = yk_seen(from, i, keys);
            const uint64_t word = yk_dropout_word(c, b, h, t + i) + (uint64_t)s;
            YK_NAME(at_multiply_row)(f->scores + i * f->lds,
                                     YK_NAME(at_factors)(f->factors, dropout, word, n), n);
        }
    YK_NAME(at_mix)
    (f->out + block_row * f->ld, f->scores, f->lds, f->values, f->ld, f->Ep, rows, keys, from,
     YK_NAME(AT_SCALE), factor);
}

// The queries t0..<t1 (at most ATTENTION_BLOCK) of one head.
static void YK_NAME(attention_forward_block)(const yk_attention *c, int64_t b, int64_t h, int64_t t0,
                                             int64_t t1) {
    YK_NAME(at_forward) f;
    YK_NAME(at_lay_out_forward)(&f, c->E);
    const YK_NAME(at_dropout) dropout = YK_NAME(at_make_dropout)(c);
    const int64_t group = h / (c->H / c->K), seen = yk_attention_seen(c, t1 - 1), n = t1 - t0;
    YK_NAME(at_pack_rows)
    (f.q, f.ld, yk_head_row(c->q, c->dtype, c->q_at, b, t0, h), c->dtype, c->q_at.position, n, c->E, f.Ep,
     c->scale * ATTENTION_LOG2E);
    for (int64_t i = 0; i < n; i++) {
        f.top[i] = -INFINITY;
        f.sum[i] = 0;
        memset(f.out + i * f.ld, 0, (size_t)f.Ep * sizeof(float));
    }
    for (int64_t s = 0; s < seen; s += YK_NAME(AT_KEYS)) {
        const int64_t keys = yk_least(YK_NAME(AT_KEYS), seen - s);
        if (c->k_segments) {
            memcpy(f.segments, c->k_segments + b * c->S + s, (size_t)keys * sizeof(int32_t));
            if (YK_NAME(at_compare_segments)(c->q_segments + b * c->T + t0, n, f.segments, keys) ==
                YK_NAME(AT_NONE))
                continue;
        }
        YK_NAME(at_pack_columns)
        (f.columns, yk_head_row(c->k, c->dtype, c->k_at, b, s, group), c->dtype, c->k_at.position, keys,
         c->E);
        YK_NAME(at_pack_rows)
        (f.values, f.ld, yk_head_row(c->v, c->dtype, c->v_at, b, s, group), c->dtype, c->v_at.position, keys,
         c->E, f.Ep, 1);
        for (int64_t t = t0; t < t1; t += YK_NAME(AT_QUERIES))
            YK_NAME(at_forward_tile)
        (&f, c, b, h, t, t - t0, yk_least(YK_NAME(AT_QUERIES), t1 - t), s, keys, &dropout);
    }
    for (int64_t i = 0; i < n; i++) {
        void *out = (void *)yk_head_row(c->out, c->dtype, c->out_at, b, t0 + i, h);
        YK_NAME(at_unpack_row)(out, c->dtype, f.out + i * f.ld, c->E, f.sum[i] == 0 ? 0 : 1 / f.sum[i]);
        if (c->lse)
            ((float *)c->lse)[(b * c->H + h) * c->T + t0 + i] =
                f.sum[i] == 0 ? -INFINITY : f.top[i] * ATTENTION_LN2 + logf(f.sum[i]);
    }
}

#include "attention_backward_body.h"
#include "attention_decode_body.h"
