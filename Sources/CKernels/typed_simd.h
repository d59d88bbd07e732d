// Vectors of f32 from and to rows of f32 or bf16. Included by the bodies, after simd.h; with a constant dtype
// the choice disappears.

YK_INLINE vf YK_NAME(get)(const void *p, yk_dtype t, int64_t i) {
    return t == YK_BF16 ? YK_NAME(load_bf16)((const uint16_t *)p + i) : YK_NAME(load)((const float *)p + i);
}

YK_INLINE void YK_NAME(put)(void *p, yk_dtype t, int64_t i, vf x) {
    if (t == YK_BF16) YK_NAME(store_bf16)((uint16_t *)p + i, x);
    else YK_NAME(store)((float *)p + i, x);
}

// The first `count` lanes from memory, the others `rest`.
YK_INLINE vf YK_NAME(get_part)(const void *p, yk_dtype t, int64_t i, int64_t count, float rest) {
    float lanes[YK_LANES];
    for (int64_t j = 0; j < YK_LANES; j++) lanes[j] = rest;
    for (int64_t j = 0; j < count && j < YK_LANES; j++)
        lanes[j] = t == YK_BF16 ? yk_from_bf16(((const uint16_t *)p)[i + j]) : ((const float *)p)[i + j];
    return YK_NAME(load)(lanes);
}

// Writes the first `count` lanes.
YK_INLINE void YK_NAME(put_part)(void *p, yk_dtype t, int64_t i, int64_t count, vf x) {
    float lanes[YK_LANES];
    YK_NAME(store)(lanes, x);
    for (int64_t j = 0; j < count && j < YK_LANES; j++) {
        if (t == YK_BF16) ((uint16_t *)p)[i + j] = yk_to_bf16(lanes[j]);
        else ((float *)p)[i + j] = lanes[j];
    }
}

// A row as f32: in place when it is f32, else converted into `scratch` [n].
YK_INLINE const float *YK_NAME(row_f32)(const void *p, yk_dtype t, int64_t n, float *scratch) {
    if (t != YK_BF16) return p;
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES)
        YK_NAME(store)(scratch + i, YK_NAME(load_bf16)((const uint16_t *)p + i));
    for (; i < n; i++) scratch[i] = yk_from_bf16(((const uint16_t *)p)[i]);
    return scratch;
}
