static void YK_NAME(widen)(float *out, const uint16_t *x, int64_t n) {
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(store)(out + i, YK_NAME(load_bf16)(x + i));
    for (; i < n; i++) out[i] = yk_from_bf16(x[i]);
}

static void YK_NAME(narrow)(uint16_t *out, const float *x, int64_t n) {
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(store_bf16)(out + i, YK_NAME(load)(x + i));
    for (; i < n; i++) out[i] = yk_to_bf16(x[i]);
}
