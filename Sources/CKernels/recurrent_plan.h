// What the pieces of a recurrent scan share.
#pragma once

#include "typed.h"
#include "yk_gemm.h" // yk_activation
#include "yk_recurrent.h"

#include <math.h>
#include <string.h>

typedef struct recurrent_plan {
    const yk_recurrent_call *call;
    const int32_t *order; // the rows by falling length
    int64_t gates;        // of the cell
    int64_t width;        // H rounded up to whole vectors
    int64_t piece_rows;   // rows of a piece
    char *packed;         // the weight of each scan as the kernels want it, its bias behind it
    int64_t packed_bytes; // of one scan
    bool backward;
    int64_t (*live)[2];   // of each piece
} recurrent_plan;

// Some rows of one scan.
typedef struct recurrent_piece {
    const recurrent_plan *plan;
    const yk_recurrent_scan *scan;
    const void *packed;
    const int32_t *rows; // by falling length
    int64_t count;
    int64_t *live; // [2]
} recurrent_piece;

static inline int64_t recurrent_length(const yk_recurrent_call *c, int64_t row) {
    return c->lengths ? c->lengths[row] : c->T;
}

// The position of a row's step.
static inline int64_t recurrent_position(const yk_recurrent_scan *s, int64_t length, int64_t step) {
    return s->reverse ? length - 1 - step : step;
}

// Notes that a position has a gradient.
static inline void recurrent_lives(const recurrent_piece *p, int64_t position) {
    if (position < p->live[0]) p->live[0] = position;
    if (position >= p->live[1]) p->live[1] = position + 1;
}

// The features of a row at a position.
static inline void *sequence_at(yk_sequences x, yk_dtype t, int64_t row, int64_t position) {
    return yk_at(x.address, t, row * x.batch + position * x.position);
}

// The rows that have a step, a prefix of the piece's: `active` is their number at a smaller or equal step or, going
// back, at a larger or equal one.
static inline int64_t recurrent_active(const recurrent_piece *p, int64_t step, int64_t active) {
    const yk_recurrent_call *c = p->plan->call;
    while (active > 0 && recurrent_length(c, p->rows[active - 1]) <= step) active--;
    while (active < p->count && recurrent_length(c, p->rows[active]) > step) active++;
    return active;
}

// Whether all n elements are zeros.
static inline bool recurrent_is_zero(const void *x, yk_dtype t, int64_t n) {
    for (int64_t i = 0; x && i < n; i++)
        if (yk_get(x, t, i) != 0) return false;
    return true;
}

// The steps of a row that a gradient reaches are those before the returned number. A row's alone, so that its bits do not
// depend on the rows beside it.
static inline int64_t recurrent_live_steps(const recurrent_piece *p, int64_t row) {
    const yk_recurrent_call *c = p->plan->call;
    const yk_recurrent_scan *s = p->scan;
    const int64_t length = recurrent_length(c, row), at = row * c->H;
    const yk_typed hidden = s->dfinal_hidden, cell = s->dfinal_cell;
    if (!recurrent_is_zero(yk_const_at(hidden.address, hidden.dtype, at), hidden.dtype, c->H)
        || !recurrent_is_zero(yk_const_at(cell.address, cell.dtype, at), cell.dtype, c->H))
        return length;
    for (int64_t step = length; step > 0; step--) {
        const int64_t t = recurrent_position(s, length, step - 1);
        if (!recurrent_is_zero(sequence_at(s->dout, c->dtype, row, t), c->dtype, c->H)) return step;
    }
    return 0;
}

// Writes zeros for a row's steps from `live` on (at most its length) and for the positions that it does not have.
static inline void recurrent_clear_steps(const recurrent_piece *p, int64_t row, int64_t live) {
    const yk_recurrent_call *c = p->plan->call;
    const yk_dtype wide = yk_accumulation(c->dtype);
    const int64_t length = recurrent_length(c, row);
    for (int64_t step = live; step < c->T; step++) {
        const int64_t t = step < length ? recurrent_position(p->scan, length, step) : step;
        memset(sequence_at(p->scan->gates, wide, row, t), 0, (size_t)(p->plan->gates * c->H * yk_dtype_size(wide)));
        memset(sequence_at(p->scan->previous, c->dtype, row, t), 0, (size_t)(c->H * yk_dtype_size(c->dtype)));
        if (c->cell == YK_GRU)
            memset(sequence_at(p->scan->memory, wide, row, t), 0, (size_t)(c->H * yk_dtype_size(wide)));
    }
}
