#include "convert.h"
#include "layout.h"
#include "typed.h"
#include "yk_elementwise.h"

enum {
    MOVING_PIECE = 65536, // elements of a piece of work
    BLOCK = 512,
    // The tile of a transposition: a few cache lines along both sides.
    TILE_ROWS = 32,
    TILE_COLUMNS = 64,
};

// ---- Fill ----

typedef struct fill_call {
    int64_t size;
    uint64_t bits;
} fill_call;

#define FILL(type)                                                                                             \
    {                                                                                                          \
        const type value = (type)c->bits;                                                                      \
        if (s[0] == sizeof(type))                                                                              \
            for (int64_t i = 0; i < n; i++) ((type *)data[0])[i] = value;                                      \
        else                                                                                                   \
            for (int64_t i = 0; i < n; i++) *(type *)(data[0] + i * s[0]) = value;                             \
        break;                                                                                                 \
    }

static void fill_row(void *context, char *const *data, const int64_t *s, int64_t n) {
    const fill_call *c = context;
    switch (c->size) {
    case 1: FILL(uint8_t)
    case 2: FILL(uint16_t)
    case 4: FILL(uint32_t)
    default: FILL(uint64_t)
    }
}

void yk_fill(yk_dtype type, int rank, const intptr_t *shape, void *out, const intptr_t *out_strides, double value) {
    fill_call call = {.size = yk_dtype_size(type)};
    yk_write_f64((char *)&call.bits, type, 8, &value, 1);
    yk_layout layout;
    yk_layout_begin(&layout, rank, shape);
    yk_layout_add(&layout, out, out_strides, call.size);
    if (yk_layout_count(&layout)) yk_layout_run(&layout, MOVING_PIECE, fill_row, &call);
}

// ---- Copy ----

typedef struct copy_call {
    yk_dtype to, from;
} copy_call;

#define COPY(type)                                                                                             \
    for (int64_t i = 0; i < n; i++) *(type *)(out + i * out_stride) = *(const type *)(x + i * x_stride)

// n elements with strides in bytes.
static void copy_run(char *out, yk_dtype to, int64_t out_stride, const char *x, yk_dtype from, int64_t x_stride,
                     int64_t n) {
    const int64_t to_size = yk_dtype_size(to), from_size = yk_dtype_size(from);
    const bool in_rows = out_stride == to_size && x_stride == from_size;
    if (to == from) {
        if (in_rows) {
            memcpy(out, x, (size_t)(n * to_size));
            return;
        }
        switch (to_size) {
        case 1: COPY(uint8_t); return;
        case 2: COPY(uint16_t); return;
        case 4: COPY(uint32_t); return;
        default: COPY(uint64_t); return;
        }
    }
    if (in_rows && to == YK_BF16 && from == YK_F32) {
        yk_narrow((uint16_t *)out, (const float *)x, n);
        return;
    }
    if (in_rows && to == YK_F32 && from == YK_BF16) {
        yk_widen((float *)out, (const uint16_t *)x, n);
        return;
    }
    double block[BLOCK];
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t m = n - i < BLOCK ? n - i : BLOCK;
        yk_read_f64(block, x + i * x_stride, from, x_stride, m);
        yk_write_f64(out + i * out_stride, to, out_stride, block, m);
    }
}

static void copy_row(void *context, char *const *data, const int64_t *s, int64_t n) {
    const copy_call *c = context;
    copy_run(data[0], c->to, s[0], data[1], c->from, s[1], n);
}

// A copy whose result runs along the last axis and whose source runs along axis `across`.
typedef struct transposition {
    const yk_layout *layout;
    copy_call types;
    int across;
    int64_t row_tiles, column_tiles;
} transposition;

#define TURN(type)                                                                                             \
    for (int64_t j = 0; j < columns; j++) {                                                                    \
        const type *from = (const type *)(x + j * x_stride);                                                   \
        for (int64_t i = 0; i < rows; i++) ((type *)tile)[i * TILE_COLUMNS + j] = from[i];                     \
    }

static void turn_tile(const transposition *t, char *out, const char *x, int64_t rows, int64_t columns) {
    const yk_layout *l = t->layout;
    const int last = l->rank - 1;
    const int64_t x_stride = l->strides[1][last], out_stride = l->strides[0][t->across];
    const int64_t size = yk_dtype_size(t->types.from);
    uint64_t tile[TILE_ROWS * TILE_COLUMNS];
    switch (size) {
    case 1: TURN(uint8_t) break;
    case 2: TURN(uint16_t) break;
    case 4: TURN(uint32_t) break;
    default: TURN(uint64_t) break;
    }
    for (int64_t i = 0; i < rows; i++)
        copy_run(out + i * out_stride, t->types.to, l->strides[0][last], (const char *)tile + i * TILE_COLUMNS * size,
                 t->types.from, size, columns);
}

// One piece: a strip of tiles along the last axis.
static void turn_strip(void *context, int64_t piece) {
    const transposition *t = context;
    const yk_layout *l = t->layout;
    const int last = l->rank - 1;
    const int64_t first = piece % t->row_tiles * TILE_ROWS;
    const int64_t height = l->shape[t->across], width = l->shape[last];
    const int64_t rows = height - first < TILE_ROWS ? height - first : TILE_ROWS;
    char *out = l->data[0] + first * l->strides[0][t->across];
    const char *x = l->data[1] + first * l->strides[1][t->across];
    int64_t rest = piece / t->row_tiles;
    for (int k = last - 1; k >= 0; k--) {
        if (k == t->across) continue;
        const int64_t index = rest % l->shape[k];
        rest /= l->shape[k];
        out += index * l->strides[0][k];
        x += index * l->strides[1][k];
    }
    for (int64_t j = 0; j < width; j += TILE_COLUMNS)
        turn_tile(t, out + j * l->strides[0][last], x + j * l->strides[1][last], rows,
                  width - j < TILE_COLUMNS ? width - j : TILE_COLUMNS);
}

// The axis along which the source runs where that is not the last; −1 when the copy is no transposition.
static int crossing_axis(const yk_layout *l, const copy_call *c) {
    const int last = l->rank - 1;
    const int64_t size = yk_dtype_size(c->from);
    if (l->strides[0][last] != yk_dtype_size(c->to) || l->strides[1][last] == size || l->shape[last] < 4) return -1;
    for (int k = 0; k < last; k++)
        if (l->strides[1][k] == size && l->shape[k] >= 4) return k;
    return -1;
}

void yk_copy(int rank, const intptr_t *shape, void *out, yk_dtype out_type, const intptr_t *out_strides, const void *x,
             yk_dtype x_type, const intptr_t *x_strides) {
    copy_call call = {.to = out_type, .from = x_type};
    yk_layout layout;
    yk_layout_begin(&layout, rank, shape);
    yk_layout_add(&layout, out, out_strides, yk_dtype_size(out_type));
    yk_layout_add(&layout, x, x_strides, yk_dtype_size(x_type));
    const int64_t count = yk_layout_count(&layout);
    if (count == 0) return;
    yk_layout_simplify(&layout);
    const int across = crossing_axis(&layout, &call);
    if (across < 0) {
        yk_layout_run(&layout, MOVING_PIECE, copy_row, &call);
        return;
    }
    transposition t = {.layout = &layout, .types = call, .across = across};
    t.row_tiles = (layout.shape[across] + TILE_ROWS - 1) / TILE_ROWS;
    const int64_t others = count / (layout.shape[across] * layout.shape[layout.rank - 1]);
    if (count < MOVING_PIECE) {
        for (int64_t piece = 0; piece < others * t.row_tiles; piece++) turn_strip(&t, piece);
    } else {
        yk_parallel(others * t.row_tiles, turn_strip, &t);
    }
}

// ---- Select ----

#define SELECT(type)                                                                                           \
    for (int64_t i = 0; i < n; i++)                                                                            \
        *(type *)(data[0] + i * s[0]) =                                                                        \
            data[1][i * s[1]] ? *(const type *)(data[2] + i * s[2]) : *(const type *)(data[3] + i * s[3]);     \
    break;

// Rows of unit stride, which the compiler turns into vectors.
#define SELECT_ROW(type)                                                                                       \
    for (int64_t i = 0; i < n; i++)                                                                            \
        ((type *)data[0])[i] = data[1][i] ? ((const type *)data[2])[i] : ((const type *)data[3])[i];           \
    break;

static void select_row(void *context, char *const *data, const int64_t *s, int64_t n) {
    const int64_t size = *(const int64_t *)context;
    if (s[0] == size && s[1] == 1 && s[2] == size && s[3] == size) {
        switch (size) {
        case 1: SELECT_ROW(uint8_t)
        case 2: SELECT_ROW(uint16_t)
        case 4: SELECT_ROW(uint32_t)
        default: SELECT_ROW(uint64_t)
        }
        return;
    }
    switch (size) {
    case 1: SELECT(uint8_t)
    case 2: SELECT(uint16_t)
    case 4: SELECT(uint32_t)
    default: SELECT(uint64_t)
    }
}

void yk_select(int64_t element_size, int rank, const intptr_t *shape, void *out, const intptr_t *out_strides,
               const void *condition, const intptr_t *condition_strides, const void *a, const intptr_t *a_strides,
               const void *b, const intptr_t *b_strides) {
    yk_layout layout;
    yk_layout_begin(&layout, rank, shape);
    yk_layout_add(&layout, out, out_strides, element_size);
    yk_layout_add(&layout, condition, condition_strides, 1);
    yk_layout_add(&layout, a, a_strides, element_size);
    yk_layout_add(&layout, b, b_strides, element_size);
    if (yk_layout_count(&layout)) yk_layout_run(&layout, MOVING_PIECE / 2, select_row, &element_size);
}
