// What the reference and the vector versions of attention share: masks, dropout, addresses.
#pragma once

#include "philox.h"
#include "typed.h"
#include "yk_attention.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#define ATTENTION_LOG2E 1.44269504f
#define ATTENTION_LN2 0.693147181f

// The element (b, position, head, 0).
static inline const void *yk_head_row(const void *p, yk_dtype t, yk_heads at, int64_t b, int64_t i,
                                      int64_t h) {
    return (const char *)p + (b * at.batch + i * at.position + h * at.head) * yk_dtype_size(t);
}

static inline int64_t yk_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t yk_most(int64_t a, int64_t b) { return a > b ? a : b; }

// The number of leading source positions that causality lets position t see; query_offset lies in −T..S.
static inline int64_t yk_attention_seen(const yk_attention *c, int64_t t) {
    const int64_t seen = t + c->query_offset + 1;
    return !c->causal || seen > c->S ? c->S : seen < 0 ? 0 : seen;
}

// Row i of a tile sees its first `first + i` keys; here the count for row i, at most n.
static inline int64_t yk_seen(int64_t first, int64_t i, int64_t n) {
    const int64_t seen = first + i;
    return seen < 0 ? 0 : seen < n ? seen : n;
}

// The distance of rows of E floats in partial results.
static inline int64_t yk_padded(int64_t E) { return yk_most(1, (E + 15) / 16) * 16; }

// At least n floats, a multiple of 16 whose cache lines are odd in number: rows so far apart meet every cache
// set.
static inline int64_t yk_odd_lines(int64_t n) { return ((n + 15) / 16 | 1) * 16; }

// The factor on the weights that are kept.
static inline double yk_dropout_scale(float p) { return p < 1 ? 1 / (1 - (double)p) : 0; }

// The word of (b, h, t, 0).
static inline uint64_t yk_dropout_word(const yk_attention *c, int64_t b, int64_t h, int64_t t) {
    return c->position +
           (((uint64_t)b * (uint64_t)c->H + (uint64_t)h) * (uint64_t)c->T + (uint64_t)t) * (uint64_t)c->S;
}
