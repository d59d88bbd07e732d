#include "yk_attention.h"

#include "attention_reference.h"

#include <stdio.h>
#include <stdlib.h>

// Queries that share the packing of a tile of keys in a forward pass.
enum { ATTENTION_BLOCK = 256 };
// Backward: key heads are cut into parts of at least BACKWARD_PART keys, whole tiles, until there are about
// BACKWARD_PIECES pieces of work.
enum { BACKWARD_TILE = 64, BACKWARD_PART = 256, BACKWARD_PIECES = 32 };

#define YK_BODY "attention_body.h"
#include "instantiate.h"

typedef struct attention_work {
    const yk_attention *call;
    const yk_attention_gradient *gradient;
    int64_t blocks;    // forward: blocks of queries of a head; backward: parts of the keys of a key head
    int64_t keys;      // backward: keys in a part
    float *dq;         // backward: [B, K, parts, H / K, T, ld]
    int64_t dq_stride; // the distance of its parts
} attention_work;

static void forward_reference_piece(void *context, int64_t piece) {
    const yk_attention *c = ((const attention_work *)context)->call;
    attention_forward_scalar(c, piece / c->H, piece % c->H);
}

static void attention_forward_block_scalar(const yk_attention *c, int64_t b, int64_t h, int64_t t0,
                                           int64_t t1) {
    (void)t0, (void)t1;
    attention_forward_scalar(c, b, h);
}

static void forward_block_piece(void *context, int64_t piece) {
    const attention_work *w = context;
    const yk_attention *c = w->call;
    // The last block first: under causality it has the most to do.
    const int64_t head = piece / w->blocks, block = w->blocks - 1 - piece % w->blocks,
                  t0 = block * ATTENTION_BLOCK;
    YK_DISPATCH(attention_forward_block, c, head / c->H, head % c->H, t0,
                yk_least(t0 + ATTENTION_BLOCK, c->T));
}

static void backward_reference_piece(void *context, int64_t piece) {
    const attention_work *w = context;
    attention_backward_scalar(w->gradient, w->call, piece / w->call->K, piece % w->call->K);
}

// Only the vector versions are ever chosen through these.
static void attention_backward_keys_scalar(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                           int64_t group, int64_t s0, int64_t s1, float *dq) {
    (void)s0, (void)s1, (void)dq;
    attention_backward_scalar(g, c, b, group);
}
static void attention_backward_queries_scalar(const yk_attention_gradient *g, const yk_attention *c,
                                              int64_t b, int64_t group, float *dq, int64_t parts,
                                              int64_t stride) {
    (void)g, (void)c, (void)b, (void)group, (void)dq, (void)parts, (void)stride;
}

// One part of the keys of one key head; with a single part, its dq too, in scratch.
static void backward_keys_piece(void *context, int64_t piece) {
    const attention_work *w = context;
    const yk_attention *c = w->call;
    const int64_t head = piece / w->blocks, s0 = piece % w->blocks * w->keys, b = head / c->K,
                  group = head % c->K;
    const size_t bytes = (size_t)w->dq_stride * sizeof(float);
    float *dq = w->dq ? w->dq + piece * w->dq_stride : yk_scratch(1, bytes);
    memset(dq, 0, bytes);
    YK_DISPATCH(attention_backward_keys, w->gradient, c, b, group, s0, yk_least(s0 + w->keys, c->S), dq);
    if (!w->dq)
        YK_DISPATCH(attention_backward_queries, w->gradient, c, b, group, dq, 1, 0);
}

static void backward_queries_piece(void *context, int64_t head) {
    const attention_work *w = context;
    const yk_attention *c = w->call;
    YK_DISPATCH(attention_backward_queries, w->gradient, c, head / c->K, head % c->K,
                w->dq + head * w->blocks * w->dq_stride, w->blocks, w->dq_stride);
}

// The call with an offset that no arithmetic on positions can overflow, and the same meaning.
static yk_attention normalised(const yk_attention *call) {
    yk_attention c = *call;
    c.query_offset = c.query_offset < -c.T ? -c.T : yk_least(c.query_offset, c.S);
    return c;
}

void yk_attention_forward(const yk_attention *call) {
    const yk_attention c = normalised(call);
    attention_work work = {.call = &c};
    if (c.dtype == YK_F64 || yk_active_kernel_set() == YK_SCALAR) {
        yk_parallel(c.B * c.H, forward_reference_piece, &work);
        return;
    }
    work.blocks = (c.T + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK;
    yk_parallel(c.B * c.H * work.blocks, forward_block_piece, &work);
}

void yk_attention_backward(const yk_attention_gradient *gradient, const yk_attention *call) {
    const yk_attention c = normalised(call);
    attention_work work = {.call = &c, .gradient = gradient};
    const int64_t heads = c.B * c.K;
    if (heads == 0)
        return;
    if (c.dtype == YK_F64 || yk_active_kernel_set() == YK_SCALAR) {
        yk_parallel(heads, backward_reference_piece, &work);
        return;
    }
    // Few key heads: their keys are cut into parts, so that there are enough pieces for many threads.
    const int64_t most = (c.S + BACKWARD_PART - 1) / BACKWARD_PART,
                  wanted = (BACKWARD_PIECES + heads - 1) / heads;
    const int64_t parts = yk_most(1, yk_least(most, wanted));
    work.keys = (c.S + parts - 1) / parts;
    work.keys = yk_most(1, (work.keys + BACKWARD_TILE - 1) / BACKWARD_TILE) * BACKWARD_TILE;
    work.blocks = yk_most(1, (c.S + work.keys - 1) / work.keys);
    work.dq_stride = c.H / c.K * c.T * yk_odd_lines((c.E + 15) / 16 * 16);
    if (work.blocks > 1) {
        work.dq = yk_allocate((size_t)(heads * work.blocks * work.dq_stride) * sizeof(float));
        if (!work.dq) {
            fprintf(stderr, "out of memory: the system refused the partial gradients of attention\n");
            abort();
        }
    }
    yk_parallel(heads * work.blocks, backward_keys_piece, &work);
    if (!work.dq)
        return;
    yk_parallel(heads, backward_queries_piece, &work);
    yk_free(work.dq);
}
