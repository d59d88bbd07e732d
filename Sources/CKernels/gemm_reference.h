// The reference of the matrix products: included once with REAL = float and once with REAL = double, NAME(x) giving
// each its suffix.

static REAL NAME(activate)(yk_activation activation, REAL x) {
    switch (activation) {
    case YK_IDENTITY: return x;
    case YK_RELU: return x > 0 ? x : x != x ? x : 0;
    case YK_GELU: return (REAL)0.5 * x * (1 + MATH(erf)(x * (REAL)0.70710678118654752440));
    case YK_GELU_TANH:
        return (REAL)0.5 * x
               * (1 + MATH(tanh)((REAL)0.79788456080286535588 * (x + (REAL)0.044715 * x * x * x)));
    case YK_SILU: return x / (1 + MATH(exp)(-x));
    case YK_TANH: return MATH(tanh)(x);
    case YK_SIGMOID: return 1 / (1 + MATH(exp)(-x));
    }
    return x;
}

static REAL NAME(slope)(yk_activation activation, REAL x) {
    switch (activation) {
    case YK_IDENTITY: return 1;
    case YK_RELU: return x > 0 ? 1 : 0;
    case YK_GELU:
        return (REAL)0.5 * (1 + MATH(erf)(x * (REAL)0.70710678118654752440))
               + x * (REAL)0.39894228040143267794 * MATH(exp)((REAL)-0.5 * x * x);
    case YK_GELU_TANH: {
        REAL t = MATH(tanh)((REAL)0.79788456080286535588 * (x + (REAL)0.044715 * x * x * x));
        REAL inner = (REAL)0.79788456080286535588 * (1 + (REAL)0.134145 * x * x);
        return (REAL)0.5 * (1 + t) + (REAL)0.5 * x * (1 - t * t) * inner;
    }
    case YK_SILU: {
        REAL s = 1 / (1 + MATH(exp)(-x));
        return s * (1 + x * (1 - s));
    }
    case YK_TANH: {
        REAL t = MATH(tanh)(x);
        return 1 - t * t;
    }
    case YK_SIGMOID: {
        REAL s = 1 / (1 + MATH(exp)(-x));
        return s * (1 - s);
    }
    }
    return 1;
}

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
            for (int64_t j = 0; j < REFERENCE_COLUMNS; j++) sums[j] += a[k] * b[k * REFERENCE_COLUMNS + j];
        for (int64_t j = 0; j < width; j++) {
            REAL v = (REAL)g->alpha * sums[j];
            if (g->bias) v += (REAL)yk_get(g->bias, g->bias_type, j0 + j);
            if (g->pre) yk_put(g->pre, g->c_type, batch * g->pre_batch + i * g->pre_row + j0 + j, v);
            v = NAME(activate)(g->activation, v);
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

// One block of rows of the activation's gradient; sums receives the sums of its columns.
static void NAME(backward_block)(const backward_call *call, int64_t first, int64_t rows, void *sums_out) {
    REAL *sums = sums_out;
    const int64_t n = call->n;
    for (int64_t j = 0; sums && j < n; j++) sums[j] = 0;
    for (int64_t i = first; i < first + rows; i++)
        for (int64_t j = 0; j < n; j++) {
            REAL d = (REAL)yk_get(call->dy, call->dy_type, i * n + j);
            if (call->activation != YK_IDENTITY)
                d *= NAME(slope)(call->activation, (REAL)yk_get(call->pre, call->pre_type, i * n + j));
            if (call->dx) yk_put(call->dx, call->dx_type, i * n + j, d);
            if (sums) sums[j] += d;
        }
}
