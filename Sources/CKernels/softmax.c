#include "yk_softmax.h"

#include "typed.h"

#include <math.h>

typedef struct softmax_call {
    void *out;
    const void *a, *b; // x, or dy and y
    yk_dtype dtype;
    bool logarithm;
    int64_t N, n, rows_per_piece;
} softmax_call;

// The references, in double for every dtype.
static void softmax_row_scalar(void *out, const void *x, yk_dtype t, bool logarithm, int64_t n) {
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) {
        double v = yk_get(x, t, j);
        if (v > top) top = v;
    }
    for (int64_t j = 0; j < n; j++) sum += exp(yk_get(x, t, j) - top);
    const double log_sum = log(sum);
    for (int64_t j = 0; j < n; j++) {
        double d = yk_get(x, t, j) - top;
        yk_put(out, t, j, logarithm ? d - log_sum : exp(d) / sum);
    }
}

static void softmax_backward_row_scalar(void *dx, const void *dy, const void *y, yk_dtype t, bool logarithm,
                                        int64_t n) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += yk_get(dy, t, j) * (logarithm ? 1 : yk_get(y, t, j));
    for (int64_t j = 0; j < n; j++) {
        double g = yk_get(dy, t, j), v = yk_get(y, t, j);
        yk_put(dx, t, j, logarithm ? g - exp(v) * sum : (g - sum) * v);
    }
}

#define YK_BODY "softmax_body.h"
#include "instantiate.h"

static void softmax_piece(void *context, int64_t piece) {
    const softmax_call *c = context;
    int64_t end = (piece + 1) * c->rows_per_piece;
    if (end > c->N) end = c->N;
    for (int64_t row = piece * c->rows_per_piece; row < end; row++) {
        void *out = yk_at(c->out, c->dtype, row * c->n);
        const void *a = yk_const_at(c->a, c->dtype, row * c->n), *b = yk_const_at(c->b, c->dtype, row * c->n);
        if (b) {
            if (c->dtype == YK_F64) softmax_backward_row_scalar(out, a, b, YK_F64, c->logarithm, c->n);
            else YK_DISPATCH(softmax_backward_row, out, a, b, c->dtype, c->logarithm, c->n);
        } else {
            if (c->dtype == YK_F64) softmax_row_scalar(out, a, YK_F64, c->logarithm, c->n);
            else YK_DISPATCH(softmax_row, out, a, c->dtype, c->logarithm, c->n);
        }
    }
}

static void run(softmax_call call) {
    if (call.n == 0) return;
    call.rows_per_piece = yk_rows_per_piece(call.n, 16384);
    yk_parallel((call.N + call.rows_per_piece - 1) / call.rows_per_piece, softmax_piece, &call);
}

void yk_softmax(void *out, const void *x, yk_dtype dtype, bool logarithm, int64_t N, int64_t n) {
    run((softmax_call){.out = out, .a = x, .dtype = dtype, .logarithm = logarithm, .N = N, .n = n});
}

void yk_softmax_backward(void *dx, const void *dy, const void *y, yk_dtype dtype, bool logarithm, int64_t N,
                         int64_t n) {
    run((softmax_call){.out = dx, .a = dy, .b = y, .dtype = dtype, .logarithm = logarithm, .N = N, .n = n});
}
