#include "yk_attention.h"

#include "attention_amx.h"
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

// Up to DECODE_QUERIES queries stream over the keys; those of a key head are cut into parts of at least
// DECODE_PART keys until there are about DECODE_PIECES pieces of work.
enum { DECODE_QUERIES = 4, DECODE_TILE = 64, DECODE_PART = 256, DECODE_PIECES = 16 };
// Below about this many multiplications the calling thread does all of the work.
enum { SMALL_WORK = 1 << 17 };

// What multiplies: vectors, or tiles of bf16.
typedef enum attention_tiles { TILES_NONE, TILES_AMX, TILES_EMULATED } attention_tiles;

typedef struct attention_work {
    const yk_attention *call;
    const yk_attention_gradient *gradient;
    attention_tiles tiles;
    int64_t blocks;    // forward: blocks of queries of a head; backward: parts of the keys of a key head
    int64_t keys;      // backward and decoding: keys in a part
    float *dq;         // backward: [B, K, parts, H / K, T, ld]
    int64_t dq_stride; // the distance of its parts
    float *out;        // decoding: [B, K, parts, H / K, T, yk_padded(E)]
    float *top, *sum;  // decoding: [B, K, parts, H / K, T]
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
    const int64_t head = piece / w->blocks, b = head / c->H, h = head % c->H;
    const int64_t t0 = (w->blocks - 1 - piece % w->blocks) * ATTENTION_BLOCK,
                  t1 = yk_least(t0 + ATTENTION_BLOCK, c->T);
    switch (w->tiles) {
    case TILES_AMX:
        yk_attention_forward_amx(c, b, h, t0, t1);
        break;
    case TILES_EMULATED:
        yk_attention_forward_emulated(c, b, h, t0, t1);
        break;
    default:
        YK_DISPATCH(attention_forward_block, c, b, h, t0, t1);
        break;
    }
}

static void attention_decode_keys_scalar(const yk_attention *c, int64_t b, int64_t group, int64_t s0,
                                         int64_t s1, float *out, float *top, float *sum) {
    (void)c, (void)b, (void)group, (void)s0, (void)s1, (void)out, (void)top, (void)sum;
}
static void attention_decode_join_scalar(const yk_attention *c, int64_t b, int64_t group, float *out,
                                         const float *top, const float *sum, int64_t parts) {
    (void)c, (void)b, (void)group, (void)out, (void)top, (void)sum, (void)parts;
}

static void decode_piece(void *context, int64_t piece) {
    const attention_work *w = context;
    const yk_attention *c = w->call;
    const int64_t head = piece / w->blocks, s0 = piece % w->blocks * w->keys, rows = c->H / c->K * c->T;
    YK_DISPATCH(attention_decode_keys, c, head / c->K, head % c->K, s0, yk_least(s0 + w->keys, c->S),
                w->out + piece * rows * yk_padded(c->E), w->top + piece * rows, w->sum + piece * rows);
}

static void join_piece(void *context, int64_t head) {
    const attention_work *w = context;
    const yk_attention *c = w->call;
    const int64_t rows = c->H / c->K * c->T, first = head * w->blocks * rows;
    YK_DISPATCH(attention_decode_join, c, head / c->K, head % c->K, w->out + first * yk_padded(c->E),
                w->top + first, w->sum + first, w->blocks);
}

// Runs pieces on all threads when together they make enough work.
static void run_pieces(int64_t pieces, void (*body)(void *, int64_t), attention_work *work,
                       int64_t multiplications) {
    if (multiplications >= SMALL_WORK)
        yk_parallel(pieces, body, work);
    else
        for (int64_t i = 0; i < pieces; i++)
            body(work, i);
}

static void *allocate_or_stop(int64_t floats) {
    void *block = yk_allocate((size_t)floats * sizeof(float));
    if (!block) {
        fprintf(stderr, "out of memory: the system refused %lld bytes for the partial results of attention\n",
                (long long)floats * 4);
        abort();
    }
    return block;
}

static int64_t tiles(int64_t n, int64_t tile) { return yk_most(1, (n + tile - 1) / tile); }

// Cuts the keys of every key head into parts, so that there are enough pieces for many threads.
static void cut_keys(attention_work *work, int64_t least, int64_t tile, int64_t pieces) {
    const int64_t heads = work->call->B * work->call->K, S = work->call->S;
    const int64_t parts = yk_least(tiles(S, least), tiles(pieces, heads));
    work->keys = tiles((S + parts - 1) / parts, tile) * tile;
    work->blocks = tiles(S, work->keys);
}

static void decode(attention_work *work) {
    const yk_attention *c = work->call;
    cut_keys(work, DECODE_PART, DECODE_TILE, DECODE_PIECES);
    const int64_t heads = c->B * c->K, rows = heads * work->blocks * (c->H / c->K) * c->T;
    float *memory = allocate_or_stop(rows * (yk_padded(c->E) + 2));
    work->out = memory;
    work->top = memory + rows * yk_padded(c->E);
    work->sum = work->top + rows;
    run_pieces(heads * work->blocks, decode_piece, work, c->B * c->H * c->T * c->S * c->E);
    run_pieces(heads, join_piece, work, rows * c->E);
    yk_free(memory);
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

// Writes dq of one key head from its parts.
static void finish_queries(const attention_work *w, int64_t head, float *dq, int64_t parts) {
    const yk_attention *c = w->call;
    const int64_t b = head / c->K, group = head % c->K, stride = w->dq_stride;
    switch (w->tiles) {
    case TILES_AMX:
        yk_attention_queries_amx(w->gradient, c, b, group, dq, parts, stride);
        break;
    case TILES_EMULATED:
        yk_attention_queries_emulated(w->gradient, c, b, group, dq, parts, stride);
        break;
    default:
        YK_DISPATCH(attention_backward_queries, w->gradient, c, b, group, dq, parts, stride);
        break;
    }
}

// One part of the keys of one key head; with a single part, its dq too, in scratch.
static void backward_keys_piece(void *context, int64_t piece) {
    const attention_work *w = context;
    const yk_attention *c = w->call;
    const int64_t head = piece / w->blocks, b = head / c->K, group = head % c->K;
    const int64_t s0 = piece % w->blocks * w->keys, s1 = yk_least(s0 + w->keys, c->S);
    const size_t bytes = (size_t)w->dq_stride * sizeof(float);
    float *dq = w->dq ? w->dq + piece * w->dq_stride : yk_scratch(1, bytes);
    memset(dq, 0, bytes);
    switch (w->tiles) {
    case TILES_AMX:
        yk_attention_backward_amx(w->gradient, c, b, group, s0, s1, dq);
        break;
    case TILES_EMULATED:
        yk_attention_backward_emulated(w->gradient, c, b, group, s0, s1, dq);
        break;
    default:
        YK_DISPATCH(attention_backward_keys, w->gradient, c, b, group, s0, s1, dq);
        break;
    }
    if (!w->dq)
        finish_queries(w, head, dq, 1);
}

static void backward_queries_piece(void *context, int64_t head) {
    const attention_work *w = context;
    finish_queries(w, head, w->dq + head * w->blocks * w->dq_stride, w->blocks);
}

// The call with an offset that no arithmetic on positions can overflow, and the same meaning.
static yk_attention normalised(const yk_attention *call) {
    yk_attention c = *call;
    c.query_offset = c.query_offset < -c.T ? -c.T : yk_least(c.query_offset, c.S);
    return c;
}

static attention_tiles chosen_tiles(yk_dtype dtype) {
    const yk_kernel_set set = yk_active_kernel_set();
    if (dtype != YK_BF16)
        return TILES_NONE;
    return set == YK_AMX ? TILES_AMX : set == YK_AMX_EMULATED ? TILES_EMULATED : TILES_NONE;
}

void yk_attention_forward(const yk_attention *call) {
    const yk_attention c = normalised(call);
    attention_work work = {.call = &c, .tiles = chosen_tiles(c.dtype)};
    const int64_t multiplications = c.B * c.H * c.T * c.S * c.E;
    if (c.B == 0 || c.H == 0 || c.T == 0)
        return;
    if (c.dtype == YK_F64 || yk_active_kernel_set() == YK_SCALAR) {
        run_pieces(c.B * c.H, forward_reference_piece, &work, multiplications);
    } else if (c.T <= DECODE_QUERIES) {
        decode(&work);
    } else {
        work.blocks = tiles(c.T, ATTENTION_BLOCK);
        run_pieces(c.B * c.H * work.blocks, forward_block_piece, &work, multiplications);
    }
}

void yk_attention_backward(const yk_attention_gradient *gradient, const yk_attention *call) {
    const yk_attention c = normalised(call);
    attention_work work = {.call = &c, .gradient = gradient, .tiles = chosen_tiles(c.dtype)};
    const int64_t heads = c.B * c.K, multiplications = c.B * c.H * c.T * c.S * c.E;
    if (heads == 0)
        return;
    if (c.dtype == YK_F64 || yk_active_kernel_set() == YK_SCALAR) {
        run_pieces(heads, backward_reference_piece, &work, multiplications);
        return;
    }
    cut_keys(&work, BACKWARD_PART, BACKWARD_TILE, BACKWARD_PIECES);
    work.dq_stride = work.tiles ? amx_gradient_floats(&c) : c.H / c.K * c.T * yk_odd_lines(c.E);
    if (work.blocks > 1)
        work.dq = allocate_or_stop(heads * work.blocks * work.dq_stride);
    run_pieces(heads * work.blocks, backward_keys_piece, &work, multiplications);
    if (!work.dq)
        return;
    run_pieces(heads, backward_queries_piece, &work, multiplications);
    yk_free(work.dq);
}
