// Moving rows of f32 and bf16 into tiles and out of them. Included by attention_body.h and
// attention_amx_body.h.

// Rows of E elements `stride` apart to rows of f32 `ld` apart, times a factor, with zeros from E to Ep.
static void YK_NAME(at_pack_rows)(float *to, int64_t ld, const void *from, yk_dtype t, int64_t stride,
                                  int64_t rows, int64_t E, int64_t Ep, float factor) {
    for (int64_t r = 0; r < rows; r++, to += ld, from = (const char *)from + stride * yk_dtype_size(t)) {
        int64_t e = 0;
        if (t == YK_BF16)
            for (; e + YK_LANES <= E; e += YK_LANES)
                YK_NAME(store)(to + e, YK_NAME(load_bf16)((const uint16_t *)from + e) * factor);
        else
            for (; e + YK_LANES <= E; e += YK_LANES)
                YK_NAME(store)(to + e, YK_NAME(load)((const float *)from + e) * factor);
        for (; e < E; e++)
            to[e] = factor *
                    (t == YK_BF16 ? yk_from_bf16(((const uint16_t *)from)[e]) : ((const float *)from)[e]);
        for (; e < Ep; e++)
            to[e] = 0;
    }
}

// Rows of f32 times a factor to rows of f32 or bf16.
static void YK_NAME(at_unpack_row)(void *to, yk_dtype t, const float *from, int64_t E, float factor) {
    int64_t e = 0;
    if (t == YK_BF16)
        for (; e + YK_LANES <= E; e += YK_LANES)
            YK_NAME(store_bf16)((uint16_t *)to + e, YK_NAME(load)(from + e) * factor);
    else
        for (; e + YK_LANES <= E; e += YK_LANES)
            YK_NAME(store)((float *)to + e, YK_NAME(load)(from + e) * factor);
    for (; e < E; e++)
        yk_put(to, t, e, (double)(from[e] * factor));
}

typedef float YK_NAME(at_eight) __attribute__((vector_size(32), aligned(4)));
typedef uint16_t YK_NAME(at_eight_bf16) __attribute__((vector_size(16), aligned(2)));
typedef uint32_t YK_NAME(at_eight_bits) __attribute__((vector_size(32), aligned(4)));

YK_INLINE YK_NAME(at_eight) YK_NAME(at_load_eight)(const void *p, yk_dtype t) {
    if (t != YK_BF16)
        return *(const YK_NAME(at_eight) *)p;
    return (YK_NAME(at_eight))(
        __builtin_convertvector(*(const YK_NAME(at_eight_bf16) *)p, YK_NAME(at_eight_bits)) << 16);
}

// Eight rows of eight elements, turned; written `ld` apart.
YK_INLINE void YK_NAME(at_turn)(float *to, int64_t ld, const char *from, int64_t bytes, yk_dtype t) {
    YK_NAME(at_eight) x[8], y[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++)
        x[i] = YK_NAME(at_load_eight)(from + i * bytes, t);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 2) {
        y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 4)
#pragma clang loop unroll(full)
        for (int j = 0; j < 2; j++) {
            x[i + 2 * j] = __builtin_shufflevector(y[i + j], y[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            x[i + 2 * j + 1] = __builtin_shufflevector(y[i + j], y[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        *(YK_NAME(at_eight) *)(to + i * ld) =
            __builtin_shufflevector(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(YK_NAME(at_eight) *)(to + (i + 4) * ld) =
            __builtin_shufflevector(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

// Σ x · y over a row.
static float YK_NAME(at_row_product)(const void *x, const void *y, yk_dtype t, int64_t E) {
    vf sum = (vf){};
    int64_t e = 0;
    if (t == YK_BF16)
        for (; e + YK_LANES <= E; e += YK_LANES)
            sum += YK_NAME(load_bf16)((const uint16_t *)x + e) * YK_NAME(load_bf16)((const uint16_t *)y + e);
    else
        for (; e + YK_LANES <= E; e += YK_LANES)
            sum += YK_NAME(load)((const float *)x + e) * YK_NAME(load)((const float *)y + e);
    float total = YK_NAME(sum)(sum);
    for (; e < E; e++)
        total += (float)yk_get(x, t, e) * (float)yk_get(y, t, e);
    return total;
}
