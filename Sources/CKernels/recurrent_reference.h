// The reference of the recurrent scans, in double for every dtype: one row after the other.

static double sigmoid_f64(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

// [G·H, H] and the bias [G·H].
static void pack_scalar(const recurrent_plan *plan, const yk_recurrent_scan *scan, void *packed, int64_t part,
                        int64_t parts) {
    const yk_recurrent_call *c = plan->call;
    const int64_t rows = plan->gates * c->H;
    double *weight = packed, *bias = weight + rows * c->H;
    for (int64_t i = part; i < rows; i += parts) {
        for (int64_t k = 0; k < c->H; k++) weight[i * c->H + k] = yk_get(scan->weight, c->dtype, i * c->H + k);
        bias[i] = scan->bias.address ? yk_get(scan->bias.address, scan->bias.dtype, i) : 0;
    }
}

static double state_at(yk_typed state, int64_t i) { return state.address ? yk_get(state.address, state.dtype, i) : 0; }

// One step of a cell: a [G·H] = W h + b. Writes the gates and the memory, h and c.
static void step_scalar(yk_recurrent_cell cell, int64_t H, double *gates, const double *a, double *memory, double *h,
                        double *cell_state) {
    for (int64_t j = 0; j < H; j++) {
        double *z0 = gates + j, *z1 = z0 + H, *z2 = z1 + H, *z3 = z2 + H;
        if (cell == YK_LSTM) {
            *z0 = sigmoid_f64(*z0 + a[j]);
            *z1 = sigmoid_f64(*z1 + a[H + j]);
            *z2 = tanh(*z2 + a[2 * H + j]);
            *z3 = sigmoid_f64(*z3 + a[3 * H + j]);
            cell_state[j] = *z1 * cell_state[j] + *z0 * *z2;
            memory[j] = cell_state[j];
            h[j] = *z3 * tanh(cell_state[j]);
        } else if (cell == YK_GRU) {
            *z0 = sigmoid_f64(*z0 + a[j]);
            *z1 = sigmoid_f64(*z1 + a[H + j]);
            memory[j] = a[2 * H + j];
            *z2 = tanh(*z2 + *z0 * memory[j]);
            h[j] = *z2 + *z1 * (h[j] - *z2);
        } else {
            *z0 += a[j];
            *z0 = cell == YK_RNN_TANH ? tanh(*z0) : *z0 < 0 ? 0 : *z0;
            h[j] = *z0;
        }
    }
}

static void forward_row_scalar(const recurrent_piece *p, int64_t row, double *scratch) {
    const yk_recurrent_scan *s = p->scan;
    const yk_recurrent_call *c = p->plan->call;
    const yk_dtype wide = yk_accumulation(c->dtype);
    const int64_t H = c->H, rows = p->plan->gates * H, length = recurrent_length(c, row);
    const double *weight = p->packed, *bias = weight + rows * H;
    double *h = scratch, *state = h + H, *memory = state + H, *gates = memory + H, *a = gates + rows;
    for (int64_t j = 0; j < H; j++) {
        h[j] = state_at(s->initial_hidden, row * H + j);
        state[j] = state_at(s->initial_cell, row * H + j);
    }
    for (int64_t step = 0; step < length; step++) {
        const int64_t t = recurrent_position(s, length, step);
        void *z = sequence_at(s->gates, wide, row, t), *out = sequence_at(s->out, c->dtype, row, t);
        for (int64_t i = 0; i < rows; i++) {
            gates[i] = yk_get(z, wide, i);
            a[i] = bias[i];
            for (int64_t k = 0; k < H; k++) a[i] += weight[i * H + k] * h[k];
        }
        step_scalar(c->cell, H, gates, a, memory, h, state);
        for (int64_t j = 0; j < H; j++) yk_put(out, c->dtype, j, h[j]);
        if (!c->keeps) continue;
        for (int64_t i = 0; i < rows; i++) yk_put(z, wide, i, gates[i]);
        if (s->memory.address)
            for (int64_t j = 0; j < H; j++) yk_put(sequence_at(s->memory, wide, row, t), wide, j, memory[j]);
    }
    for (int64_t j = 0; j < H; j++) {
        if (s->final_hidden) yk_put(s->final_hidden, c->dtype, row * H + j, h[j]);
        if (s->final_cell) yk_put(s->final_cell, wide, row * H + j, state[j]);
    }
}

// One step back: dh and dc are those of the results and become what reaches the step before by other ways than the
// product. gates [G·H] become the gradients of the pre-activations and a [G·H] those of W h + b.
static void step_back_scalar(yk_recurrent_cell cell, int64_t H, double *gates, double *a, const double *memory,
                             const double *before, const double *cell_before, double *dh, double *dc) {
    for (int64_t j = 0; j < H; j++) {
        double *z0 = gates + j, *z1 = z0 + H, *z2 = z1 + H, *z3 = z2 + H;
        if (cell == YK_LSTM) {
            const double i = *z0, f = *z1, g = *z2, o = *z3, y = tanh(memory[j]);
            const double d = dc[j] + dh[j] * o * (1 - y * y);
            a[j] = *z0 = d * g * i * (1 - i);
            a[H + j] = *z1 = d * cell_before[j] * f * (1 - f);
            a[2 * H + j] = *z2 = d * i * (1 - g * g);
            a[3 * H + j] = *z3 = dh[j] * y * o * (1 - o);
            dc[j] = d * f;
            dh[j] = 0;
        } else if (cell == YK_GRU) {
            const double r = *z0, z = *z1, n = *z2;
            const double dn = dh[j] * (1 - z) * (1 - n * n);
            a[j] = *z0 = dn * memory[j] * r * (1 - r);
            a[H + j] = *z1 = dh[j] * (before[j] - n) * z * (1 - z);
            *z2 = dn;
            a[2 * H + j] = dn * r;
            dh[j] *= z;
        } else {
            a[j] = *z0 = dh[j] * (cell == YK_RNN_TANH ? 1 - *z0 * *z0 : *z0 > 0 ? 1 : 0);
            dh[j] = 0;
        }
    }
}

static void backward_row_scalar(const recurrent_piece *p, int64_t row, int64_t live, double *scratch) {
    const yk_recurrent_scan *s = p->scan;
    const yk_recurrent_call *c = p->plan->call;
    const yk_dtype wide = yk_accumulation(c->dtype);
    const int64_t H = c->H, rows = p->plan->gates * H, length = recurrent_length(c, row);
    const double *weight = p->packed;
    double *dh = scratch, *dc = dh + H, *memory = dc + H, *before = memory + H, *cell_before = before + H;
    double *gates = cell_before + H, *a = gates + rows;
    for (int64_t j = 0; j < H; j++) {
        dh[j] = state_at(s->dfinal_hidden, row * H + j);
        dc[j] = state_at(s->dfinal_cell, row * H + j);
    }
    for (int64_t step = live - 1; step >= 0; step--) {
        const int64_t t = recurrent_position(s, length, step), u = recurrent_position(s, length, step - 1);
        void *z = sequence_at(s->gates, wide, row, t), *m = sequence_at(s->memory, wide, row, t);
        recurrent_lives(p, t);
        for (int64_t i = 0; i < rows; i++) gates[i] = yk_get(z, wide, i);
        for (int64_t j = 0; j < H; j++) {
            if (s->dout.address) dh[j] += yk_get(sequence_at(s->dout, c->dtype, row, t), c->dtype, j);
            memory[j] = m ? yk_get(m, wide, j) : 0;
            before[j] = step > 0 ? yk_get(sequence_at(s->out, c->dtype, row, u), c->dtype, j)
                                 : state_at(s->initial_hidden, row * H + j);
            cell_before[j] = c->cell != YK_LSTM ? 0
                             : step > 0         ? yk_get(sequence_at(s->memory, wide, row, u), wide, j)
                                                : state_at(s->initial_cell, row * H + j);
            yk_put(sequence_at(s->previous, c->dtype, row, t), c->dtype, j, before[j]);
        }
        step_back_scalar(c->cell, H, gates, a, memory, before, cell_before, dh, dc);
        for (int64_t i = 0; i < rows; i++) {
            yk_put(z, wide, i, gates[i]);
            for (int64_t k = 0; k < H; k++) dh[k] += a[i] * weight[i * H + k];
        }
        if (c->cell == YK_GRU)
            for (int64_t j = 0; j < H; j++) yk_put(m, wide, j, a[2 * H + j]);
    }
    for (int64_t j = 0; j < H; j++) {
        if (s->dinitial_hidden) yk_put(s->dinitial_hidden, wide, row * H + j, dh[j]);
        if (s->dinitial_cell) yk_put(s->dinitial_cell, wide, row * H + j, dc[j]);
    }
}

static double *row_scratch(const recurrent_piece *p) {
    return yk_scratch(1, (size_t)((5 + 2 * p->plan->gates) * p->plan->call->H) * sizeof(double));
}

static void forward_rows_scalar(const recurrent_piece *p) {
    double *scratch = row_scratch(p);
    for (int64_t i = 0; i < p->count; i++) forward_row_scalar(p, p->rows[i], scratch);
}

static void backward_rows_scalar(const recurrent_piece *p) {
    double *scratch = row_scratch(p);
    for (int64_t i = 0; i < p->count; i++) {
        const int64_t live = recurrent_live_steps(p, p->rows[i]);
        recurrent_clear_steps(p, p->rows[i], live);
        backward_row_scalar(p, p->rows[i], live, scratch);
    }
}
