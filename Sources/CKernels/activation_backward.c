// The gradient of an epilogue.
#include "typed.h"
#include "yk_gemm.h"

#include <math.h>

typedef struct backward_call {
    void *dx;
    yk_dtype dx_type;
    const void *dy;
    yk_dtype dy_type;
    const void *pre;
    yk_dtype pre_type;
    yk_activation activation;
    int64_t m, n;
    int64_t rows; // of a piece
    void *sums;   // [pieces, n], or NULL
} backward_call;

#define REAL float
#define NAME(x) x##_scalar
#define MATH(x) x##f
#include "activation_backward_reference.h"
#undef REAL
#undef NAME
#undef MATH

#define REAL double
#define NAME(x) x##_f64
#define MATH(x) x
#include "activation_backward_reference.h"
#undef REAL
#undef NAME
#undef MATH

#define YK_BODY "activation_backward_body.h"
#include "instantiate.h"

static void piece(void *context, int64_t number) {
    const backward_call *call = context;
    const int64_t first = number * call->rows;
    const int64_t rows = call->m - first < call->rows ? call->m - first : call->rows;
    const size_t size = call->dy_type == YK_F64 ? 8 : 4;
    void *sums = call->sums ? (char *)call->sums + (size_t)(number * call->n) * size : NULL;
    if (call->dy_type == YK_F64) backward_block_f64(call, first, rows, sums);
    else YK_DISPATCH(backward_block, call, first, rows, sums);
}

void yk_activation_backward(void *dx, yk_dtype dx_type, void *bias, bool accumulate_bias, const void *dy,
                            yk_dtype dy_type, const void *pre, yk_dtype pre_type, yk_activation activation, int64_t m,
                            int64_t n) {
    const bool wide = dy_type == YK_F64;
    // At least 16 rows in a piece, and at most 64 pieces.
    const int64_t rows = m <= 16 * 64 ? 16 : (m + 63) / 64, pieces = (m + rows - 1) / rows;
    void *sums = bias ? yk_scratch(0, (size_t)(pieces * n) * (wide ? 8 : 4)) : NULL;
    backward_call call = {dx, dx_type, dy, dy_type, pre, pre_type, activation, m, n, rows, sums};
    if (m * n < 8192)
        for (int64_t p = 0; p < pieces; p++) piece(&call, p);
    else yk_parallel(pieces, piece, &call);
    if (!bias) return;
    if (!accumulate_bias) memset(bias, 0, (size_t)n * (wide ? 8 : 4));
    for (int64_t p = 0; p < pieces; p++) {
        if (wide)
            for (int64_t j = 0; j < n; j++) ((double *)bias)[j] += ((double *)sums)[p * n + j];
        else
            for (int64_t j = 0; j < n; j++) ((float *)bias)[j] += ((float *)sums)[p * n + j];
    }
}
