// What follows a product of filters with all windows of sequences: the largest value of each filter, and a backward pass
// that looks at the windows with a largest value only, K · C numbers for each sequence and filter.
#include "yk_windows.h"

#include "typed.h"

// The references.
static void maxima_scalar(void *values, int32_t *places, const void *rows, yk_dtype t, int64_t F, int64_t count) {
    for (int64_t f = 0; f < F; f++) {
        double m = yk_get(rows, t, f);
        places[f] = 0;
        for (int64_t n = 1; n < count; n++) {
            const double x = yk_get(rows, t, n * F + f);
            if (x > m || (x != x && m == m)) m = x, places[f] = (int32_t)n;
        }
        yk_put(values, t, f, m);
    }
}

// out += scale · x, for out of f64 where x is and of f32 otherwise.
static void add_scaled_scalar(void *out, const void *x, yk_dtype t, double scale, int64_t n) {
    const yk_dtype wide = yk_accumulation(t);
    for (int64_t i = 0; i < n; i++) yk_put(out, wide, i, yk_get(out, wide, i) + scale * yk_get(x, t, i));
}

#define YK_BODY "windows_body.h"
#include "instantiate.h"

static int64_t rows_of(const yk_row_maxima *c, int64_t b) {
    if (!c->lengths) return c->N;
    const int64_t count = c->lengths[b] == 0 ? 0 : c->N - (c->positions - c->lengths[b]);
    return count > 0 ? count : 0;
}

static void maxima_piece(void *context, int64_t b) {
    const yk_row_maxima *c = context;
    void *values = yk_at(c->values, c->dtype, b * c->values_row);
    int32_t *places = c->places + b * c->places_row;
    const void *rows = yk_const_at(c->rows, c->dtype, b * c->rows_between * c->F);
    const int64_t count = rows_of(c, b);
    if (count == 0) {
        for (int64_t f = 0; f < c->F; f++) {
            yk_put(values, c->dtype, f, 0);
            places[f] = -1;
        }
    } else if (c->dtype == YK_F64) {
        maxima_scalar(values, places, rows, c->dtype, c->F, count);
    } else {
        YK_DISPATCH(maxima, values, places, rows, c->dtype, c->F, count);
    }
}

void yk_maxima_of_rows(const yk_row_maxima *call) { yk_parallel(call->B, maxima_piece, (void *)call); }

static int32_t place_of(const yk_window_gradient *c, int64_t b, int64_t f) { return c->places[b * c->places_row + f]; }

static double gradient_of(const yk_window_gradient *c, int64_t b, int64_t f) {
    return yk_get(c->gradient, yk_accumulation(c->dtype), b * c->gradient_row + f);
}

// The numbers of a window that lie within its sequence: where they begin, and how many there are.
typedef struct window_part {
    int64_t source, weight, count;
} window_part;

static window_part part_of(const yk_window_gradient *c, int64_t b, int64_t f) {
    window_part part = {};
    const int64_t place = place_of(c, b, f), length = c->lengths ? c->lengths[b] : c->T;
    if (place < 0) return part;
    const int64_t begin = place - c->leading, first = begin > 0 ? begin : 0;
    const int64_t end = begin + c->K < length ? begin + c->K : length;
    part.source = (b * c->T + first) * c->C;
    part.weight = (f * c->K + first - begin) * c->C;
    part.count = end > first ? (end - first) * c->C : 0;
    return part;
}

// out += scale · x, for out of the wide dtype.
static void add_numbers(const yk_window_gradient *c, void *out, int64_t to, const void *x, int64_t from, double scale,
                        int64_t count) {
    void *target = yk_at(out, yk_accumulation(c->dtype), to);
    const void *row = yk_const_at(x, c->dtype, from);
    if (c->dtype == YK_F64) add_scaled_scalar(target, row, c->dtype, scale, count);
    else YK_DISPATCH(add_scaled, target, row, c->dtype, scale, count);
}

static void source_piece(void *context, int64_t b) {
    const yk_window_gradient *c = context;
    for (int64_t f = 0; f < c->F; f++) {
        const double scale = gradient_of(c, b, f);
        const window_part part = part_of(c, b, f);
        if (scale != 0) add_numbers(c, c->source_gradient, part.source, c->weight, part.weight, scale, part.count);
    }
}

static void filter_piece(void *context, int64_t f) {
    const yk_window_gradient *c = context;
    const int64_t size = c->K * c->C;
    const yk_dtype wide = yk_accumulation(c->dtype);
    double sum = 0;
    if (c->weight_gradient)
        memset(yk_at(c->weight_gradient, wide, f * size), 0, (size_t)(size * yk_dtype_size(wide)));
    for (int64_t b = 0; b < c->B; b++) {
        const double scale = place_of(c, b, f) < 0 ? 0 : gradient_of(c, b, f);
        sum += scale;
        if (scale == 0 || !c->weight_gradient) continue;
        const window_part part = part_of(c, b, f);
        add_numbers(c, c->weight_gradient, part.weight, c->source, part.source, scale, part.count);
    }
    if (c->bias_gradient) yk_put(c->bias_gradient, wide, f, sum);
}

void yk_gradient_of_windows(const yk_window_gradient *call) {
    if (call->source_gradient) yk_parallel(call->B, source_piece, (void *)call);
    if (call->weight_gradient || call->bias_gradient) yk_parallel(call->F, filter_piece, (void *)call);
}
