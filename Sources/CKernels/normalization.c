#include "yk_normalization.h"

#include "typed.h"

#include <math.h>
#include <stdlib.h>

// The references, in double for every dtype.
static void normalization_forward_scalar(const yk_normalization_forward_call *c, int64_t first,
                                         int64_t last) {
    const int64_t D = c->D;
    const yk_dtype statistics = yk_accumulation(c->x.dtype);
    for (int64_t row = first; row < last; row++) {
        const int64_t at = row * D;
        yk_typed v = c->x;
        if (c->residual.address) {
            for (int64_t i = at; i < at + D; i++)
                yk_put(c->sum.address, c->sum.dtype, i,
                       yk_get(c->x.address, c->x.dtype, i) +
                           yk_get(c->residual.address, c->residual.dtype, i));
            v = c->sum;
        }
        double mean = 0, squares = 0;
        if (c->mean) {
            for (int64_t i = at; i < at + D; i++) mean += yk_get(v.address, v.dtype, i);
            mean /= (double)D;
            yk_put(c->mean, statistics, row, mean);
        }
        for (int64_t i = at; i < at + D; i++) {
            double d = yk_get(v.address, v.dtype, i) - mean;
            squares += d * d;
        }
        const double rstd = 1 / sqrt(squares / (double)D + c->epsilon);
        yk_put(c->rstd, statistics, row, rstd);
        for (int64_t i = 0; i < D; i++) {
            double n = (yk_get(v.address, v.dtype, at + i) - mean) * rstd;
            if (c->weight.address) n *= yk_get(c->weight.address, c->weight.dtype, i);
            if (c->bias.address) n += yk_get(c->bias.address, c->bias.dtype, i);
            yk_put(c->y.address, c->y.dtype, at + i, n);
        }
    }
}

static void normalization_backward_scalar(const yk_normalization_backward_call *c, void *partial,
                                          int64_t first, int64_t last) {
    const int64_t D = c->D;
    const yk_dtype statistics = yk_accumulation(c->x.dtype);
    double *dweight = partial, *dbias = dweight + D;
    memset(partial, 0, (size_t)(2 * D) * sizeof(double));
    for (int64_t row = first; row < last; row++) {
        const int64_t at = row * D;
        const double mean = c->mean ? yk_get(c->mean, statistics, row) : 0,
                     rstd = yk_get(c->rstd, statistics, row);
        double sum1 = 0, sum2 = 0;
        for (int64_t i = 0; i < D; i++) {
            double g = yk_get(c->dy.address, c->dy.dtype, at + i);
            double n = (yk_get(c->x.address, c->x.dtype, at + i) - mean) * rstd;
            double gw = c->weight.address ? g * yk_get(c->weight.address, c->weight.dtype, i) : g;
            sum1 += gw;
            sum2 += gw * n;
            dweight[i] += g * n;
            dbias[i] += g;
        }
        const double mean1 = c->mean ? sum1 / (double)D : 0, mean2 = sum2 / (double)D;
        for (int64_t i = 0; i < D; i++) {
            double g = yk_get(c->dy.address, c->dy.dtype, at + i);
            double n = (yk_get(c->x.address, c->x.dtype, at + i) - mean) * rstd;
            double gw = c->weight.address ? g * yk_get(c->weight.address, c->weight.dtype, i) : g;
            double d = rstd * (gw - mean1 - n * mean2);
            if (c->added.address) d += yk_get(c->added.address, c->added.dtype, at + i);
            yk_put(c->dx.address, c->dx.dtype, at + i, d);
        }
    }
}

#define YK_BODY "normalization_body.h"
#include "instantiate.h"

enum { PIECE_ELEMENTS = 16384, MOST_PARTIALS = 64, COLUMNS = 512 };

// ---- Forward ----

typedef struct forward_context {
    const yk_normalization_forward_call *call;
    int64_t rows_per_piece;
} forward_context;

static void forward_piece(void *context, int64_t piece) {
    const forward_context *f = context;
    const int64_t first = piece * f->rows_per_piece;
    const int64_t last = first + f->rows_per_piece < f->call->N ? first + f->rows_per_piece : f->call->N;
    if (f->call->x.dtype == YK_F64) normalization_forward_scalar(f->call, first, last);
    else YK_DISPATCH(normalization_forward, f->call, first, last);
}

void yk_normalization_forward(const yk_normalization_forward_call *call) {
    forward_context f = {.call = call, .rows_per_piece = yk_rows_per_piece(call->D, PIECE_ELEMENTS)};
    yk_parallel((call->N + f.rows_per_piece - 1) / f.rows_per_piece, forward_piece, &f);
}

// ---- Backward: pieces of rows with sums of their own, then the sums over the pieces in their order ----

typedef struct backward_context {
    const yk_normalization_backward_call *call;
    int64_t rows_per_piece, pieces;
    bool wide;      // partial sums in double
    void *partials; // [pieces, 2, D]
} backward_context;

static void backward_piece(void *context, int64_t piece) {
    const backward_context *b = context;
    const int64_t first = piece * b->rows_per_piece, D = b->call->D;
    const int64_t last = first + b->rows_per_piece < b->call->N ? first + b->rows_per_piece : b->call->N;
    void *partial = (char *)b->partials + piece * 2 * D * (b->wide ? 8 : 4);
    if (b->call->x.dtype == YK_F64) normalization_backward_scalar(b->call, partial, first, last);
    else YK_DISPATCH(normalization_backward, b->call, partial, first, last);
}

// Adds the columns first..<last of all pieces, in double, in the order of the pieces.
static void add_partials(const backward_context *b, void *out, int64_t offset, int64_t first, int64_t last) {
    const yk_normalization_backward_call *c = b->call;
    const yk_dtype t = yk_accumulation(c->x.dtype);
    double sums[COLUMNS] = {0};
    if (!out) return;
    for (int64_t p = 0; p < b->pieces; p++) {
        const int64_t at = p * 2 * c->D + offset + first;
        const double *wide = (const double *)b->partials + at;
        const float *narrow = (const float *)b->partials + at;
        if (b->wide)
            for (int64_t i = 0; i < last - first; i++) sums[i] += wide[i];
        else
            for (int64_t i = 0; i < last - first; i++) sums[i] += (double)narrow[i];
    }
    for (int64_t i = first; i < last; i++) {
        double sum = sums[i - first];
        yk_put(out, t, i, c->accumulate ? yk_get(out, t, i) + sum : sum);
    }
}

static void columns_piece(void *context, int64_t piece) {
    const backward_context *b = context;
    const int64_t first = piece * COLUMNS;
    const int64_t last = first + COLUMNS < b->call->D ? first + COLUMNS : b->call->D;
    add_partials(b, b->call->dweight, 0, first, last);
    add_partials(b, b->call->dbias, b->call->D, first, last);
}

void yk_normalization_backward(const yk_normalization_backward_call *call) {
    backward_context b = {.call = call, .rows_per_piece = yk_rows_per_piece(call->D, PIECE_ELEMENTS)};
    if (b.rows_per_piece * MOST_PARTIALS < call->N)
        b.rows_per_piece = (call->N + MOST_PARTIALS - 1) / MOST_PARTIALS;
    b.pieces = (call->N + b.rows_per_piece - 1) / b.rows_per_piece;
    b.wide = call->x.dtype == YK_F64 || yk_active_kernel_set() == YK_SCALAR;
    b.partials = yk_scratch(1, (size_t)(b.pieces * 2 * call->D) * sizeof(double));
    yk_parallel(b.pieces, backward_piece, &b);
    if (call->dweight || call->dbias) yk_parallel((call->D + COLUMNS - 1) / COLUMNS, columns_piece, &b);
}
