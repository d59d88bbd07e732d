// Products of up to 8 rows with weights that are read once, unpacked: decoding. Included by bodies that define
// - SKINNY_K_BLOCK, the length of a chain of sums, and SKINNY_F32, whether weights may be f32;
// - skinny_words(k), the words of a row of k values in `x`;
// - skinny_prepare(word, row, k_stride, k), which writes them from a row of a;
// - skinny_turned and skinny_straight, which add k0..<k1 of columns whose k lie side by side, or that lie side by side.
//
// A lane holds a column; the sums run over k as those of the packed tiles do, so that both give the same bits.

typedef struct YK_NAME(skinny) {
    const yk_gemm_call *g;
    const float *x;  // [batch, rows, words]: the rows of a, and rows of zeros
    int64_t rows;    // 1, 2, 4 or 8
    int64_t columns; // the columns of a piece
    int64_t pieces;  // the pieces of a product
} YK_NAME(skinny);

// What c holds before, for `count` columns of row r: the first of the sums where they lie in c itself.
YK_INLINE vf YK_NAME(skinny_start)(const yk_gemm_call *g, int64_t batch, int64_t r, int64_t j, int64_t count) {
    const float *c = (const float *)g->c + batch * g->c_batch + r * g->c_row + j;
    return count == YK_LANES ? YK_NAME(load)(c) : YK_NAME(get_part)(c, YK_F32, 0, count, 0);
}

// Columns j..<j + count of one product, count ≤ YK_LANES·GROUPS (less only when GROUPS is 1).
YK_INLINE void YK_NAME(skinny_columns)(const yk_gemm_call *g, yk_dtype type, bool turned, const float *x,
                                       int64_t batch, int64_t j, int64_t count, const int ROWS, const int GROUPS) {
    const int64_t size = yk_dtype_size(type), words = YK_NAME(skinny_words)(g->k);
    const char *b = (const char *)g->b + (batch * g->b_batch + j * g->b_column) * size;
    const char *rows[4 * YK_LANES];
    if (turned)
        for (int r = 0; r < YK_LANES * GROUPS; r++)
            rows[r] = b + (r < count ? r : count - 1) * g->b_column * size;
    vf totals[8];
    const bool direct = gemm_is_direct(g);
    int64_t k = 0;
    do {
        const int64_t end = least(g->k, k + SKINNY_K_BLOCK);
        vf sums[8] = {};
        // f32 goes cache line by cache line of each group: columns that lie a multiple of 4096 bytes apart share a set
        // of the nearest cache, which has room for one group of them.
        if (turned && type == YK_F32)
            for (int64_t from = k; from < end; from += 16)
                for (int group = 0; group < GROUPS; group++) {
                    const char *const *here = rows + group * YK_LANES;
                    for (int r = 0; r < YK_LANES; r++) __builtin_prefetch(here[r] + from * size + 512, 0, 2);
                    YK_NAME(skinny_turned)(sums + group * ROWS, here, type, x, words, from, least(end, from + 16), ROWS,
                                           1);
                }
        else if (turned) YK_NAME(skinny_turned)(sums, rows, type, x, words, k, end, ROWS, GROUPS);
        else YK_NAME(skinny_straight)(sums, b, g->b_row, type, x, words, k, end, count, ROWS, GROUPS);
        for (int s = 0; s < ROWS * GROUPS; s++) {
            if (k > 0) totals[s] += sums[s];
            else if (direct && g->accumulate && s % ROWS < g->m)
                totals[s] = sums[s]
                            + YK_NAME(skinny_start)(g, batch, s % ROWS, j + s / ROWS * YK_LANES,
                                                    least(YK_LANES, count));
            else totals[s] = sums[s];
        }
        k = end;
    } while (k < g->k);
    float tile[8 * YK_LANES];
    for (int group = 0; group < GROUPS; group++)
        for (int r = 0; r < ROWS; r++)
            YK_NAME(store)(tile + (r * GROUPS + group) * YK_LANES, totals[group * ROWS + r]);
    if (!direct) {
        YK_NAME(epilogue)(g, batch, 0, j, g->m, count, tile, YK_LANES * GROUPS);
        return;
    }
    for (int64_t r = 0; r < g->m; r++)
        memcpy((float *)g->c + batch * g->c_batch + r * g->c_row + j, tile + r * YK_LANES * GROUPS,
               (size_t)count * sizeof(float));
}

YK_INLINE void YK_NAME(skinny_range)(const YK_NAME(skinny) * s, int64_t batch, int64_t j0, int64_t j1, yk_dtype type,
                                     bool turned, const int ROWS, const int GROUPS) {
    const float *x = s->x + batch * s->rows * YK_NAME(skinny_words)(s->g->k);
    int64_t j = j0;
    for (; j + YK_LANES * GROUPS <= j1; j += YK_LANES * GROUPS)
        YK_NAME(skinny_columns)(s->g, type, turned, x, batch, j, YK_LANES * GROUPS, ROWS, GROUPS);
    for (; j < j1; j += YK_LANES)
        YK_NAME(skinny_columns)(s->g, type, turned, x, batch, j, least(YK_LANES, j1 - j), ROWS, 1);
}

#define SKINNY(ROWS, GROUPS)                                                                                           \
    static __attribute__((noinline)) void YK_NAME(skinny_##ROWS)(const YK_NAME(skinny) * s, int64_t batch,             \
                                                                 int64_t j0, int64_t j1) {                            \
        const bool turned = s->g->b_column != 1;                                                                       \
        if (SKINNY_F32 && s->g->type == YK_F32) {                                                                                    \
            if (turned) YK_NAME(skinny_range)(s, batch, j0, j1, YK_F32, true, ROWS, GROUPS);                           \
            else YK_NAME(skinny_range)(s, batch, j0, j1, YK_F32, false, ROWS, GROUPS);                                 \
        } else {                                                                                                       \
            if (turned) YK_NAME(skinny_range)(s, batch, j0, j1, YK_BF16, true, ROWS, GROUPS);                          \
            else YK_NAME(skinny_range)(s, batch, j0, j1, YK_BF16, false, ROWS, GROUPS);                                \
        }                                                                                                              \
    }
SKINNY(1, 4)
SKINNY(2, 4)
SKINNY(4, 2)
SKINNY(8, 1)
#undef SKINNY

static void YK_NAME(skinny_piece)(void *context, int64_t number) {
    const YK_NAME(skinny) *s = context;
    const int64_t batch = number / s->pieces, j0 = number % s->pieces * s->columns;
    const int64_t j1 = least(s->g->n, j0 + s->columns);
    if (s->rows == 1) YK_NAME(skinny_1)(s, batch, j0, j1);
    else if (s->rows == 2) YK_NAME(skinny_2)(s, batch, j0, j1);
    else if (s->rows == 4) YK_NAME(skinny_4)(s, batch, j0, j1);
    else YK_NAME(skinny_8)(s, batch, j0, j1);
}

static void YK_NAME(gemm_skinny)(const yk_gemm_call *g) {
    YK_NAME(skinny) s = {.g = g, .rows = g->m == 1 ? 1 : g->m == 2 ? 2 : g->m <= 4 ? 4 : 8};
    const int64_t words = YK_NAME(skinny_words)(g->k), size = yk_dtype_size(g->type);
    float *x = yk_scratch(0, (size_t)(g->batch * s.rows * words) * sizeof(float));
    s.x = x;
    for (int64_t batch = 0; batch < g->batch; batch++)
        for (int64_t r = 0; r < s.rows; r++, x += words) {
            const char *row = (const char *)g->a + (batch * g->a_batch + r * g->a_row) * size;
            if (r < g->m) YK_NAME(skinny_prepare)(x, row, g->type, g->a_column, g->k);
            else memset(x, 0, (size_t)words * sizeof(float));
        }
    // Pieces of about 128 KB of weights.
    const int64_t bytes = most(g->k * yk_dtype_size(g->type), 1);
    s.columns = least(round_up(g->n, 4 * YK_LANES), round_up(ceil_div(131072, bytes), 4 * YK_LANES));
    s.pieces = ceil_div(g->n, s.columns);
    if (g->batch * g->n * bytes <= 262144)
        for (int64_t p = 0; p < g->batch * s.pieces; p++) YK_NAME(skinny_piece)(&s, p);
    else yk_parallel(g->batch * s.pieces, YK_NAME(skinny_piece), &s);
}
