#include "convert.h"
#include "layout.h"
#include "typed.h"
#include "yk_reductions.h"

#include <math.h>

enum {
    SUM = 0,
    LARGEST,
    SMALLEST,
    KINDS,
    COLUMNS = 256,   // columns that are reduced together
    BLOCK_ROWS = 32, // rows of a block of columns
    LEVELS = 32,     // of the pairwise joining: 2³² blocks
    SEGMENT = 65536, // elements of one sequence of blocks
};

#define REAL float
#define NAME(x) x##_f32
#include "blocks.h"
#include "reduce_typed.h"
#undef REAL
#undef NAME
#define REAL double
#define NAME(x) x##_f64
#include "blocks.h"
#include "reduce_typed.h"
#undef REAL
#undef NAME

static void reduce_table_scalar(const reduce_kernels_f32 **kernels) { *kernels = &reduce_reference_f32; }
static void find_above_scalar(int64_t (**find)(const float *, int64_t, float)) { *find = NULL; }

static void squares_scalar(double *sum, const void *x, yk_dtype type, int64_t first, int64_t n) {
    double parts[8] = {0};
    for (int64_t i = 0; i < n; i++) {
        const double v = yk_get(x, type, first + i);
        parts[i % 8] += v * v;
    }
    *sum = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

static void non_finite_scalar(int64_t *at, const void *x, yk_dtype type, int64_t first, int64_t n) {
    int64_t i = first;
    while (i < first + n && isfinite(yk_get(x, type, i))) i++;
    *at = i < first + n ? i : -1;
}

#define YK_BODY "reduce_body.h"
#include "instantiate.h"

void yk_reduce(yk_reduction reduction, yk_dtype type, void *out, const void *x, int64_t A, int64_t n, int64_t C) {
    if (A == 0 || C == 0) return;
    if (n == 0) {
        const double value = reduction == YK_MAX ? -INFINITY : reduction == YK_MIN ? INFINITY : 0;
        for (int64_t i = 0; i < A * C; i++) yk_put(out, type, i, value);
        return;
    }
    if (type == YK_F64) {
        reduce_f64(&reduce_reference_f64, reduction, type, out, x, A, n, C);
        return;
    }
    const reduce_kernels_f32 *kernels;
    YK_DISPATCH(reduce_table, &kernels);
    reduce_f32(kernels, reduction, type, out, x, A, n, C);
}

static void run_rows(void *values, int32_t *indices, const void *x, yk_dtype type, int64_t N, int64_t n, int64_t k) {
    const int64_t rows = yk_rows_per_piece(n, SEGMENT / 2), pieces = (N + rows - 1) / rows;
    if (type == YK_F64) {
        row_call_f64 c = {.kernels = &reduce_reference_f64, .x = x, .type = type, .N = N, .n = n, .k = k};
        c.rows_per_piece = rows, c.values = values, c.indices = indices;
        yk_parallel(pieces, values ? top_piece_f64 : argmax_piece_f64, &c);
        return;
    }
    row_call_f32 c = {.x = x, .type = type, .N = N, .n = n, .k = k};
    c.rows_per_piece = rows, c.values = values, c.indices = indices;
    YK_DISPATCH(reduce_table, &c.kernels);
    YK_DISPATCH(find_above, &c.first_above);
    yk_parallel(pieces, values ? top_piece_f32 : argmax_piece_f32, &c);
}

void yk_argmax(int32_t *out, const void *x, yk_dtype type, int64_t N, int64_t n) {
    if (N > 0) run_rows(NULL, out, x, type, N, n, 1);
}

void yk_top_k(void *values, int32_t *indices, const void *x, yk_dtype type, int64_t N, int64_t n, int64_t k) {
    if (N > 0 && k > 0) run_rows(values, indices, x, type, N, n, k);
}

// ---- Whole tensors ----

typedef struct scan_call {
    const void *x;
    yk_dtype type;
    double *sums;
    int64_t *places;
} scan_call;

static void squares_range(void *context, int64_t first, int64_t n) {
    const scan_call *c = context;
    double *sum = &c->sums[first / SEGMENT];
    if (c->type == YK_F64) squares_scalar(sum, c->x, c->type, first, n);
    else YK_DISPATCH(squares, sum, c->x, c->type, first, n);
}

double yk_sum_of_squares(const void *x, yk_dtype type, int64_t n) {
    if (n == 0) return 0;
    const int64_t pieces = (n + SEGMENT - 1) / SEGMENT;
    scan_call c = {.x = x, .type = type, .sums = yk_scratch(3, (size_t)pieces * sizeof(double))};
    yk_ranges(n, SEGMENT, squares_range, &c);
    cascade_f64 sum;
    sum.count = 0;
    for (int64_t i = 0; i < pieces; i++) cascade_add_f64(&sum, SUM, c.sums[i]);
    return cascade_end_f64(&sum, SUM);
}

static void non_finite_range(void *context, int64_t first, int64_t n) {
    const scan_call *c = context;
    int64_t *place = &c->places[first / SEGMENT];
    if (c->type == YK_F64) non_finite_scalar(place, c->x, c->type, first, n);
    else YK_DISPATCH(non_finite, place, c->x, c->type, first, n);
}

int64_t yk_first_non_finite(const void *x, yk_dtype type, int64_t n) {
    if (n == 0) return -1;
    const int64_t pieces = (n + SEGMENT - 1) / SEGMENT;
    scan_call c = {.x = x, .type = type, .places = yk_scratch(3, (size_t)pieces * sizeof(int64_t))};
    yk_ranges(n, SEGMENT, non_finite_range, &c);
    for (int64_t i = 0; i < pieces; i++)
        if (c.places[i] >= 0) return c.places[i];
    return -1;
}
