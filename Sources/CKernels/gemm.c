// Matrix products: the reference, the choice of kernels, and the gradient of an epilogue.
#include "gemm_engine.h"
#include "typed.h"

#include <math.h>
#include <string.h>

enum {
    REFERENCE_COLUMNS = 64,
    BACKWARD_ROWS = 64,
    K_BLOCK = 256, // the length of a chain of f32 sums, the same on every vector set
};

typedef struct backward_call {
    void *dx;
    yk_dtype dx_type;
    const void *dy;
    yk_dtype dy_type;
    const void *pre;
    yk_dtype pre_type;
    yk_activation activation;
    int64_t m, n;
    void *sums; // [blocks, n], or NULL
    void (*block)(const struct backward_call *, int64_t first, int64_t rows, void *sums);
} backward_call;

#define REAL float
#define NAME(x) x##_f32
#define MATH(x) x##f
#include "gemm_reference.h"
#undef REAL
#undef NAME
#undef MATH

#define REAL double
#define NAME(x) x##_f64
#define MATH(x) x
#include "gemm_reference.h"
#undef REAL
#undef NAME
#undef MATH

static void gemm_scalar(const yk_gemm_call *g) { gemm_f32(g); }

#define YK_BODY "gemm_body.h"
#include "instantiate.h"

void yk_gemm(const yk_gemm_call *g) {
    if (g->batch <= 0 || g->m <= 0 || g->n <= 0) return;
    if (g->type == YK_F64) gemm_f64(g);
    else YK_DISPATCH(gemm, g);
}

static void backward_piece(void *context, int64_t piece) {
    const backward_call *call = context;
    const int64_t first = piece * BACKWARD_ROWS;
    const int64_t rows = call->m - first < BACKWARD_ROWS ? call->m - first : BACKWARD_ROWS;
    const size_t size = call->dy_type == YK_F64 ? 8 : 4;
    call->block(call, first, rows, call->sums ? (char *)call->sums + (size_t)(piece * call->n) * size : NULL);
}

void yk_activation_backward(void *dx, yk_dtype dx_type, void *bias, bool accumulate_bias, const void *dy,
                            yk_dtype dy_type, const void *pre, yk_dtype pre_type, yk_activation activation, int64_t m,
                            int64_t n) {
    const bool wide = dy_type == YK_F64;
    const int64_t pieces = (m + BACKWARD_ROWS - 1) / BACKWARD_ROWS;
    void *sums = bias ? yk_scratch(0, (size_t)(pieces * n) * (wide ? 8 : 4)) : NULL;
    backward_call call = {dx, dx_type, dy, dy_type, pre, pre_type, activation, m, n, sums, NULL};
    call.block = wide ? backward_block_f64 : backward_block_f32;
    yk_parallel(pieces, backward_piece, &call);
    if (!bias) return;
    for (int64_t j = 0; !accumulate_bias && j < n; j++) {
        if (wide) ((double *)bias)[j] = 0;
        else ((float *)bias)[j] = 0;
    }
    for (int64_t p = 0; p < pieces; p++)
        for (int64_t j = 0; j < n; j++) {
            if (wide) ((double *)bias)[j] += ((double *)sums)[p * n + j];
            else ((float *)bias)[j] += ((float *)sums)[p * n + j];
        }
}
