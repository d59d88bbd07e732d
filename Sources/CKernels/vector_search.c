#include "yk_vector_search.h"

enum {
    ROWS_AHEAD = 3, // rows that are fetched before they are used
    LINE = 16,      // the floats of a line of the cache
};

static inline void fetch_row(const float *row, int64_t D) {
    for (int64_t i = 0; i < D; i += LINE) __builtin_prefetch(row + i);
}

// ---- The reference ----

static void gathered_scalar(float *out, const float *rows, const int32_t *ids, const float *query, int64_t N,
                            int64_t D, bool squares) {
    for (int64_t n = 0; n < N; n++) {
        const float *row = rows + ids[n] * D;
        double sum = 0;
        for (int64_t i = 0; i < D; i++) {
            const double gap = (double)row[i] - (double)query[i];
            sum += squares ? gap * gap : (double)row[i] * (double)query[i];
        }
        out[n] = (float)sum;
    }
}

#define YK_BODY "vector_search_body.h"
#include "instantiate.h"

void yk_gathered_dots(float *out, const float *rows, const int32_t *ids, const float *query, int64_t N, int64_t D) {
    YK_DISPATCH(gathered, out, rows, ids, query, N, D, false);
}

void yk_gathered_squares(float *out, const float *rows, const int32_t *ids, const float *query, int64_t N,
                         int64_t D) {
    YK_DISPATCH(gathered, out, rows, ids, query, N, D, true);
}
