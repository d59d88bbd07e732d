// The reference of the functions of one value, and the walk over their operands. Included with REAL = float and
// REAL = double; NAME(x) gives each its suffix, MATH(x) the function of libm.

typedef struct NAME(unary_kernels) {
    void (*forward[YK_UNARY_OPERATIONS])(REAL *out, const REAL *x, int64_t n);
    void (*backward[YK_UNARY_OPERATIONS])(REAL *dx, const REAL *dy, const REAL *x, const REAL *y, int64_t n);
    void (*gated[YK_ACTIVATIONS])(REAL *out, const REAL *gate, const REAL *value, int64_t n);
    void (*gated_backward[YK_ACTIVATIONS])(REAL *dgate, REAL *dvalue, const REAL *dy, const REAL *gate,
                                           const REAL *value, int64_t n);
} NAME(unary_kernels);

static inline REAL NAME(logistic)(REAL x) { return 1 / (1 + MATH(exp)(-x)); }
static inline REAL NAME(gauss)(REAL x) { return (REAL)0.5 * MATH(erfc)(x * (REAL)-0.70710678118654752440); }
static inline REAL NAME(gelu_gate)(REAL x) {
    return NAME(logistic)(x * (x * x * (REAL)0.071354816272600247 + (REAL)1.5957691216057307));
}
// Beyond ±50 these slopes are 0 or 1 exactly.
static inline REAL NAME(gelu_slope)(REAL x) {
    if (MATH(fabs)(x) > 50) return x > 0 ? 1 : 0;
    return NAME(gauss)(x) + x * (REAL)0.39894228040143267794 * MATH(exp)((REAL)-0.5 * x * x);
}
static inline REAL NAME(gelu_tanh_slope)(REAL x) {
    if (MATH(fabs)(x) > 50) return x > 0 ? 1 : 0;
    REAL gate = NAME(gelu_gate)(x);
    return gate + x * ((REAL)0.21406444881780074 * x * x + (REAL)1.5957691216057307) * (gate * (1 - gate));
}
static inline REAL NAME(silu_slope)(REAL x) {
    REAL s = NAME(logistic)(x);
    return s * (1 + x * (1 - s));
}

// A function and its derivative from x and y = f(x), with the loops over both.
#define FUNCTION(name, value, slope)                                                                           \
    static inline REAL NAME(f_##name)(REAL x) { return value; }                                                \
    static inline REAL NAME(d_##name)(REAL x, REAL y) {                                                        \
        (void)x, (void)y;                                                                                      \
        return slope;                                                                                          \
    }                                                                                                          \
    static __attribute__((unused)) void NAME(forward_##name)(REAL *out, const REAL *x, int64_t n) {            \
        for (int64_t i = 0; i < n; i++) out[i] = NAME(f_##name)(x[i]);                                         \
    }                                                                                                          \
    static __attribute__((unused)) void NAME(backward_##name)(REAL *dx, const REAL *dy, const REAL *x,         \
                                                              const REAL *y, int64_t n) {                      \
        for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * NAME(d_##name)(x[i], y[i]);                            \
    }
FUNCTION(identity, x, 1)
FUNCTION(negate, -x, -1)
FUNCTION(absolute, MATH(fabs)(x), x > 0 ? 1 : x < 0 ? -1 : x)
FUNCTION(exp, MATH(exp)(x), y)
FUNCTION(log, MATH(log)(x), 1 / x)
FUNCTION(sqrt, MATH(sqrt)(x), (REAL)0.5 / y)
FUNCTION(reciprocal_sqrt, 1 / MATH(sqrt)(x), (REAL)-0.5 * y * y * y)
FUNCTION(reciprocal, 1 / x, -y * y)
FUNCTION(square, x * x, 2 * x)
FUNCTION(sin, MATH(sin)(x), MATH(cos)(x))
FUNCTION(cos, MATH(cos)(x), -MATH(sin)(x))
FUNCTION(tanh, MATH(tanh)(x), 1 - y * y)
FUNCTION(sigmoid, NAME(logistic)(x), y * (1 - y))
FUNCTION(relu, x < 0 ? 0 : x, x > 0 ? 1 : 0)
FUNCTION(gelu, x * NAME(gauss)(x), NAME(gelu_slope)(x))
FUNCTION(gelu_tanh, x * NAME(gelu_gate)(x), NAME(gelu_tanh_slope)(x))
FUNCTION(silu, x / (1 + MATH(exp)(-x)), NAME(silu_slope)(x))
FUNCTION(softplus, (x < 0 ? 0 : x) + MATH(log1p)(MATH(exp)(-MATH(fabs)(x))), NAME(logistic)(x))
FUNCTION(sign, x > 0 ? 1 : x < 0 ? -1 : x, 0)
FUNCTION(erf, MATH(erf)(x), (REAL)1.1283791670955125739 * MATH(exp)(-x * x))
#undef FUNCTION

#define GATED(name)                                                                                            \
    static void NAME(gated_##name)(REAL *out, const REAL *gate, const REAL *value, int64_t n) {                \
        for (int64_t i = 0; i < n; i++) out[i] = NAME(f_##name)(gate[i]) * value[i];                           \
    }                                                                                                          \
    static void NAME(gated_backward_##name)(REAL *dgate, REAL *dvalue, const REAL *dy, const REAL *gate,       \
                                            const REAL *value, int64_t n) {                                    \
        for (int64_t i = 0; i < n; i++) {                                                                      \
            REAL x = gate[i], y = NAME(f_##name)(x), d = dy[i];                                                \
            dgate[i] = d * value[i] * NAME(d_##name)(x, y);                                                    \
            dvalue[i] = d * y;                                                                                 \
        }                                                                                                      \
    }
YK_ACTIVATION_LIST(GATED)
#undef GATED

#define ENTRY(name) NAME(forward_##name),
#define BACKWARD_ENTRY(name) NAME(backward_##name),
#define GATED_ENTRY(name) NAME(gated_##name),
#define GATED_BACKWARD_ENTRY(name) NAME(gated_backward_##name),
static const NAME(unary_kernels) NAME(unary_reference) = {
    {YK_UNARY_LIST(ENTRY)},
    {YK_UNARY_LIST(BACKWARD_ENTRY)},
    {YK_ACTIVATION_LIST(GATED_ENTRY)},
    {YK_ACTIVATION_LIST(GATED_BACKWARD_ENTRY)},
};
#undef ENTRY
#undef BACKWARD_ENTRY
#undef GATED_ENTRY
#undef GATED_BACKWARD_ENTRY

typedef struct NAME(unary_call) {
    const NAME(unary_kernels) *kernels;
    yk_dtype type;
    int operation;
} NAME(unary_call);

static void NAME(forward_row)(void *context, char *const *data, const int64_t *s, int64_t n) {
    const NAME(unary_call) *c = context;
    REAL x[YK_BLOCK], out[YK_BLOCK];
    const int64_t length = NAME(block_length)(c->type, s, 2, n);
    for (int64_t i = 0; i < n; i += length) {
        const int64_t m = n - i < length ? n - i : length;
        char *to = data[0] + i * s[0];
        REAL *block = NAME(begin_block)(out, to, c->type, s[0]);
        c->kernels->forward[c->operation](block, NAME(read_block)(x, data[1] + i * s[1], c->type, s[1], m), m);
        NAME(end_block)(to, block, c->type, s[0], m);
    }
}

// Operands dx, dy and what the derivative is made of: x or y.
static void NAME(backward_row)(void *context, char *const *data, const int64_t *s, int64_t n) {
    const NAME(unary_call) *c = context;
    REAL dy[YK_BLOCK], saved[YK_BLOCK], dx[YK_BLOCK];
    const int64_t length = NAME(block_length)(c->type, s, 3, n);
    for (int64_t i = 0; i < n; i += length) {
        const int64_t m = n - i < length ? n - i : length;
        char *to = data[0] + i * s[0];
        REAL *block = NAME(begin_block)(dx, to, c->type, s[0]);
        const REAL *argument = NAME(read_block)(saved, data[2] + i * s[2], c->type, s[2], m);
        c->kernels->backward[c->operation](block, NAME(read_block)(dy, data[1] + i * s[1], c->type, s[1], m),
                                           argument, argument, m);
        NAME(end_block)(to, block, c->type, s[0], m);
    }
}

static void NAME(gated_row)(void *context, char *const *data, const int64_t *s, int64_t n) {
    const NAME(unary_call) *c = context;
    REAL gate[YK_BLOCK], value[YK_BLOCK], out[YK_BLOCK];
    const int64_t length = NAME(block_length)(c->type, s, 3, n);
    for (int64_t i = 0; i < n; i += length) {
        const int64_t m = n - i < length ? n - i : length;
        char *to = data[0] + i * s[0];
        REAL *block = NAME(begin_block)(out, to, c->type, s[0]);
        c->kernels->gated[c->operation](block, NAME(read_block)(gate, data[1] + i * s[1], c->type, s[1], m),
                                        NAME(read_block)(value, data[2] + i * s[2], c->type, s[2], m), m);
        NAME(end_block)(to, block, c->type, s[0], m);
    }
}

static void NAME(gated_backward_row)(void *context, char *const *data, const int64_t *s, int64_t n) {
    const NAME(unary_call) *c = context;
    REAL dy[YK_BLOCK], gate[YK_BLOCK], value[YK_BLOCK], dgate[YK_BLOCK], dvalue[YK_BLOCK];
    const int64_t length = NAME(block_length)(c->type, s, 5, n);
    for (int64_t i = 0; i < n; i += length) {
        const int64_t m = n - i < length ? n - i : length;
        char *to_gate = data[0] + i * s[0], *to_value = data[1] + i * s[1];
        REAL *gate_block = NAME(begin_block)(dgate, to_gate, c->type, s[0]);
        REAL *value_block = NAME(begin_block)(dvalue, to_value, c->type, s[1]);
        c->kernels->gated_backward[c->operation](
            gate_block, value_block, NAME(read_block)(dy, data[2] + i * s[2], c->type, s[2], m),
            NAME(read_block)(gate, data[3] + i * s[3], c->type, s[3], m),
            NAME(read_block)(value, data[4] + i * s[4], c->type, s[4], m), m);
        NAME(end_block)(to_gate, gate_block, c->type, s[0], m);
        NAME(end_block)(to_value, value_block, c->type, s[1], m);
    }
}
