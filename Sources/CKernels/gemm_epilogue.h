// The epilogue of a product, on vectors. Included by bodies after simd.h, typed_simd.h and activation_simd.h.

typedef struct YK_NAME(epilogue_row) {
    const void *bias, *residual, *slope;
    void *pre, *activated, *c;
} YK_NAME(epilogue_row);

// A vector of results. The processor's own rounding to bf16, where there is one, differs in taking subnormal numbers
// for 0, as its products do.
YK_INLINE void YK_NAME(put_result)(void *p, yk_dtype t, int64_t i, vf x) {
#ifdef YK_NATIVE_BF16
    if (t == YK_BF16) {
        __m256bh half = _mm512_cvtneps_pbh((__m512)x);
        memcpy((uint16_t *)p + i, &half, sizeof half);
        return;
    }
#endif
    YK_NAME(put)(p, t, i, x);
}

// One vector of one row: v is the sum of products.
YK_INLINE void YK_NAME(finish)(const yk_gemm_call *g, const YK_NAME(epilogue_row) * row, yk_dtype c_type, int64_t at,
                               int64_t count, vf v) {
    const bool whole = count == YK_LANES;
#define READ(p, t) (whole ? YK_NAME(get)(p, t, at) : YK_NAME(get_part)(p, t, at, count, 0))
#define WRITE(p, t, x)                                                                                                 \
    do {                                                                                                               \
        if (whole) YK_NAME(put_result)(p, t, at, x);                                                                   \
        else YK_NAME(put_part)(p, t, at, count, x);                                                                    \
    } while (0)
    v = v * g->alpha;
    if (row->bias) v = v + READ(row->bias, g->bias_type);
    if (row->pre) WRITE(row->pre, c_type, v);
    if (row->slope) {
        vf slope;
        const vf again = YK_NAME(activate_with_slope)(g->activation, READ(row->slope, c_type), &slope);
        if (row->activated) WRITE(row->activated, c_type, again);
        v = v * slope;
    } else if (g->activation != YK_IDENTITY) {
        v = YK_NAME(activate)(g->activation, v);
    }
    if (row->residual) v = v + READ(row->residual, g->residual_type);
    if (g->accumulate) v = v + READ(row->c, c_type);
    WRITE(row->c, c_type, v);
#undef READ
#undef WRITE
}

YK_INLINE void YK_NAME(epilogue_typed)(const yk_gemm_call *g, yk_dtype c_type, int64_t batch, int64_t i, int64_t j,
                                       int64_t rows, int64_t columns, const float *sums, int64_t stride) {
    YK_NAME(epilogue_row) row = {0};
    row.bias = yk_const_at(g->bias, g->bias_type, j);
    for (int64_t r = 0; r < rows; r++, sums += stride) {
        row.c = yk_at(g->c, c_type, batch * g->c_batch + (i + r) * g->c_row + j);
        row.pre = yk_at(g->pre, c_type, batch * g->pre_batch + (i + r) * g->pre_row + j);
        row.residual = yk_const_at(g->residual, g->residual_type,
                                   batch * g->residual_batch + (i + r) * g->residual_row + j);
        row.slope = yk_const_at(g->slope, c_type, batch * g->slope_batch + (i + r) * g->slope_row + j);
        row.activated = yk_at(g->activated, c_type, batch * g->activated_batch + (i + r) * g->activated_row + j);
        int64_t at = 0;
        for (; at + YK_LANES <= columns; at += YK_LANES)
            YK_NAME(finish)(g, &row, c_type, at, YK_LANES, YK_NAME(load)(sums + at));
        if (at < columns)
            YK_NAME(finish)(g, &row, c_type, at, columns - at,
                            YK_NAME(get_part)(sums, YK_F32, at, columns - at, 0));
    }
}

// As gemm_engine's epilogue says.
static void YK_NAME(epilogue)(const yk_gemm_call *g, int64_t batch, int64_t i, int64_t j, int64_t rows,
                              int64_t columns, const float *sums, int64_t stride) {
    if (g->c_type == YK_F32) YK_NAME(epilogue_typed)(g, YK_F32, batch, i, j, rows, columns, sums, stride);
    else YK_NAME(epilogue_typed)(g, YK_BF16, batch, i, j, rows, columns, sums, stride);
}
