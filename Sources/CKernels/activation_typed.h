// The reference of the activations and their slopes: included once with REAL = float and once with REAL = double,
// NAME(x) giving each its suffix and MATH(x) the function of libm.

static inline REAL NAME(activate)(yk_activation activation, REAL x) {
    switch (activation) {
    case YK_IDENTITY: return x;
    case YK_RELU: return x < 0 ? 0 : x;
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

// sigmoid x, and its slope s(1 − s) without cancellation: with e = e^−|x| that is e/(1 + e)².
static inline REAL NAME(sigmoid_and_slope)(REAL x, REAL *slope) {
    const REAL e = MATH(exp)(-MATH(fabs)(x)), r = 1 / (1 + e);
    *slope = e * r * r;
    return x < 0 ? e * r : r;
}

static inline REAL NAME(activation_slope)(yk_activation activation, REAL x) {
    // Far out the slopes of GELU and SiLU are 0 or 1 exactly; NaN passes.
    const REAL c = x > 1000 ? 1000 : x < -1000 ? -1000 : x;
    REAL slope;
    switch (activation) {
    case YK_IDENTITY: break;
    case YK_RELU: return x > 0 ? 1 : 0;
    case YK_GELU:
        return (REAL)0.5 * (1 + MATH(erf)(x * (REAL)0.70710678118654752440))
               + c * (REAL)0.39894228040143267794 * MATH(exp)((REAL)-0.5 * c * c);
    case YK_GELU_TANH: {
        const REAL twice = 2 * (REAL)0.79788456080286535588;
        const REAL gate = NAME(sigmoid_and_slope)(twice * (c + (REAL)0.044715 * c * c * c), &slope);
        return gate + c * slope * twice * (1 + (REAL)0.134145 * c * c);
    }
    case YK_SILU: {
        const REAL s = NAME(sigmoid_and_slope)(c, &slope);
        return s + c * slope;
    }
    case YK_TANH: {
        const REAL t = MATH(tanh)(x);
        return 1 - t * t;
    }
    case YK_SIGMOID: NAME(sigmoid_and_slope)(x, &slope); return slope;
    }
    return 1;
}
