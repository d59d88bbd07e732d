// Packing bf16 in pairs: a word holds two neighbours along k, the first in its low half. Included by bodies after
// gemm_pack.h.

// YK_LANES words of two rows of bf16.
YK_INLINE vu YK_NAME(interleave)(const uint16_t *even, const uint16_t *odd) {
    vu low = __builtin_convertvector(*(const vh *)even, vu);
    return odd ? low | __builtin_convertvector(*(const vh *)odd, vu) << 16 : low;
}

// The words of k values for `width` rows or columns that lie side by side; the others of the panel become 0.
YK_INLINE void YK_NAME(pack_pairs_straight)(uint32_t *panel, const uint16_t *source, int64_t k_stride, int64_t x,
                                            int64_t k, const int64_t width) {
    for (int64_t i = 0; i < k; i += 2, panel += width) {
        const uint16_t *even = source + i * k_stride, *odd = i + 1 < k ? even + k_stride : NULL;
        if (x == width && width % YK_LANES == 0) {
            for (int64_t r = 0; r < width; r += YK_LANES) {
                vu words = YK_NAME(interleave)(even + r, odd ? odd + r : NULL);
                memcpy(panel + r, &words, sizeof words);
            }
        } else {
            for (int64_t r = 0; r < width; r++)
                panel[r] = r < x ? even[r] | (odd ? (uint32_t)odd[r] << 16 : 0) : 0;
        }
    }
}

// The same where the k of a row or column lie side by side.
YK_INLINE void YK_NAME(pack_pairs_turned)(uint32_t *panel, const uint16_t *source, int64_t x_stride, int64_t x,
                                          int64_t k, const int64_t width) {
    const int64_t words = k / 2;
    for (int64_t first = 0; first < width; first += YK_LANES) {
        if (first >= x) {
            const int64_t count = width - first < YK_LANES ? width - first : YK_LANES;
            for (int64_t w = 0; w < (k + 1) / 2; w++)
                memset(panel + w * width + first, 0, (size_t)count * sizeof *panel);
            continue;
        }
        const char *rows[YK_LANES];
        YK_NAME(row_addresses)(rows, source, x_stride * 2, first, x);
        int64_t w = 0;
        for (; w + 4 <= words; w += 4) {
            vf turned[4];
            YK_NAME(turn)(turned, rows);
            for (int r = 0; r < YK_LANES; r++) rows[r] += 16;
            for (int n = 0; n < 4; n++)
                YK_NAME(put_lanes)((float *)panel + (w + n) * width, turned[n], width, first, w + n + 1 == words);
        }
        const int64_t lanes = width - first < YK_LANES ? width - first : YK_LANES;
        for (int64_t i = 2 * w; i < k; i += 2)
            for (int64_t r = 0; r < lanes; r++) {
                const uint16_t *p = (const uint16_t *)rows[r] + (i - 2 * w);
                panel[i / 2 * width + first + r] = p[0] | (i + 1 < k ? (uint32_t)p[1] << 16 : 0);
            }
    }
}

// One panel of pairs, k filled with zeros up to a multiple of `unit`.
YK_INLINE void YK_NAME(pack_pairs)(void *panel, const void *source, int64_t x_stride, int64_t k_stride, int64_t x,
                                   int64_t k, const int64_t width, int64_t unit) {
    uint32_t *words = panel;
    if (x_stride == 1) YK_NAME(pack_pairs_straight)(words, source, k_stride, x, k, width);
    else YK_NAME(pack_pairs_turned)(words, source, x_stride, x, k, width);
    const int64_t filled = (k + 1) / 2, wanted = round_up(k, unit) / 2;
    memset(words + filled * width, 0, (size_t)((wanted - filled) * width) * sizeof *words);
}
