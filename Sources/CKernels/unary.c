#include "convert.h"
#include "layout.h"
#include "typed.h"
#include "unary_list.h"
#include "yk_elementwise.h"

#include <math.h>

enum {
    YK_ACTIVATIONS = YK_SIGMOID + 1,
    // Elements of a piece of work, for cheap functions and for the others.
    CHEAP_PIECE = 32768,
    COSTLY_PIECE = 8192,
};

#define REAL float
#define NAME(x) x##_f32
#define MATH(x) x##f
#include "blocks.h"
#include "unary_typed.h"
#undef REAL
#undef NAME
#undef MATH
#define REAL double
#define NAME(x) x##_f64
#define MATH(x) x
#include "blocks.h"
#include "unary_typed.h"
#undef REAL
#undef NAME
#undef MATH

static void unary_table_scalar(const unary_kernels_f32 **kernels) { *kernels = &unary_reference_f32; }

#define YK_BODY "unary_body.h"
#include "instantiate.h"

static int64_t piece_length(yk_unary_operation operation, yk_dtype type) {
    switch (operation) {
    case YK_NEGATE:
    case YK_ABSOLUTE:
    case YK_SQUARE:
    case YK_SIGN:
    case YK_UNARY_RELU: return CHEAP_PIECE;
    default: return type == YK_F64 ? COSTLY_PIECE / 4 : COSTLY_PIECE;
    }
}

// Runs the rows of the float or the double walk.
static void run_rows(int operation, yk_dtype type, yk_layout *layout, int64_t piece, yk_row_body row_f32,
                     yk_row_body row_f64) {
    if (yk_layout_count(layout) == 0) return;
    if (type == YK_F64) {
        unary_call_f64 call = {.kernels = &unary_reference_f64, .type = type, .operation = operation};
        yk_layout_run(layout, piece, row_f64, &call);
        return;
    }
    unary_call_f32 call = {.type = type, .operation = operation};
    YK_DISPATCH(unary_table, &call.kernels);
    yk_layout_run(layout, piece, row_f32, &call);
}

static void integer_row(void *context, char *const *data, const int64_t *s, int64_t n) {
    const yk_unary_operation operation = *(const yk_unary_operation *)context;
    for (int64_t i = 0; i < n; i++) {
        const int32_t x = *(const int32_t *)(data[1] + i * s[1]);
        const uint32_t bits = (uint32_t)x;
        uint32_t y;
        switch (operation) {
        case YK_NEGATE: y = 0u - bits; break;
        case YK_ABSOLUTE: y = x < 0 ? 0u - bits : bits; break;
        case YK_SQUARE: y = bits * bits; break;
        default: y = (uint32_t)((x > 0) - (x < 0)); break; // sign
        }
        *(uint32_t *)(data[0] + i * s[0]) = y;
    }
}

void yk_unary(yk_unary_operation operation, yk_dtype type, int rank, const intptr_t *shape, void *out,
              const intptr_t *out_strides, const void *x, const intptr_t *x_strides) {
    yk_layout layout;
    yk_layout_begin(&layout, rank, shape);
    yk_layout_add(&layout, out, out_strides, yk_dtype_size(type));
    yk_layout_add(&layout, x, x_strides, yk_dtype_size(type));
    if (type == YK_I32) {
        if (yk_layout_count(&layout)) yk_layout_run(&layout, CHEAP_PIECE, integer_row, &operation);
        return;
    }
    run_rows(operation, type, &layout, piece_length(operation, type), forward_row_f32, forward_row_f64);
}

// Whether a derivative is made of y = f(x) and not of x.
static bool reads_result(yk_unary_operation operation) {
    switch (operation) {
    case YK_EXP:
    case YK_SQRT:
    case YK_RECIPROCAL_SQRT:
    case YK_RECIPROCAL:
    case YK_UNARY_TANH:
    case YK_UNARY_SIGMOID: return true;
    default: return false;
    }
}

void yk_unary_backward(yk_unary_operation operation, yk_dtype type, void *dx, const void *dy, const void *x,
                       const void *y, int64_t n) {
    const intptr_t shape[1] = {n}, strides[1] = {1};
    const void *operands[3] = {dx, dy, reads_result(operation) ? y : x};
    yk_layout layout;
    yk_layout_begin(&layout, 1, shape);
    for (int o = 0; o < 3; o++) yk_layout_add(&layout, operands[o], strides, yk_dtype_size(type));
    run_rows(operation, type, &layout, piece_length(operation, type), backward_row_f32, backward_row_f64);
}

void yk_gated_activation(yk_activation activation, yk_dtype type, void *out, const void *x, int64_t N, int64_t F) {
    const intptr_t shape[2] = {N, F}, narrow[2] = {F, 1}, wide[2] = {2 * F, 1};
    const int64_t size = yk_dtype_size(type);
    yk_layout layout;
    yk_layout_begin(&layout, 2, shape);
    yk_layout_add(&layout, out, narrow, size);
    yk_layout_add(&layout, x, wide, size);
    yk_layout_add(&layout, (const char *)x + F * size, wide, size);
    run_rows(activation, type, &layout, COSTLY_PIECE, gated_row_f32, gated_row_f64);
}

void yk_gated_activation_backward(yk_activation activation, yk_dtype type, void *dx, const void *dy, const void *x,
                                  int64_t N, int64_t F) {
    const intptr_t shape[2] = {N, F}, narrow[2] = {F, 1}, wide[2] = {2 * F, 1};
    const int64_t size = yk_dtype_size(type), half = F * size;
    yk_layout layout;
    yk_layout_begin(&layout, 2, shape);
    yk_layout_add(&layout, dx, wide, size);
    yk_layout_add(&layout, (char *)dx + half, wide, size);
    yk_layout_add(&layout, dy, narrow, size);
    yk_layout_add(&layout, x, wide, size);
    yk_layout_add(&layout, (const char *)x + half, wide, size);
    run_rows(activation, type, &layout, COSTLY_PIECE, gated_backward_row_f32, gated_backward_row_f64);
}
