#include "yk_word_vectors.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD_GROUP = 6,   // outputs that are met at a time: as many sums and rows as registers hold
    GROUP_LANES = 8,  // the floats of a row of dot products
    LOSS_EVERY = 16,  // the share of the tasks whose loss is taken
    MOST_QUEUES = 16, // threads at work on tasks
    PATIENCE = 2000,  // looks at another thread's progress before giving way
};

typedef struct word_group {
    float *rows[WORD_GROUP];
    const float *labels, *weights;
    int T;
} word_group;

typedef struct word_loss {
    double sum, pairs;
} word_loss;

typedef struct glove_call {
    float *words, *contexts, *word_squares, *context_squares;
    int64_t D, stride;
    const int32_t *rows, *columns;
    const float *values, *weights;
    int64_t N;
    float learning_rate;
} glove_call;

static inline void prefetch_row(const float *row, int64_t stride) {
    for (int64_t i = 0; i < stride; i += 16) __builtin_prefetch(row + i, 1);
}

static void glove_prefetch(const glove_call *c, int64_t r) {
    prefetch_row(c->words + c->rows[r] * c->stride, c->stride);
    prefetch_row(c->contexts + c->columns[r] * c->stride, c->stride);
    prefetch_row(c->word_squares + c->rows[r] * c->stride, c->stride);
    prefetch_row(c->context_squares + c->columns[r] * c->stride, c->stride);
}

// ---- The references ----

static void word_group_scalar(float *const *new_x, const float *const *x, int64_t C, const word_group *o,
                              const float *input_weights, float *g, float rate, word_loss *loss, int64_t D) {
    for (int64_t c = 0; c < C; c++) {
        for (int t = 0; t < o->T; t++) {
            double dot = 0;
            for (int64_t i = 0; i < D; i++) dot += (double)x[c][i] * (double)o->rows[t][i];
            const double share = (double)o->weights[t] * (double)input_weights[c];
            if (loss) {
                loss->sum += share * (log1p(exp(-fabs(dot))) + fmax(dot, 0) - (double)o->labels[t] * dot);
                loss->pairs += share * (double)o->labels[t];
            }
            g[c * GROUP_LANES + t] = (float)(((double)o->labels[t] - 1 / (1 + exp(-dot))) * share * (double)rate);
        }
    }
    for (int64_t i = 0; i < D; i++) {
        float changed[WORD_GROUP];
        for (int t = 0; t < o->T; t++) changed[t] = o->rows[t][i];
        for (int64_t c = 0; c < C; c++) {
            const float input = x[c][i];
            for (int t = 0; t < o->T; t++) {
                new_x[c][i] += g[c * GROUP_LANES + t] * o->rows[t][i];
                changed[t] += g[c * GROUP_LANES + t] * input;
            }
        }
        for (int t = 0; t < o->T; t++) o->rows[t][i] = changed[t];
    }
}

static void add_scaled_scalar(float *out, const float *x, float factor, int64_t D) {
    for (int64_t i = 0; i < D; i++) out[i] += factor * x[i];
}

static void glove_run_scalar(const glove_call *c, double *loss) {
    double total = 0;
    for (int64_t r = 0; r < c->N; r++) {
        float *w = c->words + c->rows[r] * c->stride, *x = c->contexts + c->columns[r] * c->stride;
        float *ws = c->word_squares + c->rows[r] * c->stride, *xs = c->context_squares + c->columns[r] * c->stride;
        double dot = 0;
        for (int64_t i = 0; i < c->D; i++) dot += (double)w[i] * (double)x[i];
        const int64_t bias = c->stride - 1;
        const double error = dot + (double)w[bias] + (double)x[bias] - (double)c->values[r];
        const double weighted = (double)c->weights[r] * error;
        total += 0.5 * weighted * error;
        for (int64_t j = 0; j <= c->D; j++) {
            // A bias meets 1.
            const int64_t i = j < c->D ? j : bias;
            const double a = j < c->D ? (double)w[i] : 1, b = j < c->D ? (double)x[i] : 1;
            const double to_a = weighted * b, to_b = weighted * a;
            w[i] -= (float)((double)c->learning_rate * to_a / sqrt((double)ws[i]));
            x[i] -= (float)((double)c->learning_rate * to_b / sqrt((double)xs[i]));
            ws[i] += (float)(to_a * to_a);
            xs[i] += (float)(to_b * to_b);
        }
    }
    *loss = total;
}

static void row_dots_piece_scalar(float *out, const float *rows, const float *query, int64_t N, int64_t D) {
    for (int64_t r = 0; r < N; r++) {
        double sum = 0;
        for (int64_t i = 0; i < D; i++) sum += (double)rows[r * D + i] * (double)query[i];
        out[r] = (float)sum;
    }
}

#define YK_BODY "word_vectors_body.h"
#include "instantiate.h"

// ---- One task ----

// Where the scratch of a thread at work lies.
typedef struct word_scratch {
    float *g;    // [inputs][GROUP_LANES], and lanes for a vector that reaches beyond them
    float *copy; // old inputs where the outputs take several groups; in pools the mean and its gradient
} word_scratch;

static const float one = 1;

static void all_groups(const yk_word_training *t, float *const *new_x, const float *const *x, int64_t C,
                       const float *input_weights, const yk_word_stream *s, int64_t first, int64_t last, float *g,
                       word_loss *loss) {
    for (int64_t o = first; o < last; o += WORD_GROUP) {
        word_group group = {.labels = s->labels + o, .weights = s->output_weights + o};
        group.T = last - o < WORD_GROUP ? (int)(last - o) : WORD_GROUP;
        for (int i = 0; i < group.T; i++) group.rows[i] = t->output_table + (int64_t)s->outputs[o + i] * t->stride;
        YK_DISPATCH(word_group, new_x, x, C, &group, input_weights, g, t->learning_rate, loss, t->D);
    }
}

static void task_of_pairs(const yk_word_training *t, const yk_word_stream *s, int64_t k, const word_scratch *scratch,
                          word_loss *loss) {
    const int64_t first = s->input_starts[k], C = s->input_starts[k + 1] - first;
    const int64_t from = s->output_starts[k], to = s->output_starts[k + 1];
    float *rows[YK_WORD_MOST_PAIR_INPUTS];
    const float *old[YK_WORD_MOST_PAIR_INPUTS];
    for (int64_t c = 0; c < C; c++) {
        rows[c] = t->input_table + (int64_t)s->inputs[first + c] * t->stride;
        old[c] = rows[c];
        if (to - from > WORD_GROUP) {
            memcpy(scratch->copy + c * t->stride, rows[c], (size_t)t->stride * sizeof(float));
            old[c] = scratch->copy + c * t->stride;
        }
    }
    all_groups(t, rows, old, C, s->input_weights + first, s, from, to, scratch->g, loss);
}

static void task_of_pool(const yk_word_training *t, const yk_word_stream *s, int64_t k, const word_scratch *scratch,
                         word_loss *loss) {
    const int64_t first = s->input_starts[k], last = s->input_starts[k + 1];
    float *mean = scratch->copy, *gradient = mean + t->stride, count = 0;
    memset(mean, 0, 2 * (size_t)t->stride * sizeof(float));
    for (int64_t c = first; c < last; c++) count += s->input_weights[c];
    const float share = t->mode == YK_WORD_SUM ? 1 : 1 / count;
    for (int64_t c = first; c < last; c++)
        YK_DISPATCH(add_scaled, mean, t->input_table + (int64_t)s->inputs[c] * t->stride, share * s->input_weights[c],
                    t->D);
    const float *x = mean;
    all_groups(t, &gradient, &x, 1, &one, s, s->output_starts[k], s->output_starts[k + 1], scratch->g, loss);
    const float back = t->mode == YK_WORD_MEAN ? share : 1;
    for (int64_t c = first; c < last; c++)
        YK_DISPATCH(add_scaled, t->input_table + (int64_t)s->inputs[c] * t->stride, gradient,
                    back * s->input_weights[c], t->D);
}

// ---- Many tasks on several threads ----
//
// Tasks have numbers in the order in which they count. A queue holds the tasks of some streams; the thread that holds it
// carries them out in order and publishes how far it is. Before a task begins, all earlier tasks on one of its rows are
// done: for each queue it is known how far that one must be. So the result is that of the order itself. Whoever waits
// for a queue that no thread holds carries out its next task and lets go of it again.
//
// Nobody waits for ever: a queue is held by the thread that is inside one of its tasks, and a task waits only for tasks
// with lower numbers, be it its own or one that its thread carries out for it meanwhile.

typedef struct word_queue {
    _Alignas(64) _Atomic int64_t done; // tasks below this number
    _Atomic bool held;
    int64_t next;                      // the number of the next task, for the holder
    char padding[64];
} word_queue;

typedef struct word_plan {
    yk_word_training *training;
    const yk_word_stream *streams;
    int64_t S, rounds, queues;
    int32_t *needs[2]; // [tasks][queues]: how far a queue must be, by the inputs and by the outputs
    float *losses;     // [tasks / LOSS_EVERY][2]
    word_queue queue[MOST_QUEUES];
    _Atomic int failed;
} word_plan;

static inline int64_t queue_of(const word_plan *p, int64_t stream) { return stream % p->queues; }

// By the rows of one table: which tasks must be done before each.
static void needs_of_table(const word_plan *p, int table) {
    uint32_t *marks = table == 0 ? p->training->input_marks : p->training->output_marks;
    const uint32_t base = p->training->mark;
    for (int64_t n = 0; n < p->rounds * p->S; n++) {
        const int64_t stream = n % p->S, k = n / p->S, own = queue_of(p, stream);
        const yk_word_stream *s = p->streams + stream;
        if (k >= s->tasks) continue;
        const int32_t *starts = table == 0 ? s->input_starts : s->output_starts;
        const int32_t *rows = table == 0 ? s->inputs : s->outputs;
        int32_t *needs = p->needs[table] + n * p->queues;
        for (int64_t q = 0; q < p->queues; q++) needs[q] = 0;
        for (int32_t i = starts[k]; i < starts[k + 1]; i++) {
            const uint32_t before = marks[rows[i]];
            marks[rows[i]] = base + (uint32_t)n + 1;
            if (before <= base) continue;
            const int64_t earlier = before - base - 1, queue = queue_of(p, earlier % p->S);
            if (queue != own && needs[queue] <= earlier) needs[queue] = (int32_t)(earlier + 1);
        }
    }
}

static void needs_piece(void *context, int64_t table) { needs_of_table(context, (int)table); }

static void carry_out(word_plan *p, int64_t n, const word_scratch *scratch) {
    const yk_word_stream *s = p->streams + n % p->S;
    const int64_t k = n / p->S;
    word_loss loss = {0};
    word_loss *wanted = n % LOSS_EVERY == 0 ? &loss : NULL;
    if (p->training->mode == YK_WORD_PAIRS) task_of_pairs(p->training, s, k, scratch, wanted);
    else task_of_pool(p->training, s, k, scratch, wanted);
    if (wanted) {
        p->losses[n / LOSS_EVERY * 2] = (float)loss.sum;
        p->losses[n / LOSS_EVERY * 2 + 1] = (float)loss.pairs;
    }
}

// Rows of a task on their way to the cache.
static void prefetch_task(const word_plan *p, int64_t stream, int64_t k) {
    const yk_word_stream *s = p->streams + stream;
    const yk_word_training *t = p->training;
    if (k >= s->tasks) return;
    for (int32_t i = s->output_starts[k]; i < s->output_starts[k + 1]; i++)
        prefetch_row(t->output_table + (int64_t)s->outputs[i] * t->stride, t->stride);
    for (int32_t i = s->input_starts[k]; i < s->input_starts[k + 1]; i++)
        prefetch_row(t->input_table + (int64_t)s->inputs[i] * t->stride, t->stride);
}

// The number of the queue's next task, from `n` on; rounds · S at the end.
static int64_t task_from(const word_plan *p, int64_t queue, int64_t n) {
    const int64_t end = p->rounds * p->S;
    for (; n < end; n++)
        if (queue_of(p, n % p->S) == queue && n / p->S < p->streams[n % p->S].tasks) return n;
    return end;
}

static int64_t done_of(word_plan *p, int64_t queue) {
    return atomic_load_explicit(&p->queue[queue].done, memory_order_acquire);
}

static bool take(word_plan *p, int64_t queue) { return !atomic_exchange(&p->queue[queue].held, true); }

static void let_go(word_plan *p, int64_t queue) { atomic_store(&p->queue[queue].held, false); }

static void next_task(word_plan *p, int64_t queue, const word_scratch *scratch);

static void wait_for(word_plan *p, int64_t queue, int64_t done, const word_scratch *scratch) {
    for (int rounds = 0; done_of(p, queue) < done;) {
        if (take(p, queue)) {
            if (done_of(p, queue) < done) next_task(p, queue, scratch);
            let_go(p, queue);
        } else if (++rounds < PATIENCE) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        } else {
            sched_yield();
        }
    }
}

// Carries out the next task of a queue that the caller holds.
static void next_task(word_plan *p, int64_t queue, const word_scratch *scratch) {
    word_queue *q = p->queue + queue;
    const int64_t n = q->next, end = p->rounds * p->S;
    if (n < end) {
        const int64_t following = task_from(p, queue, n + 1);
        if (following < end) prefetch_task(p, following % p->S, following / p->S);
        if (p->queues > 1) {
            const int32_t *a = p->needs[0] + n * p->queues, *b = p->needs[1] + n * p->queues;
            for (int64_t other = 0; other < p->queues; other++) {
                const int32_t need = a[other] > b[other] ? a[other] : b[other];
                if (need > 0) wait_for(p, other, need, scratch);
            }
        }
        carry_out(p, n, scratch);
        q->next = following;
        atomic_store_explicit(&q->done, following, memory_order_release);
    }
}

static void queue_piece(void *context, int64_t piece) {
    (void)piece;
    word_plan *p = context;
    const yk_word_training *t = p->training;
    int64_t most = 1;
    if (t->mode == YK_WORD_PAIRS) most = YK_WORD_MOST_PAIR_INPUTS;
    word_scratch scratch;
    scratch.g = yk_scratch(0, (size_t)((most + 1) * GROUP_LANES) * sizeof(float));
    scratch.copy = yk_scratch(1, (size_t)((most + 1) * t->stride) * sizeof(float));
    if (!scratch.g || !scratch.copy) {
        atomic_store(&p->failed, 1);
        return;
    }
    // A queue may be let go of before its end, so the last thread is the one that finds all of them at theirs.
    const int64_t end = p->rounds * p->S;
    for (bool left = true; left;) {
        left = false;
        for (int64_t queue = 0; queue < p->queues; queue++) {
            if (done_of(p, queue) >= end) continue;
            left = true;
            if (!take(p, queue)) continue;
            while (p->queue[queue].next < end) next_task(p, queue, &scratch);
            let_go(p, queue);
        }
        if (left) sched_yield();
    }
}

bool yk_word_train(yk_word_training *training, const yk_word_stream *streams, int64_t S) {
    word_plan *p = yk_allocate(sizeof(word_plan));
    if (!p) return false;
    memset(p, 0, sizeof *p);
    p->training = training;
    p->streams = streams;
    p->S = S;
    for (int64_t s = 0; s < S; s++)
        if (streams[s].tasks > p->rounds) p->rounds = streams[s].tasks;
    p->queues = yk_thread_count() < S ? yk_thread_count() : S;
    if (p->queues > MOST_QUEUES) p->queues = MOST_QUEUES;
    const int64_t tasks = p->rounds * S, losses = tasks / LOSS_EVERY + 1;
    const int64_t needs = p->queues > 1 ? tasks * p->queues : 0;
    int32_t *memory = yk_allocate((size_t)(2 * needs + 2 * losses + 16) * sizeof(int32_t));
    if (!memory) {
        yk_free(p);
        return false;
    }
    p->needs[0] = memory;
    p->needs[1] = memory + needs;
    p->losses = (float *)(memory + 2 * needs);
    memset(p->losses, 0, (size_t)(2 * losses) * sizeof(float));
    if (needs > 0) {
        if (training->mark > UINT32_MAX - (uint32_t)tasks - 1) {
            memset(training->input_marks, 0, (size_t)training->input_rows * sizeof(uint32_t));
            memset(training->output_marks, 0, (size_t)training->output_rows * sizeof(uint32_t));
            training->mark = 0;
        }
        yk_parallel(2, needs_piece, p);
        training->mark += (uint32_t)tasks;
    }
    for (int64_t q = 0; q < p->queues; q++) {
        p->queue[q].next = task_from(p, q, 0);
        atomic_store(&p->queue[q].done, p->queue[q].next);
    }
    yk_parallel(p->queues, queue_piece, p);
    for (int64_t i = 0; i < losses; i++) {
        training->loss += (double)p->losses[2 * i];
        training->counted += (double)p->losses[2 * i + 1];
    }
    const bool done = !atomic_load(&p->failed);
    yk_free(memory);
    yk_free(p);
    return done;
}

double yk_glove_steps(float *words, float *contexts, float *word_squares, float *context_squares, int64_t D,
                      int64_t stride, const int32_t *rows, const int32_t *columns, const float *values,
                      const float *weights, int64_t N, float learning_rate) {
    const glove_call call = {
        .words = words, .contexts = contexts, .word_squares = word_squares, .context_squares = context_squares,
        .D = D, .stride = stride, .rows = rows, .columns = columns, .values = values, .weights = weights, .N = N,
        .learning_rate = learning_rate,
    };
    double loss = 0;
    YK_DISPATCH(glove_run, &call, &loss);
    return loss;
}

typedef struct row_dots_call {
    float *out;
    const float *rows, *query;
    int64_t N, D, extent;
} row_dots_call;

static void row_dots_range(void *context, int64_t piece) {
    const row_dots_call *c = context;
    const int64_t first = piece * c->extent, n = c->N - first < c->extent ? c->N - first : c->extent;
    YK_DISPATCH(row_dots_piece, c->out + first, c->rows + first * c->D, c->query, n, c->D);
}

void yk_row_dots(float *out, const float *rows, const float *query, int64_t N, int64_t D) {
    row_dots_call call = {.out = out, .rows = rows, .query = query, .N = N, .D = D, .extent = 2048};
    yk_parallel((N + call.extent - 1) / call.extent, row_dots_range, &call);
}
