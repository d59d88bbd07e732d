// Recurrent scans on vectors. A piece keeps its rows' states side by side in scratch memory, each row `width` floats
// wide (H rounded up, with zeros behind), so that every step is one dense product with the cell in its epilogue.
#include "typed_simd.h"

#include "activation_simd.h"

#if YK_LANES == 16
#define LSTM_ROWS 6
#define GRU_ROWS 6
#define RNN_ROWS 12
#else
#define LSTM_ROWS 3
#define GRU_ROWS 4
#define RNN_ROWS 6
#endif
#define UNROLL _Pragma("clang loop unroll(full)")
#define BACK_ROWS 6
#define BACK_K 256 // what a panel holds of the gates, so that it stays in the nearest cache

// ---- Gates ----

// tanh x = m/(m + 2) within 3 ulp, with m = e^(2|x|) − 1 made of 2ⁿ(e^r − 1) + (2ⁿ − 1), which keeps small x exact.
YK_INLINE vf YK_NAME(squash)(vf x) {
    vf a = YK_NAME(abs)(x);
    a = YK_NAME(blend)(a > 10.0f, YK_NAME(splat)(10.0f), a); // 1 in f32; NaN passes
    // 1.5 · 2²³ + 127 rounds to a whole number and leaves the exponent's bits of 2ⁿ at the low end.
    const vf magic = YK_NAME(splat)(12583039.0f);
    const vf z = a * 2.88539008f + magic, n = z - magic;
    vf r = (a + a) - n * 0.693145752f;
    r = r - n * 1.42860677e-6f;
    vf p = r * 1.98412698e-4f + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = (p * r) * r + r;
    const vf power = (vf)((vi)z << 23), m = power * p + (power - 1.0f);
    return YK_NAME(copysign)(m / (m + 2.0f), x);
}

// ---- Packing ----

// Forward: for every vector of units the weights of its gates, k after k: [H / lanes][H][gates][lanes].
// Backward: for every two vectors of units their columns, block of gates after block: [K / BACK_K][width / 2 lanes][BACK_K]
// [2 lanes] with K = gates · width. The bias [gates][width] follows. Lanes and rows beyond H are zeros.
static void YK_NAME(pack)(const recurrent_plan *plan, const yk_recurrent_scan *scan, void *packed, int64_t part,
                          int64_t parts) {
    const yk_recurrent_call *c = plan->call;
    const int64_t H = c->H, G = plan->gates, width = plan->width;
    float *out = packed, *bias = out + G * width * width;
    const yk_dtype t = c->dtype == YK_BF16 ? YK_BF16 : YK_F32;
    if (!plan->backward) {
        for (int64_t u = part; u < width / YK_LANES; u += parts)
            for (int64_t k = 0; k < H; k++)
                for (int64_t g = 0; g < G; g++)
                    for (int64_t lane = 0; lane < YK_LANES; lane++) {
                        const int64_t unit = u * YK_LANES + lane;
                        out[((u * H + k) * G + g) * YK_LANES + lane] =
                            unit < H ? (float)yk_get(scan->weight, t, (g * H + unit) * H + k) : 0;
                    }
    } else {
        const int64_t panel = 2 * YK_LANES;
        for (int64_t r = part; r < G * width; r += parts) {
            const int64_t g = r / width, unit = r % width, block = r / BACK_K * BACK_K;
            const int64_t depth = G * width - block < BACK_K ? G * width - block : BACK_K;
            for (int64_t j = 0; j < width; j++)
                out[block * width + (j / panel * depth + r - block) * panel + j % panel] =
                    unit < H && j < H ? (float)yk_get(scan->weight, t, (g * H + unit) * H + j) : 0;
        }
    }
    if (part != 0) return;
    for (int64_t i = 0; i < G * width; i++)
        bias[i] = scan->bias.address && i % width < H
                      ? (float)yk_get(scan->bias.address, scan->bias.dtype, i / width * H + i % width)
                      : 0;
}

// ---- States ----

// One row of a state [B, H] as f32; zeros when there is none.
YK_INLINE void YK_NAME(load_state)(float *out, yk_typed state, int64_t row, int64_t H) {
    for (int64_t j = 0; j < H; j++)
        out[j] = state.address ? (float)yk_get(state.address, state.dtype, row * H + j) : 0;
}

YK_INLINE void YK_NAME(save_state)(void *state, yk_dtype t, int64_t row, const float *x, int64_t H) {
    for (int64_t j = 0; state && j < H; j++) yk_put(state, t, row * H + j, x[j]);
}

YK_INLINE void YK_NAME(save_row)(void *out, yk_dtype t, const float *x, int64_t n) {
    if (t == YK_F32) {
        memcpy(out, x, (size_t)n * sizeof(float));
        return;
    }
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(store_bf16)((uint16_t *)out + i, YK_NAME(load)(x + i));
    for (; i < n; i++) ((uint16_t *)out)[i] = yk_to_bf16(x[i]);
}

// ---- Forward ----

typedef struct YK_NAME(forward_state) {
    float *gates[PIECE_ROWS + ROW_UNIT]; // of each row: pre-activations, then activated
    int64_t stride; // from gate to gate
    float *hidden; // [rows][width]
    float *next;
    float *cell;   // [rows][width]: the LSTM's c, the GRU's W h + b of n
} YK_NAME(forward_state);

// One vector of units of one row: `a` is W h + b of each gate.
YK_INLINE void YK_NAME(cell)(yk_recurrent_cell cell, const vf *a, float *gates, int64_t stride, float *memory,
                             const float *hidden, float *next) {
    if (cell == YK_LSTM) {
        const vf i = YK_NAME(gate)(YK_NAME(load)(gates) + a[0]);
        const vf f = YK_NAME(gate)(YK_NAME(load)(gates + stride) + a[1]);
        const vf g = YK_NAME(squash)(YK_NAME(load)(gates + 2 * stride) + a[2]);
        const vf o = YK_NAME(gate)(YK_NAME(load)(gates + 3 * stride) + a[3]);
        const vf c = f * YK_NAME(load)(memory) + i * g;
        YK_NAME(store)(gates, i);
        YK_NAME(store)(gates + stride, f);
        YK_NAME(store)(gates + 2 * stride, g);
        YK_NAME(store)(gates + 3 * stride, o);
        YK_NAME(store)(memory, c);
        YK_NAME(store)(next, o * YK_NAME(squash)(c));
    } else if (cell == YK_GRU) {
        const vf r = YK_NAME(gate)(YK_NAME(load)(gates) + a[0]);
        const vf z = YK_NAME(gate)(YK_NAME(load)(gates + stride) + a[1]);
        const vf n = YK_NAME(squash)(YK_NAME(load)(gates + 2 * stride) + r * a[2]);
        YK_NAME(store)(gates, r);
        YK_NAME(store)(gates + stride, z);
        YK_NAME(store)(gates + 2 * stride, n);
        YK_NAME(store)(memory, a[2]);
        YK_NAME(store)(next, n + z * (YK_NAME(load)(hidden) - n));
    } else {
        const vf x = YK_NAME(load)(gates) + a[0];
        const vf y = cell == YK_RNN_TANH ? YK_NAME(squash)(x) : YK_NAME(relu)(x);
        YK_NAME(store)(gates, y);
        YK_NAME(store)(next, y);
    }
}

// The recurrent product of some rows and one vector of units, and the cell after it.
YK_INLINE void YK_NAME(step_tile)(yk_recurrent_cell cell, const YK_NAME(forward_state) * s, int64_t row, int64_t unit,
                                  int64_t H, int64_t width, const float *panel, const float *bias, const int ROWS,
                                  const int GATES) {
    // They may lie far apart, and are needed when the product is done.
    UNROLL
    for (int r = 0; r < ROWS; r++)
        UNROLL
        for (int g = 0; g < GATES; g++) __builtin_prefetch(s->gates[row + r] + g * s->stride + unit, 1);
    vf sums[12 * 4];
    UNROLL
    for (int r = 0; r < ROWS; r++)
        UNROLL
        for (int g = 0; g < GATES; g++) sums[r * GATES + g] = YK_NAME(load)(bias + g * width + unit);
    const float *hidden = s->hidden + row * width;
    for (int64_t k = 0; k < H; k++, panel += GATES * YK_LANES) {
        vf x[12], w[4];
        if (ROWS < GATES) {
            UNROLL
            for (int r = 0; r < ROWS; r++) x[r] = YK_NAME(splat)(hidden[r * width + k]);
            UNROLL
            for (int g = 0; g < GATES; g++) {
                w[g] = YK_NAME(load)(panel + g * YK_LANES);
                UNROLL
                for (int r = 0; r < ROWS; r++) sums[r * GATES + g] += x[r] * w[g];
            }
        } else {
            UNROLL
            for (int g = 0; g < GATES; g++) w[g] = YK_NAME(load)(panel + g * YK_LANES);
            UNROLL
            for (int r = 0; r < ROWS; r++) {
                x[r] = YK_NAME(splat)(hidden[r * width + k]);
                UNROLL
                for (int g = 0; g < GATES; g++) sums[r * GATES + g] += x[r] * w[g];
            }
        }
    }
    UNROLL
    for (int r = 0; r < ROWS; r++) {
        const int64_t at = (row + r) * width + unit;
        YK_NAME(cell)(cell, sums + r * GATES, s->gates[row + r] + unit, s->stride, s->cell + at, s->hidden + at,
                      s->next + at);
    }
}

YK_INLINE void YK_NAME(step)(yk_recurrent_cell cell, const recurrent_piece *p, const YK_NAME(forward_state) * s,
                             int64_t rows, const int ROWS, const int GATES) {
    const int64_t H = p->plan->call->H, width = p->plan->width;
    const float *bias = (const float *)p->packed + GATES * width * width;
    for (int64_t unit = 0; unit < H; unit += YK_LANES)
        for (int64_t row = 0; row < rows; row += ROWS)
            YK_NAME(step_tile)(cell, s, row, unit, H, width, (const float *)p->packed + unit * H * GATES, bias, ROWS,
                               GATES);
}

static void YK_NAME(forward_rows)(const recurrent_piece *p) {
    const yk_recurrent_scan *s = p->scan;
    const yk_recurrent_call *c = p->plan->call;
    const int64_t H = c->H, G = p->plan->gates, width = p->plan->width;
    const int64_t room = (p->count + ROW_UNIT - 1) / ROW_UNIT * ROW_UNIT;
    // Gates that are kept and fill whole vectors stay where they are; one row of scratch stands for those behind the last.
    const bool in_place = c->keeps && H % YK_LANES == 0;
    const int64_t gate_rows = in_place ? 1 : room;
    const size_t floats = (size_t)(gate_rows * width * G + room * width * 3);
    float *scratch = yk_scratch(1, floats * sizeof(float));
    memset(scratch, 0, floats * sizeof(float));
    YK_NAME(forward_state) state = {.stride = in_place ? H : width};
    for (int64_t i = 0; i < room; i++) state.gates[i] = scratch + i % gate_rows * width * G;
    state.hidden = scratch + gate_rows * width * G;
    state.next = state.hidden + room * width;
    state.cell = state.next + room * width;
    int64_t steps = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const int64_t length = recurrent_length(c, p->rows[i]);
        YK_NAME(load_state)(state.hidden + i * width, s->initial_hidden, p->rows[i], H);
        if (c->cell == YK_LSTM) YK_NAME(load_state)(state.cell + i * width, s->initial_cell, p->rows[i], H);
        if (length > steps) steps = length;
        if (length > 0) continue;
        YK_NAME(save_state)(s->final_hidden, c->dtype, p->rows[i], state.hidden + i * width, H);
        YK_NAME(save_state)(s->final_cell, YK_F32, p->rows[i], state.cell + i * width, H);
    }
    int64_t active = p->count;
    for (int64_t step = 0; step < steps; step++) {
        active = recurrent_active(p, step, active);
        for (int64_t i = 0; i < active; i++) {
            const int64_t t = recurrent_position(s, recurrent_length(c, p->rows[i]), step);
            float *pre = sequence_at(s->gates, YK_F32, p->rows[i], t);
            if (in_place) state.gates[i] = pre;
            for (int64_t g = 0; !in_place && g < G; g++)
                memcpy(state.gates[i] + g * width, pre + g * H, (size_t)H * sizeof(float));
        }
        for (int64_t i = active; in_place && i < room; i++) state.gates[i] = scratch;
        switch (c->cell) {
        case YK_LSTM: YK_NAME(step)(YK_LSTM, p, &state, active, LSTM_ROWS, 4); break;
        case YK_GRU: YK_NAME(step)(YK_GRU, p, &state, active, GRU_ROWS, 3); break;
        case YK_RNN_TANH: YK_NAME(step)(YK_RNN_TANH, p, &state, active, RNN_ROWS, 1); break;
        case YK_RNN_RELU: YK_NAME(step)(YK_RNN_RELU, p, &state, active, RNN_ROWS, 1); break;
        }
        float *swap = state.hidden;
        state.hidden = state.next;
        state.next = swap;
        for (int64_t i = 0; i < active; i++) {
            const int64_t row = p->rows[i], length = recurrent_length(c, row), t = recurrent_position(s, length, step);
            YK_NAME(save_row)(sequence_at(s->out, c->dtype, row, t), c->dtype, state.hidden + i * width, H);
            if (step + 1 == length) {
                YK_NAME(save_state)(s->final_hidden, c->dtype, row, state.hidden + i * width, H);
                YK_NAME(save_state)(s->final_cell, YK_F32, row, state.cell + i * width, H);
            }
            if (!c->keeps) continue;
            float *gates = sequence_at(s->gates, YK_F32, row, t);
            for (int64_t g = 0; !in_place && g < G; g++)
                memcpy(gates + g * H, state.gates[i] + g * width, (size_t)H * sizeof(float));
            if (s->memory.address)
                memcpy(sequence_at(s->memory, YK_F32, row, t), state.cell + i * width, (size_t)H * sizeof(float));
        }
    }
}

// ---- Backward ----

// What one row of a step reads and writes: rows of H elements.
typedef struct YK_NAME(back_row) {
    float *gates;   // [G·H] activated, becomes the gradient of the pre-activations
    float *memory;  // for the GRU the gradient of W h + b of n in the end
    float *product; // [G][width]: the gradient of W h + b
    const void *out_before; // h of the step before in out; NULL at the first
    const float *cell_before;
    const void *dout;
    void *previous;
    float *dh, *dc; // [width]
} YK_NAME(back_row);

// One vector of units of a step back; `count` lanes lie in the rows.
YK_INLINE void YK_NAME(cell_back)(yk_recurrent_cell cell, const YK_NAME(back_row) * x, yk_dtype t, int64_t H,
                                  int64_t width, int64_t at, int64_t count) {
    const bool whole = count == YK_LANES;
#define READ(p, type) (whole ? YK_NAME(get)(p, type, at) : YK_NAME(get_part)(p, type, at, count, 0))
#define WRITE(p, x)                                                                                            \
    do {                                                                                                       \
        if (whole) YK_NAME(store)((p) + at, x);                                                                \
        else YK_NAME(put_part)(p, YK_F32, at, count, x);                                                       \
    } while (0)
    vf dh = YK_NAME(load)(x->dh + at);
    if (x->dout) dh += READ(x->dout, t);
    float *product = x->product + at;
    if (cell == YK_LSTM) {
        const vf i = READ(x->gates, YK_F32), f = READ(x->gates + H, YK_F32), g = READ(x->gates + 2 * H, YK_F32);
        const vf o = READ(x->gates + 3 * H, YK_F32), y = YK_NAME(squash)(READ(x->memory, YK_F32));
        const vf before = x->cell_before ? READ(x->cell_before, YK_F32) : (vf){};
        const vf d = YK_NAME(load)(x->dc + at) + dh * o * (1.0f - y * y);
        const vf di = d * g * i * (1.0f - i), df = d * before * f * (1.0f - f), dg = d * i * (1.0f - g * g);
        const vf dO = dh * y * o * (1.0f - o);
        WRITE(x->gates, di);
        WRITE(x->gates + H, df);
        WRITE(x->gates + 2 * H, dg);
        WRITE(x->gates + 3 * H, dO);
        YK_NAME(store)(product, di);
        YK_NAME(store)(product + width, df);
        YK_NAME(store)(product + 2 * width, dg);
        YK_NAME(store)(product + 3 * width, dO);
        YK_NAME(store)(x->dc + at, d * f);
        YK_NAME(store)(x->dh + at, (vf){});
    } else if (cell == YK_GRU) {
        const vf r = READ(x->gates, YK_F32), z = READ(x->gates + H, YK_F32), n = READ(x->gates + 2 * H, YK_F32);
        const vf dn = dh * (1.0f - z) * (1.0f - n * n);
        const vf dr = dn * READ(x->memory, YK_F32) * r * (1.0f - r);
        const vf dz = dh * (READ(x->previous, t) - n) * z * (1.0f - z), dm = dn * r;
        WRITE(x->gates, dr);
        WRITE(x->gates + H, dz);
        WRITE(x->gates + 2 * H, dn);
        WRITE(x->memory, dm);
        YK_NAME(store)(product, dr);
        YK_NAME(store)(product + width, dz);
        YK_NAME(store)(product + 2 * width, dm);
        YK_NAME(store)(x->dh + at, dh * z);
    } else {
        const vf y = READ(x->gates, YK_F32);
        const vf d = cell == YK_RNN_TANH ? dh * (1.0f - y * y) : dh * YK_NAME(relu_slope)(y);
        WRITE(x->gates, d);
        YK_NAME(store)(product, d);
        YK_NAME(store)(x->dh + at, (vf){});
    }
#undef READ
#undef WRITE
}

YK_INLINE void YK_NAME(row_back)(yk_recurrent_cell cell, const YK_NAME(back_row) * x, yk_dtype t, int64_t H,
                                 int64_t width) {
    int64_t at = 0;
    for (; at + YK_LANES <= H; at += YK_LANES) YK_NAME(cell_back)(cell, x, t, H, width, at, YK_LANES);
    if (at < H) YK_NAME(cell_back)(cell, x, t, H, width, at, H - at);
}

// dh [rows][width] += product [rows][G·width] · weight, panel by panel.
static void YK_NAME(product_back)(const recurrent_piece *p, const float *product, float *dh, int64_t rows) {
    const int64_t width = p->plan->width, depth = p->plan->gates * width, panel = 2 * YK_LANES;
    for (int64_t k = 0; k < depth; k += BACK_K) {
        const int64_t n = depth - k < BACK_K ? depth - k : BACK_K;
        for (int64_t j = 0; j < width; j += panel) {
            const float *weight = (const float *)p->packed + k * width + j * n;
            for (int64_t row = 0; row < rows; row += BACK_ROWS) {
                const float *a = product + row * depth + k, *b = weight;
                vf sums[BACK_ROWS][2] = {};
                for (int64_t i = 0; i < n; i++, b += panel) {
                    const vf b0 = YK_NAME(load)(b), b1 = YK_NAME(load)(b + YK_LANES);
                    UNROLL
                    for (int r = 0; r < BACK_ROWS; r++) {
                        const vf x = YK_NAME(splat)(a[r * depth + i]);
                        sums[r][0] += x * b0;
                        sums[r][1] += x * b1;
                    }
                }
                UNROLL
                for (int r = 0; r < BACK_ROWS; r++) {
                    float *out = dh + (row + r) * width + j;
                    YK_NAME(store)(out, YK_NAME(load)(out) + sums[r][0]);
                    YK_NAME(store)(out + YK_LANES, YK_NAME(load)(out + YK_LANES) + sums[r][1]);
                }
            }
        }
    }
}

// The step `step` of the piece's row i, up to the product.
static void YK_NAME(step_back)(const recurrent_piece *p, int64_t i, int64_t step, float *product, float *dh,
                               float *dc, float *cell_before) {
    const yk_recurrent_scan *s = p->scan;
    const yk_recurrent_call *c = p->plan->call;
    const int64_t H = c->H, row = p->rows[i], length = recurrent_length(c, row);
    const int64_t t = recurrent_position(s, length, step), before = recurrent_position(s, length, step - 1);
    recurrent_lives(p, t);
    YK_NAME(back_row) x = {
        .gates = sequence_at(s->gates, YK_F32, row, t),
        .memory = sequence_at(s->memory, YK_F32, row, t),
        .product = product,
        .dout = sequence_at(s->dout, c->dtype, row, t),
        .previous = sequence_at(s->previous, c->dtype, row, t),
        .dh = dh,
        .dc = dc,
    };
    if (step > 0) {
        memcpy(x.previous, sequence_at(s->out, c->dtype, row, before), (size_t)(H * yk_dtype_size(c->dtype)));
        x.cell_before = c->cell == YK_LSTM ? sequence_at(s->memory, YK_F32, row, before) : NULL;
    } else {
        for (int64_t j = 0; j < H; j++)
            yk_put(x.previous, c->dtype, j, s->initial_hidden.address
                                                ? yk_get(s->initial_hidden.address, s->initial_hidden.dtype, row * H + j)
                                                : 0);
        YK_NAME(load_state)(cell_before, s->initial_cell, row, H);
        x.cell_before = cell_before;
    }
    const yk_dtype type = c->dtype == YK_BF16 ? YK_BF16 : YK_F32;
    switch (c->cell) {
    case YK_LSTM: YK_NAME(row_back)(YK_LSTM, &x, type, H, p->plan->width); break;
    case YK_GRU: YK_NAME(row_back)(YK_GRU, &x, type, H, p->plan->width); break;
    case YK_RNN_TANH: YK_NAME(row_back)(YK_RNN_TANH, &x, type, H, p->plan->width); break;
    case YK_RNN_RELU: YK_NAME(row_back)(YK_RNN_RELU, &x, type, H, p->plan->width); break;
    }
}

static void YK_NAME(backward_rows)(const recurrent_piece *p) {
    const yk_recurrent_scan *s = p->scan;
    const yk_recurrent_call *c = p->plan->call;
    const int64_t H = c->H, G = p->plan->gates, width = p->plan->width;
    const int64_t room = (p->count + ROW_UNIT - 1) / ROW_UNIT * ROW_UNIT;
    const size_t floats = (size_t)(room * width * (G + 2) + width);
    float *product = yk_scratch(1, floats * sizeof(float));
    memset(product, 0, floats * sizeof(float));
    float *dh = product + room * width * G, *dc = dh + room * width, *cell_before = dc + room * width;
    int64_t *live = yk_scratch(3, (size_t)p->count * sizeof *live), steps = 0;
    for (int64_t i = 0; i < p->count; i++) {
        YK_NAME(load_state)(dh + i * width, s->dfinal_hidden, p->rows[i], H);
        YK_NAME(load_state)(dc + i * width, s->dfinal_cell, p->rows[i], H);
        live[i] = recurrent_live_steps(p, p->rows[i]);
        recurrent_clear_steps(p, p->rows[i], live[i]);
        if (live[i] > steps) steps = live[i];
    }
    int64_t active = 0;
    for (int64_t step = steps - 1; step >= 0; step--) {
        active = recurrent_active(p, step, active);
        for (int64_t i = 0; i < active; i++) {
            if (step >= live[i]) continue; // its part of the product is zeros
            YK_NAME(step_back)(p, i, step, product + i * G * width, dh + i * width, dc + i * width, cell_before);
        }
        YK_NAME(product_back)(p, product, dh, active);
    }
    for (int64_t i = 0; i < p->count; i++) {
        YK_NAME(save_state)(s->dinitial_hidden, YK_F32, p->rows[i], dh + i * width, H);
        YK_NAME(save_state)(s->dinitial_cell, YK_F32, p->rows[i], dc + i * width, H);
    }
}

#undef LSTM_ROWS
#undef GRU_ROWS
#undef RNN_ROWS
#undef UNROLL
#undef BACK_ROWS
#undef BACK_K
