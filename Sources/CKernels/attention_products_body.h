// The small products of attention's tiles, and the packing that they need. Included by attention_body.h.
//
// A product is cut into blocks of AT_ROWS × AT_WIDTH elements held in registers. Tiles lie in rows `ld`
// floats apart, an odd number of cache lines, so that walking down a column meets every set of the cache.

#define AT_WIDTH (2 * YK_LANES)
#define AT_ROWS (YK_LANES == 16 ? 8 : 6)

// c = a·b, c += a·b, or c = c · factor[row] + a·b.
enum YK_NAME(at_mode) { YK_NAME(AT_SET), YK_NAME(AT_ADD), YK_NAME(AT_SCALE) };

// One block of registers. Element (row, k) of a is a[row · a_row + k · a_k].
YK_INLINE void YK_NAME(at_block)(float *c, int64_t ldc, const float *a, int64_t a_row, int64_t a_k,
                                 const float *b, int64_t ldb, int64_t depth, int mode, const float *factor,
                                 const int rows, const int vectors) {
    vf sum[AT_ROWS][2];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (vf){};
#pragma clang loop unroll_count(2)
    for (int64_t k = 0; k < depth; k++) {
        vf row[2];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++)
            row[v] = YK_NAME(load)(b + k * ldb + v * YK_LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            const vf x = YK_NAME(splat)(a[r * a_row + k * a_k]);
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++)
                sum[r][v] = x * row[v] + sum[r][v];
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            float *at = c + r * ldc + v * YK_LANES;
            vf x = sum[r][v];
            if (mode == YK_NAME(AT_ADD))
                x += YK_NAME(load)(at);
            else if (mode == YK_NAME(AT_SCALE))
                x = YK_NAME(load)(at) * factor[r] + x;
            YK_NAME(store)(at, x);
        }
}

// At most AT_ROWS rows and AT_WIDTH columns.
static void YK_NAME(at_strip)(float *c, int64_t ldc, const float *a, int64_t a_row, int64_t a_k,
                              const float *b, int64_t ldb, int64_t depth, int mode, const float *factor,
                              int64_t rows, int64_t columns) {
#define AT_BLOCK(n)                                                                                          \
    do {                                                                                                     \
        if (columns > YK_LANES)                                                                              \
            YK_NAME(at_block)(c, ldc, a, a_row, a_k, b, ldb, depth, mode, factor, n, 2);                     \
        else                                                                                                 \
            YK_NAME(at_block)(c, ldc, a, a_row, a_k, b, ldb, depth, mode, factor, n, 1);                     \
        c += n * ldc;                                                                                        \
        a += n * a_row;                                                                                      \
        factor += factor ? n : 0;                                                                            \
        rows -= n;                                                                                           \
    } while (0)
    if (rows >= AT_ROWS) {
        AT_BLOCK(AT_ROWS);
        return;
    }
    if (rows >= 4)
        AT_BLOCK(4);
    if (rows >= 2)
        AT_BLOCK(2);
    if (rows >= 1)
        AT_BLOCK(1);
#undef AT_BLOCK
}

// scores [rows, keys] = a [rows, E] · packed columns, where seen.
static void YK_NAME(at_scores)(float *scores, int64_t lds, const float *a, int64_t ld, const float *columns,
                               int64_t E, int64_t rows, int64_t keys, int64_t first) {
    for (int64_t n = 0; n < keys; n += AT_WIDTH)
        for (int64_t r = 0; r < rows; r += AT_ROWS) {
            const int64_t count = yk_least(AT_ROWS, rows - r), seen = yk_seen(first, r + count - 1, keys);
            if (seen > n)
                YK_NAME(at_strip)
            (scores + r * lds + n, lds, a + r * ld, ld, 1, columns + n * E, AT_WIDTH, E, YK_NAME(AT_SET),
             NULL, count, seen - n);
        }
}

// c [rows, Ep] (+)= weights [rows, keys] · b [keys, Ep], where seen.
static void YK_NAME(at_mix)(float *c, const float *weights, int64_t lds, const float *b, int64_t ld,
                            int64_t Ep, int64_t rows, int64_t keys, int64_t first, int mode,
                            const float *factor) {
    for (int64_t e = 0; e < Ep; e += AT_WIDTH)
        for (int64_t r = 0; r < rows; r += AT_ROWS) {
            const int64_t count = yk_least(AT_ROWS, rows - r), seen = yk_seen(first, r + count - 1, keys);
            if (seen > 0)
                YK_NAME(at_strip)
            (c + r * ld + e, ld, weights + r * lds, lds, 1, b + e, ld, seen, mode, factor ? factor + r : NULL,
             count, Ep - e);
        }
}

// c [keys, Ep] += weightsᵀ [keys, rows] · b [rows, Ep], where seen.
static void YK_NAME(at_mix_transposed)(float *c, const float *weights, int64_t lds, const float *b,
                                       int64_t ld, int64_t Ep, int64_t rows, int64_t keys, int64_t first) {
    for (int64_t e = 0; e < Ep; e += AT_WIDTH)
        for (int64_t s = 0; s < keys; s += AT_ROWS) {
            const int64_t from = yk_most(0, s + 1 - first); // the first row that sees key s
            if (from < rows)
                YK_NAME(at_strip)
            (c + s * ld + e, ld, weights + from * lds + s, 1, lds, b + from * ld + e, ld, rows - from,
             YK_NAME(AT_ADD), NULL, yk_least(AT_ROWS, keys - s), Ep - e);
        }
}

// Rows [rows, E] to panels of AT_WIDTH columns of the transpose: panel, E, AT_WIDTH; the last panel filled
// with zeros.
static void YK_NAME(at_pack_columns)(float *to, const void *from, yk_dtype t, int64_t stride, int64_t rows,
                                     int64_t E) {
    const int64_t bytes = stride * yk_dtype_size(t);
    if (rows % AT_WIDTH)
        memset(to + rows / AT_WIDTH * AT_WIDTH * E, 0, (size_t)(AT_WIDTH * E) * sizeof(float));
    for (int64_t r = 0; r < rows; r += 8) {
        float *panel = to + r / AT_WIDTH * AT_WIDTH * E + r % AT_WIDTH;
        const char *row = (const char *)from + r * bytes;
        int64_t e = 0;
        if (r + 8 <= rows) {
            if (t == YK_BF16)
                for (; e + 8 <= E; e += 8)
                    YK_NAME(at_turn)(panel + e * AT_WIDTH, AT_WIDTH, row + e * 2, bytes, YK_BF16);
            else
                for (; e + 8 <= E; e += 8)
                    YK_NAME(at_turn)(panel + e * AT_WIDTH, AT_WIDTH, row + e * 4, bytes, YK_F32);
        }
        for (int64_t i = 0; i < 8 && r + i < rows; i++)
            for (int64_t j = e; j < E; j++) {
                const char *p = row + i * bytes;
                panel[j * AT_WIDTH + i] =
                    t == YK_BF16 ? yk_from_bf16(((const uint16_t *)p)[j]) : ((const float *)p)[j];
            }
    }
}
