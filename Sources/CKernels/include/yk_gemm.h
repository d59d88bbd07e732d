// Matrix products with their epilogues.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// Activations of an epilogue.
typedef enum yk_activation {
    YK_IDENTITY = 0,
    YK_RELU,
    YK_GELU,      // x · Φ(x)
    YK_GELU_TANH, // its tanh approximation
    YK_SILU,
    YK_TANH,
    YK_SIGMOID,
} yk_activation;

// c = [c +] residual + activation(alpha · a · b + bias) for a batch of products; a [M, K], b [K, N], c [M, N].
//
// Strides are in elements. a and b have one type (f32, bf16, f64) and one matrix stride of 1 each; c, pre and residual
// have rows of unit stride. c is of that type, or f32 when it is bf16. NULL leaves out bias, pre (where
// alpha · a · b + bias is kept, of c's type) and residual. residual may be c.
//
// With `slope`, a matrix x like c and of its type, the backward pass of an activation goes into the product:
// c = [c +] residual + (alpha · a · b + bias) · activation′(x), and activation(x) is written to `activated`, like c,
// unless that is NULL.
//
// Every element is a sum over k in rising order that does not depend on M, N, its place or the number of threads, so
// a row of a product is the same, bit for bit, whatever rows stand beside it. In the f32 kernels it is made of
// chains of fused multiply-adds over 256 values of k each, which are then added; the same on every vector set.
//
// Uses slots 0 to 2 of yk_scratch.
typedef struct yk_gemm_call {
    int64_t batch, m, n, k;
    yk_dtype type;
    const void *a;
    int64_t a_row, a_column, a_batch;
    const void *b;
    int64_t b_row, b_column, b_batch;
    void *c;
    yk_dtype c_type;
    int64_t c_row, c_batch;
    float alpha;
    bool accumulate;
    yk_activation activation;
    const void *bias;
    yk_dtype bias_type;
    void *pre;
    int64_t pre_row, pre_batch;
    const void *residual;
    yk_dtype residual_type;
    int64_t residual_row, residual_batch;
    const void *slope;
    int64_t slope_row, slope_batch;
    void *activated;
    int64_t activated_row, activated_batch;
} yk_gemm_call;

void yk_gemm(const yk_gemm_call *call);

// dx = dy · activation′(pre) for contiguous [M, N], and bias [N] (f32; f64 when dy is) = [bias +] the sums of dx over
// the rows. dx, pre (for the identity) and bias may be NULL; floating types may differ, but either all are f64 or none.
void yk_activation_backward(void *dx, yk_dtype dx_type, void *bias, bool accumulate_bias, const void *dy,
                            yk_dtype dy_type, const void *pre, yk_dtype pre_type, yk_activation activation, int64_t m,
                            int64_t n);

#ifdef __cplusplus
}
#endif
