#include "yk_embedding.h"

#include "typed.h"

// The references.
static void copy_row_scalar(void *out, yk_dtype to, const void *x, yk_dtype from, int64_t n) {
    for (int64_t i = 0; i < n; i++) yk_put(out, to, i, yk_get(x, from, i));
}

static void add_row_scalar(void *out, yk_dtype to, const void *x, yk_dtype from, int64_t n) {
    for (int64_t i = 0; i < n; i++) yk_put(out, to, i, yk_get(out, to, i) + yk_get(x, from, i));
}

#define YK_BODY "embedding_body.h"
#include "instantiate.h"

enum { PIECE_ELEMENTS = 32768, STRIP = 1024, GROUPS = 16, AHEAD = 8 };

typedef struct embedding_call {
    void *out; // gathered rows, or the table that is added to
    const void *in;
    yk_dtype to, from;
    const int32_t *ids;
    int64_t N, D, extent; // rows, or columns, in a piece
    int64_t groups;       // of ids, a power of two; by the last bits
} embedding_call;

int64_t yk_check_ids(const int32_t *ids, int64_t N, int64_t V) {
    for (int64_t n = 0; n < N; n++)
        if (ids[n] < 0 || ids[n] >= V) return n;
    return -1;
}

static void gather_piece(void *context, int64_t piece) {
    const embedding_call *c = context;
    const int64_t D = c->D;
    const int64_t end = (piece + 1) * c->extent < c->N ? (piece + 1) * c->extent : c->N;
    for (int64_t n = piece * c->extent; n < end; n++) {
        void *out = yk_at(c->out, c->to, n * D);
        const void *row = yk_const_at(c->in, c->from, c->ids[n] * D);
        if (c->to == c->from) memcpy(out, row, (size_t)(D * yk_dtype_size(c->to)));
        else YK_DISPATCH(copy_row, out, c->to, row, c->from, D);
    }
}

void yk_gather_rows(void *out, yk_dtype out_dtype, const void *table, yk_dtype table_dtype,
                    const int32_t *ids, int64_t N, int64_t D) {
    embedding_call c = {
        .out = out, .in = table, .to = out_dtype, .from = table_dtype, .ids = ids, .N = N, .D = D};
    if (D == 0) return;
    c.extent = yk_rows_per_piece(D, PIECE_ELEMENTS);
    yk_parallel((N + c.extent - 1) / c.extent, gather_piece, &c);
}

// A piece adds one strip of columns of the rows whose ids fall into one group: no two pieces touch the same
// element, whatever the ids, and each element receives its addends in the order of the rows.
static void scatter_piece(void *context, int64_t piece) {
    const embedding_call *c = context;
    const int64_t mask = c->groups - 1, group = piece & mask, D = c->D;
    const int64_t first = piece / c->groups * c->extent;
    const int64_t width = first + c->extent < D ? c->extent : D - first;
    for (int64_t n = 0; n < c->N; n++) {
        if (n + AHEAD < c->N && (c->ids[n + AHEAD] & mask) == group)
            __builtin_prefetch(yk_at(c->out, c->to, c->ids[n + AHEAD] * D + first), 1);
        if ((c->ids[n] & mask) != group) continue;
        void *out = yk_at(c->out, c->to, c->ids[n] * D + first);
        const void *row = yk_const_at(c->in, c->from, n * D + first);
        if (c->to == YK_F64) add_row_scalar(out, c->to, row, c->from, width);
        else YK_DISPATCH(add_row, out, c->to, row, c->from, width);
    }
}

void yk_scatter_add_rows(void *table, yk_dtype table_dtype, const void *rows, yk_dtype rows_dtype,
                         const int32_t *ids, int64_t N, int64_t D) {
    embedding_call c = {
        .out = table, .in = rows, .to = table_dtype, .from = rows_dtype, .ids = ids, .N = N, .D = D};
    c.extent = D < STRIP ? (D > 0 ? D : 1) : STRIP;
    c.groups = N * D < PIECE_ELEMENTS ? 1 : GROUPS;
    yk_parallel((D + c.extent - 1) / c.extent * c.groups, scatter_piece, &c);
}
