// Sums over a row's columns in four vectors of YK_LANES floats.

YK_INLINE float YK_NAME(row_dot)(const float *row, const float *query, int64_t D) {
    vf a = {}, b = {}, c = {}, d = {};
    int64_t i = 0;
    for (; i + 4 * YK_LANES <= D; i += 4 * YK_LANES) {
        a += YK_NAME(load)(row + i) * YK_NAME(load)(query + i);
        b += YK_NAME(load)(row + i + YK_LANES) * YK_NAME(load)(query + i + YK_LANES);
        c += YK_NAME(load)(row + i + 2 * YK_LANES) * YK_NAME(load)(query + i + 2 * YK_LANES);
        d += YK_NAME(load)(row + i + 3 * YK_LANES) * YK_NAME(load)(query + i + 3 * YK_LANES);
    }
    for (; i + YK_LANES <= D; i += YK_LANES) a += YK_NAME(load)(row + i) * YK_NAME(load)(query + i);
    float sum = YK_NAME(sum)((a + b) + (c + d));
    for (; i < D; i++) sum += row[i] * query[i];
    return sum;
}

YK_INLINE float YK_NAME(row_square)(const float *row, const float *query, int64_t D) {
    vf a = {}, b = {};
    int64_t i = 0;
    for (; i + 2 * YK_LANES <= D; i += 2 * YK_LANES) {
        const vf one = YK_NAME(load)(row + i) - YK_NAME(load)(query + i);
        const vf two = YK_NAME(load)(row + i + YK_LANES) - YK_NAME(load)(query + i + YK_LANES);
        a += one * one;
        b += two * two;
    }
    float sum = YK_NAME(sum)(a + b);
    for (; i < D; i++) {
        const float gap = row[i] - query[i];
        sum += gap * gap;
    }
    return sum;
}

static void YK_NAME(gathered)(float *out, const float *rows, const int32_t *ids, const float *query, int64_t N,
                              int64_t D, bool squares) {
    for (int64_t n = 0; n < N && n < ROWS_AHEAD; n++) fetch_row(rows + ids[n] * D, D);
    for (int64_t n = 0; n < N; n++) {
        if (n + ROWS_AHEAD < N) fetch_row(rows + ids[n + ROWS_AHEAD] * D, D);
        const float *row = rows + ids[n] * D;
        out[n] = squares ? YK_NAME(row_square)(row, query, D) : YK_NAME(row_dot)(row, query, D);
    }
}
