#include "yk_attention.h"

#include "attention_reference.h"

// Queries that share the packing of a tile of keys in a forward pass.
enum { ATTENTION_BLOCK = 256 };

#define YK_BODY "attention_body.h"
#include "instantiate.h"

typedef struct attention_work {
    const yk_attention *call;
    const yk_attention_gradient *gradient;
    int64_t blocks;
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
    yk_parallel(c.B * c.K, backward_reference_piece, &work);
}
