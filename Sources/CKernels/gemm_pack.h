// Packing into panels, on vectors. Included by bodies after simd.h and typed_simd.h.

#ifndef YK_GEMM_QUAD
#define YK_GEMM_QUAD
// Four words at any address, of any type.
typedef float yk_quad __attribute__((vector_size(16), aligned(2), may_alias));
#endif

// Words 0–3 of YK_LANES rows, turned: out[w] holds word w of every row.
YK_INLINE void YK_NAME(turn)(vf out[4], const char *const rows[YK_LANES]) {
    vf t[4];
    for (int r = 0; r < 4; r++) {
#if YK_LANES == 8
        yk_quad a = *(const yk_quad *)rows[r], b = *(const yk_quad *)rows[r + 4];
        t[r] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#else
        yk_quad a = *(const yk_quad *)rows[r], b = *(const yk_quad *)rows[r + 4];
        yk_quad c = *(const yk_quad *)rows[r + 8], d = *(const yk_quad *)rows[r + 12];
        t[r] = __builtin_shufflevector(__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7),
                                       __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7), 0, 1, 2, 3, 4, 5, 6, 7,
                                       8, 9, 10, 11, 12, 13, 14, 15);
#endif
    }
#if YK_LANES == 8
#define LOW(x, y) __builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(x, y) __builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_PAIRS(x, y) __builtin_shufflevector(x, y, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_PAIRS(x, y) __builtin_shufflevector(x, y, 2, 3, 10, 11, 6, 7, 14, 15)
#else
#define LOW(x, y) __builtin_shufflevector(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(x, y) __builtin_shufflevector(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_PAIRS(x, y) __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_PAIRS(x, y) __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#endif
    vf a = LOW(t[0], t[1]), b = LOW(t[2], t[3]), c = HIGH(t[0], t[1]), d = HIGH(t[2], t[3]);
    out[0] = LOW_PAIRS(a, b);
    out[1] = HIGH_PAIRS(a, b);
    out[2] = LOW_PAIRS(c, d);
    out[3] = HIGH_PAIRS(c, d);
#undef LOW
#undef HIGH
#undef LOW_PAIRS
#undef HIGH_PAIRS
}

// The even and the odd bf16 of words, as f32.
YK_INLINE vf YK_NAME(even_bf16)(vf words) { return (vf)((vu)words << 16); }
YK_INLINE vf YK_NAME(odd_bf16)(vf words) { return (vf)((vu)words & 0xFFFF0000u); }

// The addresses of YK_LANES rows from `first` on; those beyond `x` repeat the last, whose lanes nobody reads.
YK_INLINE void YK_NAME(row_addresses)(const char *rows[YK_LANES], const void *source, int64_t stride_bytes,
                                      int64_t first, int64_t x) {
    for (int64_t r = 0; r < YK_LANES; r++)
        rows[r] = (const char *)source + (first + r < x ? first + r : x - 1) * stride_bytes;
}

// Stores the lanes of one k at its place in a panel `width` wide; lanes beyond the panel fall on the next k, which is
// written later, so the last k is written exactly.
YK_INLINE void YK_NAME(put_lanes)(float *out, vf x, int64_t width, int64_t first, bool exactly) {
    if (first + YK_LANES <= width || !exactly) {
        YK_NAME(store)(out + first, x);
        return;
    }
    float lanes[YK_LANES];
    YK_NAME(store)(lanes, x);
    memcpy(out + first, lanes, (size_t)(width - first) * sizeof(float));
}

// A panel of f32 from a source whose k lie side by side.
YK_INLINE void YK_NAME(pack_turned)(float *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t x,
                                    int64_t k, const int64_t width) {
    const int64_t size = yk_dtype_size(type), step = type == YK_BF16 ? 8 : 4;
    for (int64_t first = 0; first < width; first += YK_LANES) {
        if (first >= x) continue;
        const char *rows[YK_LANES];
        YK_NAME(row_addresses)(rows, source, x_stride * size, first, x);
        int64_t i = 0;
        for (; i + step <= k; i += step) {
            vf words[4];
            YK_NAME(turn)(words, rows);
            for (int r = 0; r < YK_LANES; r++) rows[r] += 16;
            float *out = panel + i * width;
            const bool ends = i + step == k;
            if (type == YK_BF16) {
                for (int w = 0; w < 4; w++) {
                    YK_NAME(put_lanes)(out + 2 * w * width, YK_NAME(even_bf16)(words[w]), width, first, false);
                    YK_NAME(put_lanes)(out + (2 * w + 1) * width, YK_NAME(odd_bf16)(words[w]), width, first,
                                       ends && w == 3);
                }
            } else {
                for (int w = 0; w < 4; w++)
                    YK_NAME(put_lanes)(out + w * width, words[w], width, first, ends && w == 3);
            }
        }
        const int64_t lanes = width - first < YK_LANES ? width - first : YK_LANES;
        for (; i < k; i++)
            for (int64_t r = 0; r < lanes; r++)
                panel[i * width + first + r] = type == YK_BF16
                                                   ? yk_from_bf16(*(const uint16_t *)(rows[r] + (i % step) * size))
                                                   : *(const float *)(rows[r] + (i % step) * size);
    }
}

// A panel of f32 from a source whose rows or columns lie side by side.
YK_INLINE void YK_NAME(pack_straight)(float *panel, const void *source, yk_dtype type, int64_t k_stride, int64_t x,
                                      int64_t k, const int64_t width) {
    if (x < width) {
        for (int64_t i = 0; i < k; i++, panel += width)
            for (int64_t r = 0; r < x; r++)
                panel[r] = type == YK_BF16 ? yk_from_bf16(((const uint16_t *)source)[i * k_stride + r])
                                           : ((const float *)source)[i * k_stride + r];
        return;
    }
    if (type == YK_F32) {
        const float *p = source;
        for (int64_t i = 0; i < k; i++, panel += width, p += k_stride) memcpy(panel, p, (size_t)width * sizeof(float));
    } else {
        const uint16_t *p = source;
        for (int64_t i = 0; i < k; i++, panel += width, p += k_stride)
            for (int64_t r = 0; r < width; r++) {
                uint32_t bits = (uint32_t)p[r] << 16;
                memcpy(panel + r, &bits, 4);
            }
    }
}

YK_INLINE void YK_NAME(pack)(void *panel, const void *source, yk_dtype type, int64_t x_stride, int64_t k_stride,
                             int64_t x, int64_t k, const int64_t width) {
    if (x_stride == 1 && type == YK_F32) YK_NAME(pack_straight)(panel, source, YK_F32, k_stride, x, k, width);
    else if (x_stride == 1) YK_NAME(pack_straight)(panel, source, YK_BF16, k_stride, x, k, width);
    else if (type == YK_F32) YK_NAME(pack_turned)(panel, source, YK_F32, x_stride, x, k, width);
    else YK_NAME(pack_turned)(panel, source, YK_BF16, x_stride, x, k, width);
}
