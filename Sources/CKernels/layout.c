#include "layout.h"

void yk_layout_begin(yk_layout *l, int rank, const intptr_t *shape) {
    l->rank = rank;
    l->operands = 0;
    for (int k = 0; k < rank; k++) l->shape[k] = shape[k];
}

void yk_layout_add(yk_layout *l, const void *data, const intptr_t *strides, int64_t element_size) {
    int o = l->operands++;
    l->data[o] = (char *)data;
    for (int k = 0; k < l->rank; k++) l->strides[o][k] = strides[k] * element_size;
}

int64_t yk_layout_count(const yk_layout *l) {
    int64_t n = 1;
    for (int k = 0; k < l->rank; k++) n *= l->shape[k];
    return n;
}

static void move_axis(yk_layout *l, int to, int from) {
    l->shape[to] = l->shape[from];
    for (int o = 0; o < l->operands; o++) l->strides[o][to] = l->strides[o][from];
}

static void swap_axes(yk_layout *l, int a, int b) {
    int64_t t = l->shape[a];
    l->shape[a] = l->shape[b];
    l->shape[b] = t;
    for (int o = 0; o < l->operands; o++) {
        t = l->strides[o][a];
        l->strides[o][a] = l->strides[o][b];
        l->strides[o][b] = t;
    }
}

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// Whether axis k continues where axis k + 1 ends, for all operands.
static bool axes_join(const yk_layout *l, int k) {
    for (int o = 0; o < l->operands; o++)
        if (l->strides[o][k] != l->strides[o][k + 1] * l->shape[k + 1]) return false;
    return true;
}

void yk_layout_simplify(yk_layout *l) {
    int rank = 0;
    for (int k = 0; k < l->rank; k++)
        if (l->shape[k] != 1) move_axis(l, rank++, k);
    l->rank = rank;
    for (int k = 1; k < rank; k++)
        for (int j = k; j > 0 && magnitude(l->strides[0][j - 1]) < magnitude(l->strides[0][j]); j--)
            swap_axes(l, j - 1, j);
    // Merged from the inside out into the axes from `at` on.
    int at = rank - 1;
    for (int k = rank - 2; k >= 0; k--) {
        move_axis(l, at - 1, k);
        if (axes_join(l, at - 1)) {
            l->shape[at] *= l->shape[at - 1];
        } else {
            at--;
        }
    }
    if (at > 0) {
        for (int k = at; k < rank; k++) move_axis(l, k - at, k);
        l->rank = rank - at;
    }
    if (l->rank == 0) {
        l->rank = 1;
        l->shape[0] = 1;
        for (int o = 0; o < l->operands; o++) l->strides[o][0] = 0;
    }
}

// A run costs as much as several elements: where the innermost axis is very short, the longest takes its place.
static void choose_rows(yk_layout *l) {
    int last = l->rank - 1, longest = last;
    for (int k = 0; k < last; k++)
        if (l->shape[k] > l->shape[longest]) longest = k;
    if (l->shape[last] < 8 && l->shape[longest] >= 4 * l->shape[last]) swap_axes(l, longest, last);
}

typedef struct layout_run {
    const yk_layout *layout;
    yk_row_body body;
    void *context;
    int64_t rows, rows_per_piece, cuts, cut_length; // a row is cut into `cuts` runs
} layout_run;

static void run_piece(void *context, int64_t piece) {
    const layout_run *r = context;
    const yk_layout *l = r->layout;
    const int last = l->rank - 1;
    int64_t row = piece / r->cuts * r->rows_per_piece;
    int64_t end = row + r->rows_per_piece;
    if (end > r->rows) end = r->rows;
    int64_t first = piece % r->cuts * r->cut_length;
    int64_t n = l->shape[last] - first < r->cut_length ? l->shape[last] - first : r->cut_length;

    char *data[YK_MAX_OPERANDS];
    int64_t inner[YK_MAX_OPERANDS], index[YK_MAX_AXES];
    for (int o = 0; o < l->operands; o++) {
        inner[o] = l->strides[o][last];
        data[o] = l->data[o] + first * inner[o];
    }
    int64_t rest = row;
    for (int k = last - 1; k >= 0; k--) {
        index[k] = rest % l->shape[k];
        rest /= l->shape[k];
        for (int o = 0; o < l->operands; o++) data[o] += index[k] * l->strides[o][k];
    }
    for (;;) {
        r->body(r->context, data, inner, n);
        if (++row >= end) return;
        for (int k = last - 1; k >= 0; k--) {
            for (int o = 0; o < l->operands; o++) data[o] += l->strides[o][k];
            if (++index[k] < l->shape[k]) break;
            index[k] = 0;
            for (int o = 0; o < l->operands; o++) data[o] -= l->shape[k] * l->strides[o][k];
        }
    }
}

void yk_layout_run(yk_layout *l, int64_t elements, yk_row_body body, void *context) {
    yk_layout_simplify(l);
    choose_rows(l);
    const int64_t n = l->shape[l->rank - 1];
    layout_run r = {.layout = l, .body = body, .context = context, .rows = yk_layout_count(l) / n};
    if (n > elements) {
        r.cuts = (n + elements - 1) / elements;
        r.cut_length = elements;
        r.rows_per_piece = 1;
    } else {
        r.cuts = 1;
        r.cut_length = n;
        r.rows_per_piece = elements / n;
    }
    yk_parallel((r.rows + r.rows_per_piece - 1) / r.rows_per_piece * r.cuts, run_piece, &r);
}

typedef struct range_run {
    int64_t n, elements;
    void (*body)(void *, int64_t, int64_t);
    void *context;
} range_run;

static void run_range(void *context, int64_t piece) {
    const range_run *r = context;
    int64_t first = piece * r->elements;
    r->body(r->context, first, r->n - first < r->elements ? r->n - first : r->elements);
}

void yk_ranges(int64_t n, int64_t elements, void (*body)(void *, int64_t, int64_t), void *context) {
    range_run r = {.n = n, .elements = elements, .body = body, .context = context};
    yk_parallel((n + elements - 1) / elements, run_range, &r);
}
