// How a matrix product is cut into blocks and pieces. No sum depends on it: each runs over k in the same order.
//
// The smaller factor is packed once, by all threads, and shared; each piece takes a range of the other factor's rows
// or columns and packs that for itself, block of k after block of k. Small products have one parallel call whose
// pieces pack both.
#include "gemm_engine.h"

#include <string.h>

enum {
    SHARED_BYTES = 8 << 20,  // what a packed shared factor may take
    SIDE_K = 64,             // the k packed at a time where a panel's rows or columns lie side by side
    SERIAL_WORK = 1 << 19,   // multiply-adds below which one thread does a product alone
    SMALL_WORK = 1 << 22,    // and below which pieces pack both factors
    BATCH_WORK = 1 << 24,    // the same for products of a batch
    LARGEST_TILE = 32 * 32,
};

typedef struct plan {
    const yk_gemm_call *g;
    const gemm_engine *e;
    int64_t batch;          // the product of the batch; in small mode a piece's own
    int64_t i0, i1, j0, j1; // the part of c that is being computed
    int64_t k0, k1;         // the part of k
    char *a, *b;            // packed and shared, or NULL where pieces pack for themselves
    int64_t rows, columns;  // the extents of a piece
    int64_t pieces_across;  // pieces along n
    int64_t pieces_down;    // and along m
    int64_t panels;         // the panels of the shared factor that are packed at a time
    float *sums;            // the sums of earlier parts of k, tile after tile, or NULL
    bool direct;
    bool in_place;          // whether tiles read a where it lies
} plan;

static int64_t padded_k(const gemm_engine *e, int64_t k) { return round_up(k, e->k_unit); }

// The bytes of a panel of `width` for k values.
static int64_t panel_bytes(const gemm_engine *e, int64_t width, int64_t k) {
    return width * padded_k(e, k) * e->element;
}

// Packs `extent` rows or columns of a factor into panels. Where they lie side by side, the panels grow together, so
// that memory is read in the order in which it lies.
static void pack_panels(const gemm_engine *e, bool is_a, char *out, const char *source, yk_dtype type,
                        int64_t x_stride, int64_t k_stride, int64_t extent, int64_t k) {
    const int64_t width = is_a ? e->mr : e->nr, size = yk_dtype_size(type), step = panel_bytes(e, width, k);
    const int64_t depth = x_stride == 1 ? SIDE_K : most(k, 1);
    for (int64_t k0 = 0; k0 < most(k, 1); k0 += depth) {
        char *panel = out + k0 * width * e->element;
        for (int64_t x = 0; x < extent; x += width, panel += step)
            (is_a ? e->pack_a : e->pack_b)(panel, source + (x * x_stride + k0 * k_stride) * size, type, x_stride,
                                           k_stride, least(width, extent - x), least(depth, k - k0));
    }
}

static void pack_rows(const plan *p, int64_t batch, char *out, int64_t i0, int64_t i1, int64_t k0, int64_t k) {
    const yk_gemm_call *g = p->g;
    const int64_t at = batch * g->a_batch + i0 * g->a_row + k0 * g->a_column;
    pack_panels(p->e, true, out, (const char *)g->a + at * yk_dtype_size(g->type), g->type, g->a_row, g->a_column,
                i1 - i0, k);
}

static void pack_columns(const plan *p, int64_t batch, char *out, int64_t j0, int64_t j1, int64_t k0, int64_t k) {
    const yk_gemm_call *g = p->g;
    const int64_t at = batch * g->b_batch + k0 * g->b_row + j0 * g->b_column;
    pack_panels(p->e, false, out, (const char *)g->b + at * yk_dtype_size(g->type), g->type, g->b_column, g->b_row,
                j1 - j0, k);
}

// ---- Tiles ----

typedef struct tile_place {
    int64_t batch, i, j; // where the tile lies in c
    int64_t rows, columns;
    bool first, last;    // whether its block of k is
    float *sums;         // the tile's place among the sums, or NULL when the block is both first and last
} tile_place;

// The factors of a tile for one block of k.
typedef struct factors {
    int64_t k;
    const char *a, *b; // panels
    int64_t a_row;     // where a is no panel but read in place: the bytes from a row to the next; else 0
    const gemm_ahead *ahead;
} factors;

static inline void multiply_tile(const gemm_engine *e, const factors *f, const float *in, int64_t in_stride,
                                 float *out, int64_t out_stride) {
    if (f->a_row) e->tile_in_place(f->k, f->a, f->a_row, f->b, in, in_stride, out, out_stride, f->ahead);
    else e->tile(f->k, f->a, f->b, in, in_stride, out, out_stride, f->ahead);
}

static void direct_tile(const plan *p, const tile_place *t, const factors *f) {
    const yk_gemm_call *g = p->g;
    const gemm_engine *e = p->e;
    float *c = (float *)g->c + t->batch * g->c_batch + t->i * g->c_row + t->j;
    const bool adds = !t->first || g->accumulate;
    if (t->rows == e->mr && t->columns == e->nr) {
        multiply_tile(e, f, adds ? c : NULL, g->c_row, c, g->c_row);
        return;
    }
    _Alignas(64) float edge[LARGEST_TILE];
    const size_t bytes = (size_t)t->columns * sizeof(float);
    if (adds) {
        memset(edge, 0, sizeof edge);
        for (int64_t r = 0; r < t->rows; r++) memcpy(edge + r * e->nr, c + r * g->c_row, bytes);
    }
    multiply_tile(e, f, adds ? edge : NULL, e->nr, edge, e->nr);
    for (int64_t r = 0; r < t->rows; r++) memcpy(c + r * g->c_row, edge + r * e->nr, bytes);
}

static void deferred_tile(const plan *p, const tile_place *t, const factors *f) {
    const gemm_engine *e = p->e;
    gemm_deferred *d = e->deferred();
    const int next = d->current ^ 1;
    multiply_tile(e, f, t->first ? NULL : t->sums, e->nr, d->sums[next], e->nr);
    e->finish_deferred(d);
    d->current = next;
    d->call = p->g;
    d->batch = t->batch, d->i = t->i, d->j = t->j;
    d->rows = t->rows, d->columns = t->columns, d->done = 0;
}

static void full_tile(const plan *p, const tile_place *t, const factors *f) {
    const gemm_engine *e = p->e;
    const float *in = t->first ? NULL : t->sums;
    if (!t->last) {
        multiply_tile(e, f, in, e->nr, t->sums, e->nr);
    } else if (e->deferred) {
        deferred_tile(p, t, f);
    } else {
        _Alignas(64) float sums[LARGEST_TILE];
        multiply_tile(e, f, in, e->nr, sums, e->nr);
        e->epilogue(p->g, t->batch, t->i, t->j, t->rows, t->columns, sums, e->nr);
    }
}

// All tiles of rows i0..<i1 and columns j0..<j1 for one block of k.
typedef struct block {
    int64_t batch, i0, i1, j0, j1, k;
    bool first, last;
    const char *a, *b;   // the panels of i0 and j0
    int64_t a_step;      // bytes from a panel of a to the next
    int64_t a_row;       // as in factors
    const char *a_edge;  // where a is read in place: the panel of the last rows, when they fill none
    float *sums;         // the tile of (i0, j0)
    int64_t sums_row;    // the tiles in a row of tiles
} block;

static void one_tile(const plan *p, const block *x, int64_t i, int64_t j, const gemm_ahead *ahead) {
    const gemm_engine *e = p->e;
    const int64_t down = (i - x->i0) / e->mr, across = (j - x->j0) / e->nr;
    tile_place t = {x->batch, i, j, least(e->mr, x->i1 - i), least(e->nr, x->j1 - j), x->first, x->last, NULL};
    if (x->sums) t.sums = x->sums + (down * x->sums_row + across) * e->mr * e->nr;
    factors f = {x->k, x->a + down * x->a_step, x->b + across * panel_bytes(e, e->nr, x->k), x->a_row, ahead};
    if (x->a_row && t.rows < e->mr) f.a = x->a_edge, f.a_row = 0;
    if (p->direct) direct_tile(p, &t, &f);
    else full_tile(p, &t, &f);
}

// The share of `lines` lines from `from` on that tile `number` of `tiles` asks for.
static void share_lines(gemm_ahead *ahead, const char *from, int64_t lines, int64_t number, int64_t tiles) {
    const int64_t first = lines * number / tiles;
    ahead->lines = from + 64 * first;
    ahead->line_count = lines * (number + 1) / tiles - first;
}

// What the tile at (i, j) of a pass over columns jb..<je asks for: its share of the next panel of a and of the next
// columns of b, and the results of the tile after it.
static gemm_ahead look_ahead(const plan *p, const block *x, int64_t i, int64_t j, int64_t jb, int64_t je) {
    const yk_gemm_call *g = p->g;
    const gemm_engine *e = p->e;
    gemm_ahead ahead = {0};
    const int64_t across = ceil_div(je - jb, e->nr), number = (j - jb) / e->nr;
    if (x->a_row && i + 2 * e->mr <= x->i1) {
        const int64_t r = e->mr * number / across;
        ahead.a = x->a + ((i - x->i0) / e->mr + 1) * x->a_step + r * x->a_row;
        ahead.a_row = x->a_row;
        ahead.a_rows = e->mr * (number + 1) / across - r;
    }
    if (p->b && je < x->j1) {
        const int64_t columns = least(e->column_block, x->j1 - je), down = ceil_div(x->i1 - x->i0, e->mr);
        const int64_t bytes = panel_bytes(e, e->nr, x->k), tile = (i - x->i0) / e->mr * across + number;
        share_lines(&ahead, x->b + (je - x->j0) / e->nr * bytes, ceil_div(columns, e->nr) * bytes / 64, tile,
                    down * across);
    }
    if (p->direct || x->last) {
        // Direct tiles read the next results soon; deferred ones write their own while the next are made.
        int64_t ri = i, rj = j;
        if (p->direct) {
            rj += e->nr;
            if (rj >= je) ri += e->mr, rj = jb;
        }
        if (ri < x->i1) {
            const int64_t size = yk_dtype_size(g->c_type), bytes = least(e->nr, x->j1 - rj) * size;
            ahead.result_rows = least(e->mr, x->i1 - ri);
            // Activations exclude each other: there is `pre` of one, or `slope` and `activated` of its gradient.
            const struct {
                const void *at;
                int64_t batch, row;
            } results[3] = {{g->c, g->c_batch, g->c_row},
                            {g->pre ? g->pre : g->slope, g->pre ? g->pre_batch : g->slope_batch,
                             g->pre ? g->pre_row : g->slope_row},
                            {g->activated, g->activated_batch, g->activated_row}};
            for (int n = 0; n < 3; n++) {
                if (!results[n].at) continue;
                ahead.results[n].at =
                    (char *)results[n].at + (x->batch * results[n].batch + ri * results[n].row + rj) * size;
                ahead.results[n].row = results[n].row * size, ahead.results[n].bytes = bytes;
            }
        }
    }
    return ahead;
}

// The share of the next panel of b that tile `number` of `down` asks for while the panel of column j passes.
static gemm_ahead next_panel(const plan *p, const block *x, int64_t j, int64_t number, int64_t down) {
    const gemm_engine *e = p->e;
    gemm_ahead ahead = {0};
    if (!e->asks_for_b || j + e->nr >= x->j1) return ahead;
    const int64_t bytes = panel_bytes(e, e->nr, x->k);
    share_lines(&ahead, x->b + ((j - x->j0) / e->nr + 1) * bytes, bytes / 64, number, down);
    return ahead;
}

static void all_tiles(const plan *p, const block *x) {
    const gemm_engine *e = p->e;
    if (e->keeps_a) {
        // What a piece packed for itself lies in L2; of what is shared a part is taken at a time.
        const int64_t width = p->b ? e->column_block : x->j1 - x->j0;
        for (int64_t jb = x->j0; jb < x->j1; jb += width) {
            const int64_t je = least(x->j1, jb + width);
            for (int64_t i = x->i0; i < x->i1; i += e->mr)
                for (int64_t j = jb; j < je; j += e->nr) {
                    const gemm_ahead ahead = look_ahead(p, x, i, j, jb, je);
                    one_tile(p, x, i, j, &ahead);
                }
        }
    } else {
        for (int64_t ib = x->i0; ib < x->i1; ib += e->row_block) {
            const int64_t ie = least(x->i1, ib + e->row_block), down = ceil_div(ie - ib, e->mr);
            for (int64_t j = x->j0; j < x->j1; j += e->nr)
                for (int64_t i = ib; i < ie; i += e->mr) {
                    const gemm_ahead ahead = next_panel(p, x, j, (i - ib) / e->mr, down);
                    one_tile(p, x, i, j, &ahead);
                }
        }
    }
}

// ---- Pieces ----

// Rows i0..<i1, columns j0..<j1, all of k0..<k1.
static void multiply(const plan *p, int64_t batch, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    const yk_gemm_call *g = p->g;
    const gemm_engine *e = p->e;
    const int64_t panels_down = ceil_div(i1 - i0, e->mr), panels_across = ceil_div(j1 - j0, e->nr);
    // Read in place: all but rows that fill no tile, and a last block of k that fills no step.
    const bool packs = !p->in_place || g->k % e->k_unit;
    const int64_t edge = (i1 - i0) % e->mr;
    const int64_t own_panels = p->a ? 0 : packs ? panels_down : edge ? 1 : 0;
    const int64_t a_bytes = round_up(own_panels * panel_bytes(e, e->mr, e->k_block), 64);
    const int64_t b_bytes = p->b ? 0 : round_up(panels_across * panel_bytes(e, e->nr, e->k_block), 64);
    char *own = a_bytes + b_bytes ? yk_scratch(1, (size_t)(a_bytes + b_bytes) + 64) : NULL;
    block x = {.batch = batch, .i0 = i0, .i1 = i1, .j0 = j0, .j1 = j1};
    const int64_t tile = e->mr * e->nr;
    if (p->sums) {
        x.sums_row = ceil_div(p->j1 - p->j0, e->nr);
        x.sums = p->sums + ((i0 - p->i0) / e->mr * x.sums_row + (j0 - p->j0) / e->nr) * tile;
    } else if (!p->direct && g->k > e->k_block) {
        x.sums_row = panels_across;
        x.sums = yk_scratch(2, (size_t)(panels_down * panels_across * tile) * sizeof(float));
    }
    if (e->begin) e->begin();
    int64_t k = p->k0;
    do {
        x.k = least(e->k_block, p->k1 - k);
        x.first = k == 0;
        x.last = k + x.k >= g->k;
        x.a_step = panel_bytes(e, e->mr, x.k);
        x.a_row = 0;
        if (p->a) {
            x.a = p->a + (k - p->k0) * round_up(p->i1 - p->i0, e->mr) * e->element
                  + (i0 - p->i0) / e->mr * x.a_step;
        } else if (p->in_place && x.k % e->k_unit == 0) {
            x.a = (const char *)g->a + (batch * g->a_batch + i0 * g->a_row + k) * e->element;
            x.a_row = g->a_row * e->element;
            x.a_step = e->mr * x.a_row;
            x.a_edge = own;
            if (edge) pack_rows(p, batch, own, i1 - edge, i1, k, x.k);
        } else {
            pack_rows(p, batch, own, i0, i1, k, x.k);
            x.a = own;
        }
        if (p->b) {
            x.b = p->b + (k - p->k0) * round_up(p->j1 - p->j0, e->nr) * e->element
                  + (j0 - p->j0) / e->nr * panel_bytes(e, e->nr, x.k);
        } else {
            pack_columns(p, batch, own + a_bytes, j0, j1, k, x.k);
            x.b = own + a_bytes;
        }
        all_tiles(p, &x);
        k += x.k;
    } while (k < p->k1);
    if (e->deferred) e->finish_deferred(e->deferred());
    if (e->end) e->end();
}

static void piece(void *context, int64_t number) {
    const plan *p = context;
    const int64_t grid = p->pieces_across * p->pieces_down;
    const int64_t batch = p->batch + number / grid;
    const int64_t i = p->i0 + number % grid / p->pieces_across * p->rows;
    const int64_t j = p->j0 + number % p->pieces_across * p->columns;
    multiply(p, batch, i, least(p->i1, i + p->rows), j, least(p->j1, j + p->columns));
}

// A few panels of the shared factor, for all blocks of k0..<k1. They are packed block after block, so that what lies
// side by side is read together.
static void pack_shared(void *context, int64_t number) {
    const plan *p = context;
    const gemm_engine *e = p->e;
    const int64_t first = number * p->panels;
    for (int64_t k = p->k0; k < p->k1; k += e->k_block) {
        const int64_t count = least(e->k_block, p->k1 - k);
        if (p->a) {
            const int64_t i = p->i0 + first * e->mr;
            char *out = p->a + (k - p->k0) * round_up(p->i1 - p->i0, e->mr) * e->element
                        + first * panel_bytes(e, e->mr, count);
            pack_rows(p, p->batch, out, i, least(p->i1, i + p->panels * e->mr), k, count);
        } else {
            const int64_t j = p->j0 + first * e->nr;
            char *out = p->b + (k - p->k0) * round_up(p->j1 - p->j0, e->nr) * e->element
                        + first * panel_bytes(e, e->nr, count);
            pack_columns(p, p->batch, out, j, least(p->j1, j + p->panels * e->nr), k, count);
        }
    }
}

// ---- Plans ----

// Pieces that pack both factors: the whole product, or ranges of its columns.
static void small_products(plan p, int64_t items) {
    const gemm_engine *e = p.e;
    const int64_t work = p.g->m * p.g->n * most(p.g->k, 1), panels = ceil_div(p.g->n, e->nr);
    int64_t parts = items >= 8 ? 1 : least(panels, most(1, work / (SERIAL_WORK / 2)));
    p.rows = p.g->m;
    p.columns = ceil_div(panels, parts) * e->nr;
    p.pieces_down = 1;
    p.pieces_across = ceil_div(p.g->n, p.columns);
    p.k0 = 0;
    p.k1 = p.g->k;
    const int64_t pieces = items * p.pieces_across;
    if (work * items <= SERIAL_WORK)
        for (int64_t i = 0; i < pieces; i++) piece(&p, i);
    else yk_parallel(pieces, piece, &p);
}

// The rows or columns of a piece: the same for all, as far as panels of `width` allow.
static int64_t piece_extent(int64_t extent, int64_t width, int64_t smallest, int64_t largest, int64_t pieces) {
    const int64_t wanted = most(smallest, least(largest, ceil_div(extent, pieces * yk_thread_count())));
    return round_up(ceil_div(extent, ceil_div(extent, wanted)), width);
}

// The part of c that the plan names, with one factor shared.
static void shared_product(plan p, bool shares_a) {
    const yk_gemm_call *g = p.g;
    const gemm_engine *e = p.e;
    const int64_t m = p.i1 - p.i0, n = p.j1 - p.j0;
    const int64_t width = shares_a ? e->mr : e->nr, extent = round_up(shares_a ? m : n, width);
    const int64_t depth = round_up(least(g->k, GEMM_OUTER_K), e->k_unit);
    char *shared = yk_scratch(0, (size_t)(extent * depth * e->element) + 64);
    if (shares_a) {
        p.a = p.in_place ? NULL : shared;
        p.rows = m;
        p.columns = piece_extent(n, e->nr, e->least_columns, e->most_columns, e->column_pieces);
    } else {
        p.b = shared;
        p.columns = n;
        p.rows = piece_extent(m, e->mr, e->least_rows, e->most_rows, e->row_pieces);
    }
    p.pieces_down = ceil_div(m, p.rows);
    p.pieces_across = ceil_div(n, p.columns);
    p.panels = most(1, least(16, extent / width / 8));
    if (g->k > GEMM_OUTER_K && !p.direct)
        p.sums = yk_scratch(2, (size_t)(round_up(m, e->mr) * round_up(n, e->nr)) * sizeof(float));
    for (p.k0 = 0; p.k0 < g->k; p.k0 += GEMM_OUTER_K) {
        p.k1 = least(g->k, p.k0 + GEMM_OUTER_K);
        if (p.a || p.b) yk_parallel(ceil_div(extent / width, p.panels), pack_shared, &p);
        yk_parallel(p.pieces_down * p.pieces_across, piece, &p);
    }
}

// Whether tiles can read a where it lies.
static bool reads_in_place(const yk_gemm_call *g, const gemm_engine *e) {
    const uint64_t places = (uint64_t)(uintptr_t)g->a | (uint64_t)(g->a_row * e->element)
                            | (uint64_t)(g->batch > 1 ? g->a_batch * e->element : 0);
    return e->tile_in_place && g->a_column == 1 && g->a_row > 0 && yk_dtype_size(g->type) == e->element
           && places % (uint64_t)e->alignment == 0;
}

void yk_gemm_blocks(const yk_gemm_call *g, const gemm_engine *e) {
    plan p = {.g = g, .e = e, .i1 = g->m, .j1 = g->n, .direct = gemm_is_direct(g), .in_place = reads_in_place(g, e)};
    const int64_t work = g->m * g->n * g->k;
    if (work <= SMALL_WORK || (g->batch >= 4 && work <= BATCH_WORK)) {
        small_products(p, g->batch);
        return;
    }
    const bool shares_a = g->m < g->n;
    const int64_t extent = shares_a ? g->m : g->n, width = shares_a ? e->mr : e->nr;
    const int64_t bytes = extent * least(g->k, GEMM_OUTER_K) * e->element;
    const int64_t part = round_up(ceil_div(extent, ceil_div(bytes, SHARED_BYTES)), width);
    for (p.batch = 0; p.batch < g->batch; p.batch++)
        for (int64_t x = 0; x < extent; x += part) {
            if (shares_a) p.i0 = x, p.i1 = least(extent, x + part);
            else p.j0 = x, p.j1 = least(extent, x + part);
            shared_product(p, shares_a);
        }
}
