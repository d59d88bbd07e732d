// Element by element: filling, copying, functions of one and two values, comparisons, gating.
//
// Shapes have at most 8 axes; strides are in elements and may be 0 (repeating an element) or negative, except that
// what is written has no repeated element. f32 and bf16 are computed in f32, f64 in f64.
#pragma once

#include "yk_core.h"
#include "yk_gemm.h" // yk_activation

#ifdef __cplusplus
extern "C" {
#endif

typedef enum yk_unary_operation {
    YK_NEGATE = 0,
    YK_ABSOLUTE,
    YK_EXP,
    YK_LOG,
    YK_SQRT,
    YK_RECIPROCAL_SQRT,
    YK_RECIPROCAL,
    YK_SQUARE,
    YK_SIN,
    YK_COS,
    YK_UNARY_TANH,
    YK_UNARY_SIGMOID,
    YK_UNARY_RELU,
    YK_UNARY_GELU,
    YK_UNARY_GELU_TANH,
    YK_UNARY_SILU,
    YK_SOFTPLUS,
    YK_SIGN,
    YK_ERF,
    YK_UNARY_OPERATIONS
} yk_unary_operation;

typedef enum yk_binary_operation {
    YK_ADD = 0,
    YK_SUBTRACT,
    YK_MULTIPLY,
    YK_DIVIDE,
    YK_MAXIMUM,
    YK_MINIMUM,
    YK_POWER,
    YK_BINARY_OPERATIONS
} yk_binary_operation;

typedef enum yk_comparison {
    YK_EQUAL = 0,
    YK_NOT_EQUAL,
    YK_LESS,
    YK_LESS_OR_EQUAL,
    YK_GREATER,
    YK_GREATER_OR_EQUAL,
    YK_COMPARISONS
} yk_comparison;

// Sets every element; i32 and u8 truncate towards 0 and stop at their ends (NaN gives 0).
void yk_fill(yk_dtype type, int rank, const intptr_t *shape, void *out, const intptr_t *out_strides, double value);

// Copies with conversion: to nearest, ties to even, from the exact value; to i32 and u8 as in yk_fill.
void yk_copy(int rank, const intptr_t *shape, void *out, yk_dtype out_type, const intptr_t *out_strides, const void *x,
             yk_dtype x_type, const intptr_t *x_strides);

// out = operation(x); i32 for negate, absolute, square and sign (wrapping). out may be x.
void yk_unary(yk_unary_operation operation, yk_dtype type, int rank, const intptr_t *shape, void *out,
              const intptr_t *out_strides, const void *x, const intptr_t *x_strides);

// dx = dy · operation′(x) for n elements in a row; y = operation(x) is read instead of x by exp, sqrt, reciprocal_sqrt,
// reciprocal, tanh and sigmoid. dx may be any of the inputs.
void yk_unary_backward(yk_unary_operation operation, yk_dtype type, void *dx, const void *dy, const void *x,
                       const void *y, int64_t n);

// out = operation(a, b); i32 wraps, its division truncates. out may be a or b. False when an i32 was divided by 0 (or 0
// was raised to a negative power); the result there is 0.
bool yk_binary(yk_binary_operation operation, yk_dtype type, int rank, const intptr_t *shape, void *out,
               const intptr_t *out_strides, const void *a, const intptr_t *a_strides, const void *b,
               const intptr_t *b_strides);

// out = x · scale + shift for n elements in a row. out may be x.
void yk_affine(yk_dtype type, void *out, const void *x, double scale, double shift, int64_t n);

// y += alpha · x for n elements in a row; f64 when either is.
void yk_accumulate(void *y, yk_dtype y_type, const void *x, yk_dtype x_type, double alpha, int64_t n);

// out (u8) = comparison(a, b) ? 1 : 0; comparisons with NaN are false, except not_equal.
void yk_compare(yk_comparison comparison, yk_dtype type, int rank, const intptr_t *shape, void *out,
                const intptr_t *out_strides, const void *a, const intptr_t *a_strides, const void *b,
                const intptr_t *b_strides);

// out = condition (u8) ? a : b for elements of element_size bytes (1, 2, 4 or 8).
void yk_select(int64_t element_size, int rank, const intptr_t *shape, void *out, const intptr_t *out_strides,
               const void *condition, const intptr_t *condition_strides, const void *a, const intptr_t *a_strides,
               const void *b, const intptr_t *b_strides);

// out [N, F] = activation(x[:, :F]) · x[:, F:] for x [N, 2F].
void yk_gated_activation(yk_activation activation, yk_dtype type, void *out, const void *x, int64_t N, int64_t F);

// dx [N, 2F] from dy [N, F] and x [N, 2F]. dx may be x.
void yk_gated_activation_backward(yk_activation activation, yk_dtype type, void *dx, const void *dy, const void *x,
                                  int64_t N, int64_t F);

#ifdef __cplusplus
}
#endif
