#include "convert.h"
#include "layout.h"
#include "typed.h"
#include "yk_elementwise.h"

#include <math.h>
#include <stdatomic.h>

enum { BINARY_PIECE = 32768 }; // elements of a piece of work

// In the order of yk_binary_operation.
#define YK_BINARY_LIST(X) X(add) X(subtract) X(multiply) X(divide) X(maximum) X(minimum) X(power)

#define REAL float
#define NAME(x) x##_f32
#define MATH(x) x##f
#include "blocks.h"
#include "binary_typed.h"
#undef REAL
#undef NAME
#undef MATH
#define REAL double
#define NAME(x) x##_f64
#define MATH(x) x
#include "blocks.h"
#include "binary_typed.h"
#undef REAL
#undef NAME
#undef MATH

static void binary_table_scalar(const binary_kernels_f32 **kernels) { *kernels = &binary_reference_f32; }

#define YK_BODY "binary_body.h"
#include "instantiate.h"

static const binary_kernels_f32 *kernels_f32(void) {
    const binary_kernels_f32 *kernels;
    YK_DISPATCH(binary_table, &kernels);
    return kernels;
}

// ---- Integers ----

typedef struct integer_call {
    yk_binary_operation operation;
    atomic_bool failed; // a division by 0
} integer_call;

static uint32_t integer_power(int32_t a, int32_t b, bool *failed) {
    if (b < 0) {
        *failed |= a == 0;
        return a == 1 ? 1 : a == -1 ? (b & 1 ? (uint32_t)-1 : 1) : 0;
    }
    uint32_t result = 1, factor = (uint32_t)a;
    for (uint32_t e = (uint32_t)b; e; e >>= 1) {
        if (e & 1) result *= factor;
        factor *= factor;
    }
    return result;
}

static uint32_t integer_operation(yk_binary_operation operation, int32_t a, int32_t b, bool *failed) {
    switch (operation) {
    case YK_ADD: return (uint32_t)a + (uint32_t)b;
    case YK_SUBTRACT: return (uint32_t)a - (uint32_t)b;
    case YK_MULTIPLY: return (uint32_t)a * (uint32_t)b;
    case YK_DIVIDE:
        *failed |= b == 0;
        return b == 0 ? 0 : b == -1 ? 0u - (uint32_t)a : (uint32_t)(a / b);
    case YK_MAXIMUM: return (uint32_t)(a > b ? a : b);
    case YK_MINIMUM: return (uint32_t)(a < b ? a : b);
    default: return integer_power(a, b, failed);
    }
}

static void integer_row(void *context, char *const *data, const int64_t *s, int64_t n) {
    integer_call *c = context;
    bool failed = false;
    for (int64_t i = 0; i < n; i++)
        *(uint32_t *)(data[0] + i * s[0]) =
            integer_operation(c->operation, *(const int32_t *)(data[1] + i * s[1]),
                              *(const int32_t *)(data[2] + i * s[2]), &failed);
    if (failed) atomic_store(&c->failed, true);
}

// ---- Entries ----

bool yk_binary(yk_binary_operation operation, yk_dtype type, int rank, const intptr_t *shape, void *out,
               const intptr_t *out_strides, const void *a, const intptr_t *a_strides, const void *b,
               const intptr_t *b_strides) {
    const int64_t size = yk_dtype_size(type), piece = operation == YK_POWER ? BINARY_PIECE / 8 : BINARY_PIECE;
    yk_layout layout;
    yk_layout_begin(&layout, rank, shape);
    yk_layout_add(&layout, out, out_strides, size);
    yk_layout_add(&layout, a, a_strides, size);
    yk_layout_add(&layout, b, b_strides, size);
    if (yk_layout_count(&layout) == 0) return true;
    if (type == YK_I32) {
        integer_call call = {.operation = operation, .failed = false};
        yk_layout_run(&layout, piece, integer_row, &call);
        return !atomic_load(&call.failed);
    }
    if (type == YK_F64) {
        binary_call_f64 call = {.kernels = &binary_reference_f64, .type = type, .operation = operation};
        yk_layout_run(&layout, piece, binary_row_f64, &call);
    } else {
        binary_call_f32 call = {.kernels = kernels_f32(), .type = type, .operation = operation};
        yk_layout_run(&layout, piece, binary_row_f32, &call);
    }
    return true;
}

void yk_compare(yk_comparison comparison, yk_dtype type, int rank, const intptr_t *shape, void *out,
                const intptr_t *out_strides, const void *a, const intptr_t *a_strides, const void *b,
                const intptr_t *b_strides) {
    const int64_t size = yk_dtype_size(type);
    yk_layout layout;
    yk_layout_begin(&layout, rank, shape);
    yk_layout_add(&layout, out, out_strides, 1);
    yk_layout_add(&layout, a, a_strides, size);
    yk_layout_add(&layout, b, b_strides, size);
    if (yk_layout_count(&layout) == 0) return;
    if (type == YK_F32 || type == YK_BF16) {
        binary_call_f32 call = {.type = type, .operation = comparison};
        yk_layout_run(&layout, BINARY_PIECE, compare_row_f32, &call);
    } else {
        binary_call_f64 call = {.type = type, .operation = comparison};
        yk_layout_run(&layout, BINARY_PIECE, compare_row_f64, &call);
    }
}

void yk_affine(yk_dtype type, void *out, const void *x, double scale, double shift, int64_t n) {
    if (n == 0) return;
    const intptr_t shape[1] = {n}, strides[1] = {1};
    yk_layout layout;
    yk_layout_begin(&layout, 1, shape);
    yk_layout_add(&layout, out, strides, yk_dtype_size(type));
    yk_layout_add(&layout, x, strides, yk_dtype_size(type));
    if (type == YK_F64) {
        binary_call_f64 call = {.kernels = &binary_reference_f64, .type = type, .scale = scale, .shift = shift};
        yk_layout_run(&layout, BINARY_PIECE, affine_row_f64, &call);
    } else {
        binary_call_f32 call = {
            .kernels = kernels_f32(), .type = type, .scale = (float)scale, .shift = (float)shift};
        yk_layout_run(&layout, BINARY_PIECE, affine_row_f32, &call);
    }
}

typedef struct accumulate_call {
    char *y;
    const char *x;
    yk_dtype y_type, x_type;
    double alpha;
    const binary_kernels_f32 *kernels;
} accumulate_call;

static void accumulate_range_f32(void *context, int64_t first, int64_t count) {
    const accumulate_call *c = context;
    const int64_t y_size = yk_dtype_size(c->y_type), x_size = yk_dtype_size(c->x_type);
    const bool in_place = c->y_type == YK_F32 && c->x_type == YK_F32;
    const int64_t length = in_place ? count : YK_BLOCK;
    float y_buffer[YK_BLOCK], x_buffer[YK_BLOCK];
    for (int64_t i = first; i < first + count; i += length) {
        const int64_t m = first + count - i < length ? first + count - i : length;
        char *to = c->y + i * y_size;
        float *y = (float *)read_block_f32(y_buffer, to, c->y_type, y_size, m);
        c->kernels->accumulate(y, read_block_f32(x_buffer, c->x + i * x_size, c->x_type, x_size, m), (float)c->alpha,
                               m);
        end_block_f32(to, y, c->y_type, y_size, m);
    }
}

static void accumulate_range_f64(void *context, int64_t first, int64_t count) {
    const accumulate_call *c = context;
    const int64_t y_size = yk_dtype_size(c->y_type), x_size = yk_dtype_size(c->x_type);
    double y[YK_BLOCK], x[YK_BLOCK];
    for (int64_t i = first; i < first + count; i += YK_BLOCK) {
        const int64_t m = first + count - i < YK_BLOCK ? first + count - i : YK_BLOCK;
        yk_read_f64(y, c->y + i * y_size, c->y_type, y_size, m);
        yk_read_f64(x, c->x + i * x_size, c->x_type, x_size, m);
        accumulate_f64(y, x, c->alpha, m);
        yk_write_f64(c->y + i * y_size, c->y_type, y_size, y, m);
    }
}

void yk_accumulate(void *y, yk_dtype y_type, const void *x, yk_dtype x_type, double alpha, int64_t n) {
    accumulate_call call = {
        .y = y, .x = x, .y_type = y_type, .x_type = x_type, .alpha = alpha, .kernels = kernels_f32()};
    const bool in_f64 = y_type == YK_F64 || x_type == YK_F64;
    yk_ranges(n, BINARY_PIECE, in_f64 ? accumulate_range_f64 : accumulate_range_f32, &call);
}
