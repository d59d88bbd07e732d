// The reference of the matrix products: included once with REAL = float and once with REAL = double, NAME(x) giving
// each its suffix.
#include "activation_typed.h"

// One piece: 64 columns of one product of the batch.
static void NAME(columns)(void *context, int64_t piece) {
    const yk_gemm_call *g = context;
    const int64_t blocks = (g->n + REFERENCE_COLUMNS - 1) / REFERENCE_COLUMNS, batch = piece / blocks;
    const int64_t j0 = piece % blocks * REFERENCE_COLUMNS;
    const int64_t width = g->n - j0 < REFERENCE_COLUMNS ? g->n - j0 : REFERENCE_COLUMNS;
    REAL *b = yk_scratch(0, sizeof(REAL) * (size_t)(g->k * REFERENCE_COLUMNS));
    REAL *a = yk_scratch(1, sizeof(REAL) * (size_t)g->k);
    for (int64_t k = 0; k < g->k; k++)
        for (int64_t j = 0; j < REFERENCE_COLUMNS; j++)
            b[k * REFERENCE_COLUMNS + j] =
                j < width
                    ? (REAL)yk_get(g->b, g->type, batch * g->b_batch + k * g->b_row + (j0 + j) * g->b_column)
                    : 0;
    for (int64_t i = 0; i < g->m; i++) {
        REAL sums[REFERENCE_COLUMNS] = {0};
        for (int64_t k = 0; k < g->k; k++)
            a[k] = (REAL)yk_get(g->a, g->type, batch * g->a_batch + i * g->a_row + k * g->a_column);
        for (int64_t k = 0; k < g->k; k++)
            for (int64_t j = 0; j < width; j++) sums[j] += a[k] * b[k * REFERENCE_COLUMNS + j];
        for (int64_t j = 0; j < width; j++) {
            REAL v = (REAL)g->alpha * sums[j];
            if (g->bias) v += (REAL)yk_get(g->bias, g->bias_type, j0 + j);
            if (g->pre) yk_put(g->pre, g->c_type, batch * g->pre_batch + i * g->pre_row + j0 + j, v);
            if (g->slope) {
                const REAL x =
                    (REAL)yk_get(g->slope, g->c_type, batch * g->slope_batch + i * g->slope_row + j0 + j);
                if (g->activated)
                    yk_put(g->activated, g->c_type,
                           batch * g->activated_batch + i * g->activated_row + j0 + j,
                           NAME(activate)(g->activation, x));
                v *= NAME(activation_slope)(g->activation, x);
            } else {
                v = NAME(activate)(g->activation, v);
            }
            if (g->residual)
                v += (REAL)yk_get(g->residual, g->residual_type,
                               batch * g->residual_batch + i * g->residual_row + j0 + j);
            const int64_t at = batch * g->c_batch + i * g->c_row + j0 + j;
            if (g->accumulate) v += (REAL)yk_get(g->c, g->c_type, at);
            yk_put(g->c, g->c_type, at, v);
        }
    }
}

static void NAME(gemm)(const yk_gemm_call *g) {
    yk_parallel(g->batch * ((g->n + REFERENCE_COLUMNS - 1) / REFERENCE_COLUMNS), NAME(columns), (void *)g);
}
