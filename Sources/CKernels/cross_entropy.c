#include "yk_cross_entropy.h"

#include "typed.h"

#include <math.h>

typedef struct cross_entropy_call {
    void *losses, *gradient;
    const void *logits;
    const int32_t *targets;
    int64_t gradient_stride, logits_stride, N, V, rows_per_piece;
    yk_dtype gradient_dtype, dtype;
    int32_t ignore_index;
    float smoothing, gradient_scale;
} cross_entropy_call;

// The reference, in double for every dtype.
static void cross_entropy_row_scalar(const cross_entropy_call *c, int64_t row) {
    const int64_t V = c->V;
    const yk_dtype t = c->dtype;
    const void *x = yk_const_at(c->logits, t, row * c->logits_stride);
    const double s = c->smoothing, scale = c->gradient_scale;
    double top = -INFINITY, sum = 0, total = 0;
    for (int64_t j = 0; j < V; j++) {
        double v = yk_get(x, t, j);
        if (v > top) top = v;
    }
    for (int64_t j = 0; j < V; j++) {
        double d = yk_get(x, t, j) - top;
        sum += exp(d);
        total += d;
    }
    const double log_sum = log(sum), at_target = yk_get(x, t, c->targets[row]) - top;
    const double loss = (1 - s) * (log_sum - at_target) + (s != 0 ? s * (log_sum - total / (double)V) : 0);
    yk_put(c->losses, yk_accumulation(t), row, loss);
    if (!c->gradient) return;
    void *gradient = yk_at(c->gradient, c->gradient_dtype, row * c->gradient_stride);
    for (int64_t j = 0; j < V; j++) {
        double wanted = s / (double)V + (j == c->targets[row] ? 1 - s : 0);
        yk_put(gradient, c->gradient_dtype, j, scale * (exp(yk_get(x, t, j) - top) / sum - wanted));
    }
}

#define YK_BODY "cross_entropy_body.h"
#include "instantiate.h"

static void cross_entropy_piece(void *context, int64_t piece) {
    const cross_entropy_call *c = context;
    int64_t end = (piece + 1) * c->rows_per_piece;
    if (end > c->N) end = c->N;
    for (int64_t row = piece * c->rows_per_piece; row < end; row++) {
        if (c->targets[row] == c->ignore_index) {
            yk_put(c->losses, yk_accumulation(c->dtype), row, 0);
            void *gradient = yk_at(c->gradient, c->gradient_dtype, row * c->gradient_stride);
            if (gradient) memset(gradient, 0, (size_t)(c->V * yk_dtype_size(c->gradient_dtype)));
        } else if (c->dtype == YK_F64) {
            cross_entropy_row_scalar(c, row);
        } else {
            YK_DISPATCH(cross_entropy_row, c, row);
        }
    }
}

int64_t yk_check_targets(const int32_t *targets, int32_t ignore_index, int64_t N, int64_t V) {
    for (int64_t n = 0; n < N; n++)
        if (targets[n] != ignore_index && (targets[n] < 0 || targets[n] >= V)) return n;
    return -1;
}

void yk_cross_entropy(void *losses, void *gradient, int64_t gradient_stride, yk_dtype gradient_dtype,
                      const void *logits, int64_t logits_stride, yk_dtype dtype, const int32_t *targets,
                      int32_t ignore_index, float smoothing, float gradient_scale, int64_t N, int64_t V) {
    cross_entropy_call call = {
        .losses = losses,
        .gradient = gradient,
        .logits = logits,
        .targets = targets,
        .gradient_stride = gradient_stride,
        .logits_stride = logits_stride,
        .N = N,
        .V = V,
        .rows_per_piece = yk_rows_per_piece(V, 16384),
        .gradient_dtype = gradient_dtype,
        .dtype = dtype,
        .ignore_index = ignore_index,
        .smoothing = smoothing,
        .gradient_scale = gradient_scale,
    };
    yk_parallel((N + call.rows_per_piece - 1) / call.rows_per_piece, cross_entropy_piece, &call);
}
