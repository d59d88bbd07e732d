// The reference of the reductions, and the walk over rows and columns. Included with REAL = float and REAL = double;
// NAME(x) gives each its suffix.

typedef struct NAME(reduce_kernels) {
    // Reduces up to YK_BLOCK elements in a row, at least 1.
    REAL (*block[KINDS])(const REAL *x, int64_t n);
    // acc [columns] = the reduction of x [rows, columns] over rows, at least 1; rows are `stride` elements apart.
    void (*columns[KINDS])(REAL *acc, const void *x, yk_dtype type, int64_t stride, int64_t rows, int64_t columns);
} NAME(reduce_kernels);

static inline REAL NAME(join)(int kind, REAL a, REAL b) {
    switch (kind) {
    case SUM: return a + b;
    case LARGEST: return a > b || a != a ? a : b;
    default: return a < b || a != a ? a : b;
    }
}

static inline REAL NAME(element)(const void *x, yk_dtype type, int64_t i) {
    return type == YK_BF16 ? (REAL)yk_from_bf16(((const uint16_t *)x)[i]) : ((const REAL *)x)[i];
}

#define KIND(name, kind)                                                                                       \
    static REAL NAME(block_##name)(const REAL *x, int64_t n) {                                                 \
        REAL part[16];                                                                                         \
        const int64_t lanes = n < 16 ? n : 16;                                                                 \
        for (int64_t j = 0; j < lanes; j++) part[j] = x[j];                                                    \
        for (int64_t i = 16; i < n; i++) part[i % 16] = NAME(join)(kind, part[i % 16], x[i]);                  \
        for (int64_t j = 1; j < lanes; j++) part[0] = NAME(join)(kind, part[0], part[j]);                      \
        return part[0];                                                                                        \
    }                                                                                                          \
    static void NAME(columns_##name)(REAL *acc, const void *x, yk_dtype type, int64_t stride, int64_t rows,    \
                                     int64_t columns) {                                                        \
        for (int64_t c = 0; c < columns; c++) {                                                                \
            acc[c] = NAME(element)(x, type, c);                                                                \
            for (int64_t r = 1; r < rows; r++)                                                                 \
                acc[c] = NAME(join)(kind, acc[c], NAME(element)(x, type, r * stride + c));                     \
        }                                                                                                      \
    }
KIND(sum, SUM)
KIND(largest, LARGEST)
KIND(smallest, SMALLEST)
#undef KIND

static const NAME(reduce_kernels) NAME(reduce_reference) = {
    {NAME(block_sum), NAME(block_largest), NAME(block_smallest)},
    {NAME(columns_sum), NAME(columns_largest), NAME(columns_smallest)},
};

// Values joined pairwise, as in a binary counter: `level[l]` holds 2ˡ of them where bit l of `count` is set.
typedef struct NAME(cascade) {
    REAL level[48];
    uint64_t count;
} NAME(cascade);

static inline void NAME(cascade_add)(NAME(cascade) *c, int kind, REAL value) {
    int l = 0;
    for (uint64_t bits = c->count++; bits & 1; bits >>= 1, l++) value = NAME(join)(kind, c->level[l], value);
    c->level[l] = value;
}

// At least one value has been added.
static inline REAL NAME(cascade_end)(const NAME(cascade) *c, int kind) {
    int l = __builtin_ctzll(c->count);
    REAL value = c->level[l];
    for (l++; c->count >> l; l++)
        if (c->count >> l & 1) value = NAME(join)(kind, c->level[l], value);
    return value;
}

typedef struct NAME(reduce_call) {
    const NAME(reduce_kernels) *kernels;
    const char *x;
    yk_dtype type;
    int kind;
    int64_t n, C;            // C is 1 where rows are reduced
    int64_t segments, length; // the reduced axis is cut into segments of `length`
    int64_t chunks;           // and the columns into chunks of COLUMNS
    int64_t units_per_piece, units;
    REAL *partials; // [A, segments, C]
} NAME(reduce_call);

static REAL NAME(reduce_run)(const NAME(reduce_call) *c, const char *x, int64_t n) {
    REAL buffer[YK_BLOCK];
    NAME(cascade) sums;
    sums.count = 0;
    const int64_t size = yk_dtype_size(c->type);
    for (int64_t i = 0; i < n; i += YK_BLOCK) {
        const int64_t m = n - i < YK_BLOCK ? n - i : YK_BLOCK;
        const REAL *block = NAME(read_block)(buffer, x + i * size, c->type, size, m);
        NAME(cascade_add)(&sums, c->kind, c->kernels->block[c->kind](block, m));
    }
    return NAME(cascade_end)(&sums, c->kind);
}

// out [columns] from x [n, columns], rows C apart: blocks of BLOCK_ROWS rows, joined pairwise.
static void NAME(reduce_columns)(const NAME(reduce_call) *c, REAL *out, const char *x, int64_t n, int64_t columns) {
    REAL level[LEVELS][COLUMNS], sums[COLUMNS];
    uint64_t count = 0;
    const int64_t size = yk_dtype_size(c->type);
    for (int64_t i = 0; i < n; i += BLOCK_ROWS) {
        const int64_t rows = n - i < BLOCK_ROWS ? n - i : BLOCK_ROWS;
        c->kernels->columns[c->kind](sums, x + i * c->C * size, c->type, c->C, rows, columns);
        int l = 0;
        for (uint64_t bits = count++; bits & 1; bits >>= 1, l++)
            for (int64_t k = 0; k < columns; k++) sums[k] = NAME(join)(c->kind, level[l][k], sums[k]);
        memcpy(level[l], sums, (size_t)columns * sizeof(REAL));
    }
    int l = __builtin_ctzll(count);
    memcpy(out, level[l], (size_t)columns * sizeof(REAL));
    for (l++; count >> l; l++)
        if (count >> l & 1)
            for (int64_t k = 0; k < columns; k++) out[k] = NAME(join)(c->kind, level[l][k], out[k]);
}

static void NAME(reduce_piece)(void *context, int64_t piece) {
    const NAME(reduce_call) *c = context;
    const int64_t size = yk_dtype_size(c->type);
    int64_t end = (piece + 1) * c->units_per_piece;
    if (end > c->units) end = c->units;
    for (int64_t unit = piece * c->units_per_piece; unit < end; unit++) {
        const int64_t chunk = unit % c->chunks, segment = unit / c->chunks % c->segments;
        const int64_t a = unit / c->chunks / c->segments;
        const int64_t first = segment * c->length, column = chunk * COLUMNS;
        const int64_t n = c->n - first < c->length ? c->n - first : c->length;
        const int64_t columns = c->C - column < COLUMNS ? c->C - column : COLUMNS;
        const char *x = c->x + ((a * c->n + first) * c->C + column) * size;
        REAL *out = c->partials + (a * c->segments + segment) * c->C + column;
        if (c->C == 1) *out = NAME(reduce_run)(c, x, n);
        else NAME(reduce_columns)(c, out, x, n, columns);
    }
}

// Joins the segments and writes the results.
static void NAME(reduce_finish)(const NAME(reduce_call) *c, yk_reduction reduction, void *out, int64_t A) {
    for (int64_t a = 0; a < A; a++)
        for (int64_t column = 0; column < c->C; column++) {
            NAME(cascade) sums;
            sums.count = 0;
            const REAL *parts = c->partials + a * c->segments * c->C + column;
            for (int64_t s = 0; s < c->segments; s++) NAME(cascade_add)(&sums, c->kind, parts[s * c->C]);
            REAL value = NAME(cascade_end)(&sums, c->kind);
            if (reduction == YK_MEAN) value /= (REAL)c->n;
            yk_put(out, c->type, a * c->C + column, value);
        }
}

static void NAME(reduce)(const NAME(reduce_kernels) *kernels, yk_reduction reduction, yk_dtype type, void *out,
                         const void *x, int64_t A, int64_t n, int64_t C) {
    NAME(reduce_call) c = {.kernels = kernels, .x = x, .type = type, .n = n, .C = C};
    c.kind = reduction == YK_MAX ? LARGEST : reduction == YK_MIN ? SMALLEST : SUM;
    const int64_t columns = C < COLUMNS ? C : COLUMNS;
    const int64_t block = C == 1 ? YK_BLOCK : BLOCK_ROWS;
    c.length = (SEGMENT / columns + block - 1) / block * block;
    c.segments = (n + c.length - 1) / c.length;
    c.chunks = (C + COLUMNS - 1) / COLUMNS;
    c.units = A * c.segments * c.chunks;
    const int64_t unit = columns * (n < c.length ? n : c.length);
    c.units_per_piece = yk_rows_per_piece(unit, SEGMENT / 2);
    // Sums of f32 that need no second step go where they belong at once.
    const bool direct = c.segments == 1 && type != YK_BF16 && reduction != YK_MEAN;
    c.partials = direct ? out : yk_scratch(3, (size_t)(A * c.segments * C) * sizeof(REAL));
    yk_parallel((c.units + c.units_per_piece - 1) / c.units_per_piece, NAME(reduce_piece), &c);
    if (!direct) NAME(reduce_finish)(&c, reduction, out, A);
}

// ---- The largest elements ----

typedef struct NAME(row_call) {
    const NAME(reduce_kernels) *kernels;
    const char *x;
    yk_dtype type;
    int64_t N, n, k, rows_per_piece;
    void *values;
    int32_t *indices;
    int64_t (*first_above)(const float *x, int64_t n, float threshold);
} NAME(row_call);

static int32_t NAME(argmax_row)(const NAME(row_call) *c, const char *x) {
    REAL buffer[YK_BLOCK], best = 0;
    const int64_t size = yk_dtype_size(c->type);
    int64_t best_block = -1;
    for (int64_t i = 0; i < c->n; i += YK_BLOCK) {
        const int64_t m = c->n - i < YK_BLOCK ? c->n - i : YK_BLOCK;
        const REAL top =
            c->kernels->block[LARGEST](NAME(read_block)(buffer, x + i * size, c->type, size, m), m);
        if (best_block >= 0 && !(top > best || top != top)) continue;
        best = top;
        best_block = i;
        if (top != top) break;
    }
    for (int64_t i = best_block;; i++) {
        const REAL value = NAME(element)(x, c->type, i);
        if (value == best || (value != value && best != best)) return (int32_t)i;
    }
}

static void NAME(argmax_piece)(void *context, int64_t piece) {
    const NAME(row_call) *c = context;
    int64_t end = (piece + 1) * c->rows_per_piece;
    if (end > c->N) end = c->N;
    for (int64_t row = piece * c->rows_per_piece; row < end; row++)
        c->indices[row] = NAME(argmax_row)(c, c->x + row * c->n * yk_dtype_size(c->type));
}

typedef struct NAME(entry) {
    REAL value;
    int32_t index;
} NAME(entry);

// Whether a comes before b in the result.
static inline bool NAME(before)(NAME(entry) a, NAME(entry) b) {
    const bool a_is_nan = a.value != a.value, b_is_nan = b.value != b.value;
    if (a_is_nan || b_is_nan) return a_is_nan && (!b_is_nan || a.index < b.index);
    return a.value > b.value || (a.value == b.value && a.index < b.index);
}

// Restores the heap below `at`: the root is the entry that comes last.
static void NAME(sift)(NAME(entry) *heap, int64_t n, int64_t at) {
    const NAME(entry) moved = heap[at];
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && NAME(before)(heap[child], heap[child + 1])) child++;
        if (!NAME(before)(moved, heap[child])) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

// The first element of a block that comes before everything up to `threshold`, or n.
static int64_t NAME(next_above)(const NAME(row_call) *c, const REAL *x, int64_t from, int64_t n, REAL threshold) {
    if (sizeof(REAL) == 4 && c->first_above)
        return from + c->first_above((const float *)x + from, n - from, (float)threshold);
    while (from < n && !(x[from] > threshold || x[from] != x[from])) from++;
    return from;
}

static void NAME(top_row)(const NAME(row_call) *c, int64_t row) {
    const int64_t size = yk_dtype_size(c->type), k = c->k;
    const char *x = c->x + row * c->n * size;
    NAME(entry) *heap = yk_scratch(3, (size_t)k * sizeof(NAME(entry)));
    REAL buffer[YK_BLOCK];
    for (int64_t i = 0; i < k; i++) heap[i] = (NAME(entry)){NAME(element)(x, c->type, i), (int32_t)i};
    for (int64_t i = k / 2 - 1; i >= 0; i--) NAME(sift)(heap, k, i);
    for (int64_t i = k; i < c->n && heap[0].value == heap[0].value; i += YK_BLOCK) {
        const int64_t m = c->n - i < YK_BLOCK ? c->n - i : YK_BLOCK;
        const REAL *block = NAME(read_block)(buffer, x + i * size, c->type, size, m);
        for (int64_t j = 0; heap[0].value == heap[0].value; j++) {
            j = NAME(next_above)(c, block, j, m, heap[0].value);
            if (j >= m) break;
            heap[0] = (NAME(entry)){block[j], (int32_t)(i + j)};
            NAME(sift)(heap, k, 0);
        }
    }
    for (int64_t last = k - 1; last > 0; last--) {
        const NAME(entry) entry = heap[0];
        heap[0] = heap[last];
        heap[last] = entry;
        NAME(sift)(heap, last, 0);
    }
    for (int64_t i = 0; i < k; i++) {
        yk_put(c->values, c->type, row * k + i, heap[i].value);
        c->indices[row * k + i] = heap[i].index;
    }
}

static void NAME(top_piece)(void *context, int64_t piece) {
    const NAME(row_call) *c = context;
    int64_t end = (piece + 1) * c->rows_per_piece;
    if (end > c->N) end = c->N;
    for (int64_t row = piece * c->rows_per_piece; row < end; row++) NAME(top_row)(c, row);
}
