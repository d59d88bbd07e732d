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
} recurrent_plan;

// Some rows of one scan.
typedef struct recurrent_piece {
    const recurrent_plan *plan;
    const yk_recurrent_scan *scan;
    const void *packed;
    const int32_t *rows; // by falling length
    int64_t count;
} recurrent_piece;

static inline int64_t recurrent_length(const yk_recurrent_call *c, int64_t row) {
    return c->lengths ? c->lengths[row] : c->T;
}

// The position of a row's step.
static inline int64_t recurrent_position(const yk_recurrent_scan *s, int64_t length, int64_t step) {
    return s->reverse ? length - 1 - step : step;
}

static inline yk_dtype recurrent_wide(const yk_recurrent_call *c) { return c->dtype == YK_F64 ? YK_F64 : YK_F32; }

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
