// The reference of an epilogue's gradient: included once with REAL = float and once with REAL = double, NAME(x) giving
// each its suffix.

static REAL NAME(slope)(yk_activation activation, REAL x) {
    switch (activation) {
    case YK_IDENTITY: return 1;
    case YK_RELU: return x > 0 ? 1 : 0;
    case YK_GELU:
        return (REAL)0.5 * (1 + MATH(erf)(x * (REAL)0.70710678118654752440))
               + x * (REAL)0.39894228040143267794 * MATH(exp)((REAL)-0.5 * x * x);
    case YK_GELU_TANH: {
        // ½(1 + tanh u) = sigmoid(2u), whose slope e/(1 + e)² does not cancel.
        REAL u2 = 2 * (REAL)0.79788456080286535588 * (x + (REAL)0.044715 * x * x * x);
        REAL inner = 2 * (REAL)0.79788456080286535588 * (1 + (REAL)0.134145 * x * x);
        REAL e = MATH(exp)(u2 < 0 ? u2 : -u2), r = 1 / (1 + e);
        return (u2 < 0 ? e * r : r) + x * e * r * r * inner;
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
