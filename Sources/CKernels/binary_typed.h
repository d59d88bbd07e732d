// The reference of the functions of two values, and the walk over their operands. Included with REAL = float and
// REAL = double; NAME(x) gives each its suffix, MATH(x) the function of libm.

// Which operand is one value for the whole run.
typedef struct NAME(binary_kernels) {
    void (*operation[YK_BINARY_OPERATIONS])(REAL *out, const REAL *a, const REAL *b, bool one_a, bool one_b, int64_t n);
    void (*affine)(REAL *out, const REAL *x, REAL scale, REAL shift, int64_t n);
    void (*accumulate)(REAL *y, const REAL *x, REAL alpha, int64_t n);
} NAME(binary_kernels);

#define OPERATION(name, expression)                                                                            \
    static void NAME(op_##name)(REAL *out, const REAL *pa, const REAL *pb, bool one_a, bool one_b, int64_t n) {     \
        const REAL first_a = *pa, first_b = *pb;                                                               \
        for (int64_t i = 0; i < n; i++) {                                                                      \
            const REAL a = one_a ? first_a : pa[i], b = one_b ? first_b : pb[i];                               \
            out[i] = expression;                                                                               \
        }                                                                                                      \
    }
OPERATION(add, a + b)
OPERATION(subtract, a - b)
OPERATION(multiply, a *b)
OPERATION(divide, a / b)
OPERATION(maximum, a > b || a != a ? a : b)
OPERATION(minimum, a < b || a != a ? a : b)
OPERATION(power, MATH(pow)(a, b))
#undef OPERATION

static void NAME(affine)(REAL *out, const REAL *x, REAL scale, REAL shift, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] * scale + shift;
}
static void NAME(accumulate)(REAL *y, const REAL *x, REAL alpha, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] += x[i] * alpha;
}

#define ENTRY(name) NAME(op_##name),
static const NAME(binary_kernels) NAME(binary_reference) = {
    {YK_BINARY_LIST(ENTRY)},
    NAME(affine),
    NAME(accumulate),
};
#undef ENTRY

typedef struct NAME(binary_call) {
    const NAME(binary_kernels) *kernels;
    yk_dtype type, other_type;
    int operation;
    REAL scale, shift;
} NAME(binary_call);

static void NAME(binary_row)(void *context, char *const *data, const int64_t *s, int64_t n) {
    const NAME(binary_call) *c = context;
    REAL a[YK_BLOCK], b[YK_BLOCK], out[YK_BLOCK], value_a, value_b;
    const bool one_a = s[1] == 0, one_b = s[2] == 0;
    // Strides of the operands that are read in blocks.
    const int64_t steps[3] = {s[0], one_a ? (int64_t)sizeof(REAL) : s[1], one_b ? (int64_t)sizeof(REAL) : s[2]};
    const int64_t length = NAME(block_length)(c->type, steps, 3, n);
    const REAL *pa = one_a ? NAME(read_block)(&value_a, data[1], c->type, 0, 1) : NULL;
    const REAL *pb = one_b ? NAME(read_block)(&value_b, data[2], c->type, 0, 1) : NULL;
    for (int64_t i = 0; i < n; i += length) {
        const int64_t m = n - i < length ? n - i : length;
        char *to = data[0] + i * s[0];
        REAL *block = NAME(begin_block)(out, to, c->type, s[0]);
        const REAL *block_a = one_a ? pa : NAME(read_block)(a, data[1] + i * s[1], c->type, s[1], m);
        const REAL *block_b = one_b ? pb : NAME(read_block)(b, data[2] + i * s[2], c->type, s[2], m);
        c->kernels->operation[c->operation](block, block_a, block_b, one_a, one_b, m);
        NAME(end_block)(to, block, c->type, s[0], m);
    }
}

static void NAME(affine_row)(void *context, char *const *data, const int64_t *s, int64_t n) {
    const NAME(binary_call) *c = context;
    REAL x[YK_BLOCK], out[YK_BLOCK];
    const int64_t length = NAME(block_length)(c->type, s, 2, n);
    for (int64_t i = 0; i < n; i += length) {
        const int64_t m = n - i < length ? n - i : length;
        char *to = data[0] + i * s[0];
        REAL *block = NAME(begin_block)(out, to, c->type, s[0]);
        c->kernels->affine(block, NAME(read_block)(x, data[1] + i * s[1], c->type, s[1], m), c->scale, c->shift, m);
        NAME(end_block)(to, block, c->type, s[0], m);
    }
}

// The results of a comparison as bytes 0 and 1.
static void NAME(compare_block)(yk_comparison comparison, uint8_t *out, const REAL *a, const REAL *b, int64_t n) {
#define LOOP(operator)                                                                                         \
    for (int64_t i = 0; i < n; i++) out[i] = a[i] operator b[i];                                               \
    break
    switch (comparison) {
    case YK_EQUAL: LOOP(==);
    case YK_NOT_EQUAL: LOOP(!=);
    case YK_LESS: LOOP(<);
    case YK_LESS_OR_EQUAL: LOOP(<=);
    case YK_GREATER: LOOP(>);
    default: LOOP(>=);
    }
#undef LOOP
}

static void NAME(compare_row)(void *context, char *const *data, const int64_t *s, int64_t n) {
    const NAME(binary_call) *c = context;
    REAL a[YK_BLOCK], b[YK_BLOCK];
    uint8_t out[YK_BLOCK];
    for (int64_t i = 0; i < n; i += YK_BLOCK) {
        const int64_t m = n - i < YK_BLOCK ? n - i : YK_BLOCK;
        const char *pa = data[1] + i * s[1], *pb = data[2] + i * s[2];
        const REAL *block_a, *block_b;
        if (c->type == YK_I32 || c->type == YK_U8) {
            yk_read_f64((double *)a, pa, c->type, s[1], m); // only the double walk meets these
            yk_read_f64((double *)b, pb, c->type, s[2], m);
            block_a = a, block_b = b;
        } else {
            block_a = NAME(read_block)(a, pa, c->type, s[1], m);
            block_b = NAME(read_block)(b, pb, c->type, s[2], m);
        }
        if (s[0] == 1) {
            NAME(compare_block)(c->operation, (uint8_t *)data[0] + i, block_a, block_b, m);
        } else {
            NAME(compare_block)(c->operation, out, block_a, block_b, m);
            for (int64_t j = 0; j < m; j++) data[0][(i + j) * s[0]] = (char)out[j];
        }
    }
}
