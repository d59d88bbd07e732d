// What a set of kernels gives to the blocking of gemm_blocks.c.
//
// Both factors are packed into panels: `mr` rows of a or `nr` columns of b, for one block of k, k after k. A tile
// function multiplies two panels; its sum of a block is added to what the blocks before it gave.
#pragma once

#include "yk_gemm.h"

// A finished tile whose epilogue is done in portions while the next tile is multiplied, where different units of the
// processor do the two.
typedef struct gemm_deferred {
    _Alignas(64) float sums[2][1024]; // the tile that waits, and the one that is being made
    int current;
    const yk_gemm_call *call;
    int64_t batch, i, j, rows, columns;
    int64_t done; // of the rows
} gemm_deferred;

// What a tile asks the memory for on its way, because the tiles after it will want it.
typedef struct gemm_ahead {
    const char *lines; // of the panels of b, side by side
    int64_t line_count;
    const char *a; // rows of a, read in place
    int64_t a_row, a_rows;
    struct {
        char *at; // rows of c and of what its epilogue reads or writes beside it
        int64_t row, bytes;
    } results[3];
    int64_t result_rows;
} gemm_ahead;

typedef struct gemm_engine {
    int64_t mr, nr;    // the extents of a tile
    int64_t k_block;   // the values of k that one panel holds at most
    int64_t k_unit;    // panels are filled with zeros up to a multiple of this
    int64_t element;   // the bytes of a packed element
    // The extents of pieces: within these bounds, and so that a thread gets about this many. No element depends on how
    // the work is cut.
    int64_t least_rows, most_rows, row_pieces;
    int64_t least_columns, most_columns, column_pieces;
    // Whether a panel of a stays in L1 while `column_block` columns of b pass, or one of b while row_block rows of a
    // do. What passes comes from L2.
    bool keeps_a;
    int64_t column_block, row_block;
    bool asks_for_b; // whether tiles ask for the next panel of b, where it is b that passes
    // Packs one panel: x ≤ mr (or nr) rows or columns that lie x_stride apart, k values k_stride apart.
    void (*pack_a)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride, int64_t x,
                   int64_t k);
    void (*pack_b)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride, int64_t x,
                   int64_t k);
    // out [mr, nr] = [in +] a · b; rows in_stride and out_stride apart; in may be NULL or out.
    void (*tile)(int64_t k, const void *a, const void *b, const float *in, int64_t in_stride, float *out,
                 int64_t out_stride, const gemm_ahead *ahead);
    // The same with a where it lies: its k side by side, its rows a_row bytes apart. NULL when a is always packed.
    void (*tile_in_place)(int64_t k, const void *a, int64_t a_row, const void *b, const float *in, int64_t in_stride,
                          float *out, int64_t out_stride, const gemm_ahead *ahead);
    int64_t alignment; // of the rows of a that are read in place
    // Writes rows × columns elements of the result from (i, j) on, given their sums.
    void (*epilogue)(const yk_gemm_call *call, int64_t batch, int64_t i, int64_t j, int64_t rows, int64_t columns,
                     const float *sums, int64_t stride);
    // The thread's deferred tile, or NULL when epilogues follow at once; its rows must be done before the next waits.
    gemm_deferred *(*deferred)(void);
    void (*finish_deferred)(gemm_deferred *deferred);
    // What a thread does before and after tiles; may be NULL.
    void (*begin)(void);
    void (*end)(void);
} gemm_engine;

enum { GEMM_OUTER_K = 4096 }; // the values of k packed at a time: a multiple of k_block where k is larger

// Whether the sums of f32 may lie in c itself, because nothing follows them.
static inline bool gemm_is_direct(const yk_gemm_call *g) {
    return g->c_type == YK_F32 && g->alpha == 1 && !g->bias && !g->pre && !g->residual && !g->slope &&
           g->activation == YK_IDENTITY;
}

// The whole product by an engine; m, n and batch are positive.
void yk_gemm_blocks(const yk_gemm_call *call, const gemm_engine *engine);

// Products of bf16 by dot products of pairs, on tiles, and on tiles in memory.
void yk_gemm_pairs(const yk_gemm_call *call);
void yk_gemm_amx(const yk_gemm_call *call);
void yk_gemm_emulated(const yk_gemm_call *call);

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
