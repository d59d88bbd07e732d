// Products of sparse rows with a small number of columns of weights, for linear models of text.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// Sparse rows: row n holds values[i] in column columns[i] for starts[n] <= i < starts[n + 1].
typedef struct yk_sparse_rows {
    const int64_t *starts;
    const int32_t *columns;
    const float *values; // NULL: all are 1
} yk_sparse_rows;

// out[n][k] = bias[k] + Σ_i values[i] · weights[columns[i]][k] for the rows first ..< last; bias may be NULL.
void yk_sparse_products(double *out, const yk_sparse_rows *rows, const double *weights, const double *bias,
                        int64_t first, int64_t last, int64_t K);

// The same with a factor: out[n][k] = scale · Σ …, for gradients by the transposed rows.
void yk_sparse_sums(double *out, const yk_sparse_rows *rows, const double *addends, double scale, int64_t first,
                    int64_t last, int64_t K);

#ifdef __cplusplus
}
#endif
