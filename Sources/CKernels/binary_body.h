YK_INLINE vf YK_NAME(larger)(vf a, vf b) { return YK_NAME(blend)((a > b) | (a != a), a, b); }
YK_INLINE vf YK_NAME(smaller)(vf a, vf b) { return YK_NAME(blend)((a < b) | (a != a), a, b); }

// Vectors, then what is left one by one: each element of its own, so that both give the same.
#define OPERATION(name, vectors, scalars)                                                                      \
    static void YK_NAME(op_##name)(float *out, const float *pa, const float *pb, bool one_a, bool one_b,            \
                              int64_t n) {                                                                     \
        const float first_a = *pa, first_b = *pb;                                                              \
        const vf all_a = YK_NAME(splat)(first_a), all_b = YK_NAME(splat)(first_b);                             \
        int64_t i = 0;                                                                                         \
        if (!one_a && !one_b)                                                                                  \
            for (; i + YK_LANES <= n; i += YK_LANES) {                                                         \
                const vf a = YK_NAME(load)(pa + i), b = YK_NAME(load)(pb + i);                                 \
                YK_NAME(store)(out + i, vectors);                                                              \
            }                                                                                                  \
        else if (!one_a)                                                                                       \
            for (; i + YK_LANES <= n; i += YK_LANES) {                                                         \
                const vf a = YK_NAME(load)(pa + i), b = all_b;                                                 \
                YK_NAME(store)(out + i, vectors);                                                              \
            }                                                                                                  \
        else                                                                                                   \
            for (; i + YK_LANES <= n; i += YK_LANES) {                                                         \
                const vf a = all_a, b = one_b ? all_b : YK_NAME(load)(pb + i);                                 \
                YK_NAME(store)(out + i, vectors);                                                              \
            }                                                                                                  \
        for (; i < n; i++) {                                                                                   \
            const float a = one_a ? first_a : pa[i], b = one_b ? first_b : pb[i];                              \
            out[i] = scalars;                                                                                  \
        }                                                                                                      \
    }
OPERATION(add, a + b, a + b)
OPERATION(subtract, a - b, a - b)
OPERATION(multiply, a *b, a *b)
OPERATION(divide, a / b, a / b)
OPERATION(maximum, YK_NAME(larger)(a, b), a > b || a != a ? a : b)
OPERATION(minimum, YK_NAME(smaller)(a, b), a < b || a != a ? a : b)
#undef OPERATION

static void YK_NAME(op_power)(float *out, const float *a, const float *b, bool one_a, bool one_b, int64_t n) {
    if (one_b && !one_a && *b == 2.0f) {
        YK_NAME(op_multiply)(out, a, a, false, false, n);
    } else {
        op_power_f32(out, a, b, one_a, one_b, n);
    }
}

static void YK_NAME(affine)(float *out, const float *x, float scale, float shift, int64_t n) {
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(store)(out + i, YK_NAME(load)(x + i) * scale + shift);
    for (; i < n; i++) out[i] = fmaf(x[i], scale, shift);
}

static void YK_NAME(accumulate)(float *y, const float *x, float alpha, int64_t n) {
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES)
        YK_NAME(store)(y + i, YK_NAME(load)(x + i) * alpha + YK_NAME(load)(y + i));
    for (; i < n; i++) y[i] = fmaf(x[i], alpha, y[i]);
}

#define ENTRY(name) YK_NAME(op_##name),
static void YK_NAME(binary_table)(const binary_kernels_f32 **kernels) {
    static const binary_kernels_f32 table = {{YK_BINARY_LIST(ENTRY)}, YK_NAME(affine), YK_NAME(accumulate)};
    *kernels = &table;
}
#undef ENTRY
