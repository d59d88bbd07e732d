// The reference of attention, in double for every dtype: row by row, without tiles.
#pragma once

#include "attention_common.h"

// The row (b, position, head) as doubles.
static void attention_row_in(double *row, const void *p, yk_dtype t, yk_heads at, int64_t b, int64_t i,
                             int64_t h, int64_t E) {
    const void *x = yk_head_row(p, t, at, b, i, h);
    for (int64_t e = 0; e < E; e++)
        row[e] = yk_get(x, t, e);
}

static void attention_row_out(void *p, yk_dtype t, yk_heads at, int64_t b, int64_t i, int64_t h, int64_t E,
                              const double *row) {
    void *x = (void *)yk_head_row(p, t, at, b, i, h);
    for (int64_t e = 0; e < E; e++)
        yk_put(x, t, e, row[e]);
}

static bool attention_sees(const yk_attention *c, int64_t b, int64_t t, int64_t s) {
    if (s >= yk_attention_seen(c, t))
        return false;
    if (!c->q_segments)
        return true;
    int32_t segment = c->q_segments[b * c->T + t];
    return segment >= 0 && segment == c->k_segments[b * c->S + s];
}

// The factor that dropout puts on the weight (b, h, t, s).
static double attention_kept(const yk_attention *c, int64_t b, int64_t h, int64_t t, int64_t s) {
    if (c->dropout <= 0)
        return 1;
    uint64_t word = yk_dropout_word(c, b, h, t) + (uint64_t)s;
    const bool kept = yk_philox_word(c->seed, c->stream, word) >= yk_dropout_threshold(c->dropout);
    return kept ? yk_dropout_scale(c->dropout) : 0;
}

static double attention_dot(const double *a, const void *p, yk_dtype t, int64_t E) {
    double sum = 0;
    for (int64_t e = 0; e < E; e++)
        sum += a[e] * yk_get(p, t, e);
    return sum;
}

static void attention_forward_scalar(const yk_attention *c, int64_t b, int64_t h) {
    const int64_t E = c->E, S = c->S, group = h / (c->H / c->K);
    double *q = yk_scratch(0, (size_t)(2 * E + S) * sizeof(double)), *out = q + E, *score = out + E;
    for (int64_t t = 0; t < c->T; t++) {
        attention_row_in(q, c->q, c->dtype, c->q_at, b, t, h, E);
        double top = -INFINITY, sum = 0;
        for (int64_t s = 0; s < S; s++) {
            score[s] = -INFINITY;
            if (!attention_sees(c, b, t, s))
                continue;
            score[s] = (double)c->scale *
                       attention_dot(q, yk_head_row(c->k, c->dtype, c->k_at, b, s, group), c->dtype, E);
            if (!(score[s] <= top))
                top = score[s];
        }
        for (int64_t e = 0; e < E; e++)
            out[e] = 0;
        for (int64_t s = 0; s < S; s++) {
            if (score[s] == -INFINITY)
                continue;
            double p = exp(score[s] - top), kept = attention_kept(c, b, h, t, s) * p;
            const void *v = yk_head_row(c->v, c->dtype, c->v_at, b, s, group);
            sum += p;
            for (int64_t e = 0; e < E; e++)
                out[e] += kept * yk_get(v, c->dtype, e);
        }
        for (int64_t e = 0; e < E; e++)
            out[e] = sum == 0 ? 0 : out[e] / sum;
        attention_row_out(c->out, c->dtype, c->out_at, b, t, h, E, out);
        if (c->lse)
            yk_put(c->lse, yk_accumulation(c->dtype), (b * c->H + h) * c->T + t,
                   sum == 0 ? -INFINITY : top + log(sum));
    }
}

// One key head of one batch: its dk and dv, and dq of the query heads that read it.
static void attention_backward_scalar(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                      int64_t group) {
    const int64_t E = c->E, S = c->S, heads = c->H / c->K;
    const yk_dtype type = c->dtype, statistic = yk_accumulation(type);
    const double scale = c->scale;
    double *dk = yk_scratch(0, (size_t)(2 * S * E + 4 * E) * sizeof(double)), *dv = dk + S * E;
    double *q = dv + S * E, *out = q + E, *dout = out + E, *dq = dout + E;
    for (int64_t i = 0; i < 2 * S * E; i++)
        dk[i] = 0;
    for (int64_t h = group * heads; h < (group + 1) * heads; h++)
        for (int64_t t = 0; t < c->T; t++) {
            attention_row_in(q, c->q, type, c->q_at, b, t, h, E);
            attention_row_in(out, c->out, type, c->out_at, b, t, h, E);
            attention_row_in(dout, g->dout, type, g->dout_at, b, t, h, E);
            const double lse = yk_get(c->lse, statistic, (b * c->H + h) * c->T + t);
            double through = 0;
            for (int64_t e = 0; e < E; e++) {
                through += out[e] * dout[e];
                dq[e] = 0;
            }
            for (int64_t s = 0; s < S; s++) {
                if (!attention_sees(c, b, t, s))
                    continue;
                const void *k = yk_head_row(c->k, type, c->k_at, b, s, group);
                const void *v = yk_head_row(c->v, type, c->v_at, b, s, group);
                double p = exp(scale * attention_dot(q, k, type, E) - lse),
                       kept = attention_kept(c, b, h, t, s);
                double ds = scale * p * (kept * attention_dot(dout, v, type, E) - through);
                for (int64_t e = 0; e < E; e++) {
                    dv[s * E + e] += kept * p * dout[e];
                    dk[s * E + e] += ds * q[e];
                    dq[e] += ds * yk_get(k, type, e);
                }
            }
            attention_row_out(g->dq, type, g->dq_at, b, t, h, E, dq);
        }
    for (int64_t s = 0; s < S; s++) {
        attention_row_out(g->dk, type, g->dk_at, b, s, group, E, dk + s * E);
        attention_row_out(g->dv, type, g->dv_at, b, s, group, E, dv + s * E);
    }
}
