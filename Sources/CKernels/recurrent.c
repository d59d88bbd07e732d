// Recurrent scans. Sequences do not know of each other, so a piece of work is some of them over all of their
// positions: nothing waits between two steps. Rows of a piece are ordered by falling length, so that those that still
// have a step are always the first ones.
#include "recurrent_plan.h"

enum {
    PIECE_ROWS = 64,  // at most
    ROW_UNIT = 12,    // a multiple of the rows of every tile
    LARGEST_LANES = 16,
    PACK_PARTS = 8,
};

#include "recurrent_reference.h"

#define YK_BODY "recurrent_body.h"
#include "instantiate.h"

static void pack_part(void *context, int64_t number) {
    const recurrent_plan *p = context;
    const int64_t scan = number / PACK_PARTS, part = number % PACK_PARTS;
    void *packed = p->packed + scan * p->packed_bytes;
    if (p->call->dtype == YK_F64) pack_scalar(p, p->call->scans + scan, packed, part, PACK_PARTS);
    else YK_DISPATCH(pack, p, p->call->scans + scan, packed, part, PACK_PARTS);
}

// Writes zeros where a sequence has no position.
static void clear_rest(const yk_recurrent_call *c, yk_sequences x, yk_dtype t, int64_t row, int64_t features) {
    if (!x.address) return;
    for (int64_t i = recurrent_length(c, row); i < c->T; i++)
        memset(sequence_at(x, t, row, i), 0, (size_t)(features * yk_dtype_size(t)));
}

static void scan_piece(void *context, int64_t number) {
    const recurrent_plan *plan = context;
    const yk_recurrent_call *c = plan->call;
    const int64_t scan = number % c->scan_count, first = number / c->scan_count * plan->piece_rows;
    recurrent_piece p = {.plan = plan, .scan = c->scans + scan, .packed = plan->packed + scan * plan->packed_bytes};
    p.rows = plan->order + first;
    p.count = c->B - first < plan->piece_rows ? c->B - first : plan->piece_rows;
    p.live = plan->live[number];
    p.live[0] = c->T;
    p.live[1] = 0;
    for (int64_t i = 0; !plan->backward && i < p.count; i++) clear_rest(c, p.scan->out, c->dtype, p.rows[i], c->H);
    if (c->dtype == YK_F64) {
        if (plan->backward) backward_rows_scalar(&p);
        else forward_rows_scalar(&p);
    } else if (plan->backward) {
        YK_DISPATCH(backward_rows, &p);
    } else {
        YK_DISPATCH(forward_rows, &p);
    }
}

// The rows by falling length, those of one length in their order: counted, then placed.
static void order_rows(const yk_recurrent_call *c, int32_t *order, int32_t *starts) {
    if (!c->lengths) {
        for (int64_t i = 0; i < c->B; i++) order[i] = (int32_t)i;
        return;
    }
    memset(starts, 0, (size_t)(c->T + 2) * sizeof(int32_t));
    for (int64_t i = 0; i < c->B; i++) starts[c->T - c->lengths[i] + 1]++;
    for (int64_t i = 0; i <= c->T; i++) starts[i + 1] += starts[i];
    for (int64_t i = 0; i < c->B; i++) order[starts[c->T - c->lengths[i]]++] = (int32_t)i;
}

static int64_t rounded(int64_t x, int64_t unit) { return (x + unit - 1) / unit * unit; }

static void run(const yk_recurrent_call *c, bool backward) {
    if (c->B == 0 || c->H == 0 || c->scan_count == 0) return;
    recurrent_plan p = {.call = c, .gates = yk_recurrent_gates(c->cell), .backward = backward};
    p.width = rounded(c->H, 2 * LARGEST_LANES);
    // The largest that any set of kernels asks for.
    const int64_t elements = p.gates * p.width * (p.width + 1);
    p.packed_bytes = rounded(elements * (int64_t)sizeof(double), 64);
    const int64_t order_bytes = rounded(c->B * (int64_t)sizeof(int32_t), 64);
    const int64_t starts_bytes = rounded((c->T + 2) * (int64_t)sizeof(int32_t), 64);
    char *scratch = yk_scratch(0, (size_t)(order_bytes + starts_bytes + c->scan_count * p.packed_bytes));
    int32_t *order = (int32_t *)scratch;
    order_rows(c, order, (int32_t *)(scratch + order_bytes));
    p.order = order;
    p.packed = scratch + order_bytes + starts_bytes;
    yk_parallel(c->scan_count * PACK_PARTS, pack_part, &p);
    // About two pieces for each thread; no row depends on how they are cut.
    const int64_t wanted = (c->B * c->scan_count + 2 * yk_thread_count() - 1) / (2 * yk_thread_count());
    const int64_t most = wanted < PIECE_ROWS ? (wanted < ROW_UNIT ? ROW_UNIT : wanted) : PIECE_ROWS;
    const int64_t pieces = (c->B + most - 1) / most;
    p.piece_rows = (c->B + pieces - 1) / pieces;
    p.live = yk_scratch(2, (size_t)(c->scan_count * pieces) * sizeof *p.live);
    yk_parallel(c->scan_count * pieces, scan_piece, &p);
    for (int64_t i = 0; backward && i < c->scan_count * pieces; i++) {
        int64_t *live = c->scans[i % c->scan_count].live;
        if (!live) continue;
        if (i < c->scan_count || p.live[i][0] < live[0]) live[0] = p.live[i][0];
        if (i < c->scan_count || p.live[i][1] > live[1]) live[1] = p.live[i][1];
    }
}

int64_t yk_check_lengths(const int32_t *lengths, int64_t B, int64_t T) {
    for (int64_t i = 0; i < B; i++)
        if (lengths[i] < 0 || lengths[i] > T) return i;
    return -1;
}

void yk_recurrent_forward(const yk_recurrent_call *call) { run(call, false); }
void yk_recurrent_backward(const yk_recurrent_call *call) { run(call, true); }
