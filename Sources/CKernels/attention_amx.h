// Attention of bf16 on tiles: by the processor's instructions (_amx), and over tiles in memory (_emulated).
#pragma once

#include "attention_common.h"

// Queries and keys come in 32s, and so does the width of a head.
enum { AMX_UNIT = 32 };

static inline int64_t amx_padded(int64_t n) { return yk_most(1, (n + AMX_UNIT - 1) / AMX_UNIT) * AMX_UNIT; }
// The floats of one key head's dq: for each head of its group and 32 queries the transpose [amx_padded(E),
// 32].
static inline int64_t amx_gradient_floats(const yk_attention *c) {
    return c->H / c->K * amx_padded(c->T) * amx_padded(c->E);
}

// The queries t0..<t1 (at most 256) of one head.
void yk_attention_forward_amx(const yk_attention *c, int64_t b, int64_t h, int64_t t0, int64_t t1);
void yk_attention_forward_emulated(const yk_attention *c, int64_t b, int64_t h, int64_t t0, int64_t t1);

// The keys s0..<s1 of one key head: their dk and dv; their part of dq is added to `dq` (amx_gradient_floats).
void yk_attention_backward_amx(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                               int64_t group, int64_t s0, int64_t s1, float *dq);
void yk_attention_backward_emulated(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                    int64_t group, int64_t s0, int64_t s1, float *dq);

// Writes dq of one key head: the sum of `parts` parts, `stride` floats apart, times the scale.
void yk_attention_queries_amx(const yk_attention_gradient *g, const yk_attention *c, int64_t b, int64_t group,
                              float *dq, int64_t parts, int64_t stride);
void yk_attention_queries_emulated(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                   int64_t group, float *dq, int64_t parts, int64_t stride);
