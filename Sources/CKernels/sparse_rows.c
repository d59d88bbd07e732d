// Plain loops over the columns of weights, which the compiler turns into vectors: the time goes into fetching rows.
#include "yk_sparse_rows.h"

enum { AHEAD = 8 };

static inline __attribute__((always_inline)) void row_product(double *restrict out, const yk_sparse_rows *rows,
                                                              const double *restrict weights, int64_t n, int64_t K) {
    const int64_t end = rows->starts[n + 1];
    for (int64_t i = rows->starts[n]; i < end; i++) {
        if (i + AHEAD < end) __builtin_prefetch(weights + rows->columns[i + AHEAD] * K);
        const double *restrict w = weights + rows->columns[i] * K;
        const double value = rows->values ? (double)rows->values[i] : 1;
        for (int64_t k = 0; k < K; k++) out[k] += value * w[k];
    }
}

static void any_product(double *out, const yk_sparse_rows *rows, const double *weights, int64_t n, int64_t K) {
    switch (K) {
    case 1: row_product(out, rows, weights, n, 1); break;
    case 2: row_product(out, rows, weights, n, 2); break;
    case 4: row_product(out, rows, weights, n, 4); break;
    default: row_product(out, rows, weights, n, K); break;
    }
}

void yk_sparse_products(double *out, const yk_sparse_rows *rows, const double *weights, const double *bias,
                        int64_t first, int64_t last, int64_t K) {
    for (int64_t n = first; n < last; n++) {
        double *row = out + n * K;
        for (int64_t k = 0; k < K; k++) row[k] = bias ? bias[k] : 0;
        any_product(row, rows, weights, n, K);
    }
}

void yk_sparse_sums(double *out, const yk_sparse_rows *rows, const double *addends, double scale, int64_t first,
                    int64_t last, int64_t K) {
    for (int64_t n = first; n < last; n++) {
        double *row = out + n * K;
        for (int64_t k = 0; k < K; k++) row[k] = 0;
        any_product(row, rows, addends, n, K);
        for (int64_t k = 0; k < K; k++) row[k] *= scale;
    }
}
