// Linear-chain conditional random fields, in double for every dtype and every set of kernels: a step is a product of a
// row with the small matrix of e^transitions, which stays in the nearest cache. Sequences whose numbers keep within
// the range of double take probabilities, brought to the sum 1 at every position; the others take logarithms, and a
// step of theirs that leaves the range is summed term by term. Source of the former: Rabiner, "A tutorial on hidden
// Markov models", 1989, section V.A.
#include "yk_linear_chain.h"

#include "typed.h"

#include <math.h>

enum {
    PIECE_SEQUENCES = 4, // whose gradients of the parameters are summed together, at least,
    MOST_PIECES = 16,    // and so many that the sums stay few
    RANGE = 300,         // exponents within this are left to products of exponentials
};
static const double smallest_sum = 1e-280;
static const double smallest_share = 1e-250, smallest_scale = 1e-50; // below these a sequence takes logarithms

typedef struct chain_plan {
    const yk_linear_chain *chain;
    const double *transitions, *exponentials, *start, *end; // e^(transitions − top)
    const double *exchanged;                                // the exponentials with rows and columns exchanged
    double top;                                             // the largest transition
    void *losses;
    void *emissions; // their gradient
    const void *weights;
    int64_t piece_sequences;
    double *partials; // [pieces][L·L + 2L]
    int32_t *paths;
    void *scores;
} chain_plan;

static int64_t chain_length(const yk_linear_chain *c, int64_t row) { return c->lengths ? c->lengths[row] : c->T; }

// What all sequences read, in the calling thread's scratch.
static chain_plan prepare(const yk_linear_chain *c) {
    const int64_t L = c->L;
    double *m = yk_scratch(0, (size_t)(3 * L * L + 2 * L) * sizeof(double));
    chain_plan p = {.chain = c, .transitions = m, .exponentials = m + L * L, .start = m + 2 * L * L};
    p.end = p.start + L;
    double *exchanged = m + 2 * L * L + 2 * L;
    p.exchanged = exchanged;
    p.top = -INFINITY;
    for (int64_t i = 0; i < L * L; i++) {
        m[i] = yk_get(c->transitions.address, c->transitions.dtype, i);
        if (m[i] > p.top) p.top = m[i];
    }
    if (p.top == -INFINITY) p.top = 0;
    for (int64_t i = 0; i < L * L; i++) m[L * L + i] = exp(m[i] - p.top);
    for (int64_t i = 0; i < L; i++)
        for (int64_t j = 0; j < L; j++) exchanged[j * L + i] = p.exponentials[i * L + j];
    for (int64_t i = 0; i < L; i++) {
        m[2 * L * L + i] = c->start.address ? yk_get(c->start.address, c->start.dtype, i) : 0;
        m[2 * L * L + L + i] = c->end.address ? yk_get(c->end.address, c->end.dtype, i) : 0;
    }
    return p;
}

static void read_emissions(const yk_linear_chain *c, int64_t row, int64_t t, double *out) {
    if (c->dtype == YK_F64) {
        memcpy(out, (const double *)c->emissions + (row * c->T + t) * c->L, (size_t)c->L * sizeof(double));
        return;
    }
    for (int64_t j = 0; j < c->L; j++) out[j] = yk_get(c->emissions, c->dtype, (row * c->T + t) * c->L + j);
}

static double largest(const double *x, int64_t n) {
    double m = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (x[i] > m || x[i] != x[i]) m = x[i];
    return m;
}

// sums[j] = Σ_i x[i] · matrix[i, j].
static void row_product(const double *restrict x, const double *restrict matrix, double *restrict sums, int64_t L) {
    for (int64_t j = 0; j < L; j++) sums[j] = x[0] * matrix[j];
    for (int64_t i = 1; i < L; i++)
        for (int64_t j = 0; j < L; j++) sums[j] += x[i] * matrix[i * L + j];
}

// e^(x − the largest); returns the largest.
static double powers(const double *x, double *out, int64_t L) {
    const double m = largest(x, L);
    for (int64_t j = 0; j < L; j++) out[j] = exp(x[j] - m);
    return m;
}

// log Σ_i e^(x[i] + y[i · stride]).
static double log_sum(const double *x, const double *y, int64_t stride, int64_t n) {
    double m = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double v = x[i] + y[i * stride];
        if (v != v) return v;
        m = fmax(m, v);
    }
    if (!isfinite(m)) return m;
    for (int64_t i = 0; i < n; i++) sum += exp(x[i] + y[i * stride] - m);
    return m + log(sum);
}

// next[j] = log Σ_i e^(x[i] + transitions[i, j]), or with i and j exchanged going back; `room` holds 2L.
static void step(const chain_plan *p, bool back, const double *x, double *next, double *room) {
    const int64_t L = p->chain->L, row = back ? 1 : L, column = back ? L : 1;
    const double m = largest(x, L);
    double *parts = room, *sums = room + L;
    for (int64_t i = 0; i < L; i++) parts[i] = isfinite(m) ? exp(x[i] - m) : 0;
    row_product(parts, back ? p->exchanged : p->exponentials, sums, L);
    for (int64_t j = 0; j < L; j++)
        next[j] = sums[j] > smallest_sum ? m + p->top + log(sums[j])
                                         : log_sum(x, p->transitions + j * column, row, L);
}

// alpha[t] [L]: the logarithm of the sum over all beginnings that end in a label; returns that of all paths.
static double forward(const chain_plan *p, int64_t row, int64_t length, double *alpha, double *room) {
    const int64_t L = p->chain->L;
    double *emissions = room + 2 * L;
    for (int64_t t = 0; t < length; t++) {
        if (t > 0) step(p, false, alpha + (t - 1) * L, alpha + t * L, room);
        read_emissions(p->chain, row, t, emissions);
        for (int64_t j = 0; j < L; j++) alpha[t * L + j] = emissions[j] + (t > 0 ? alpha[t * L + j] : p->start[j]);
    }
    return length > 0 ? log_sum(alpha + (length - 1) * L, p->end, 1, L) : 0;
}

// What a sequence in probabilities is made of, each [T][L] but the scales [T].
typedef struct chain_shares {
    double *factors; // e^(emissions − the position's largest)
    double *alpha;   // the probability of a label given everything up to its position
    double *scales;  // by which a position's sums were divided
    double ending;   // Σ alpha[T − 1] · e^(end − the largest)
} chain_shares;

// Fills `s` and says the logarithm of the sum over all paths; false where a number leaves the range.
static bool forward_shares(const chain_plan *p, int64_t row, int64_t length, chain_shares *s, double *room,
                           double *total) {
    const int64_t L = p->chain->L;
    double sum = 0;
    for (int64_t t = 0; t < length; t++) {
        double *factors = s->factors + t * L, *alpha = s->alpha + t * L, scale = 0, least = 1;
        read_emissions(p->chain, row, t, room);
        sum += powers(room, factors, L);
        if (t > 0) {
            row_product(alpha - L, p->exponentials, alpha, L);
            sum += p->top;
        } else {
            sum += powers(p->start, alpha, L);
        }
        for (int64_t j = 0; j < L; j++) scale += alpha[j] *= factors[j];
        if (!(scale >= smallest_scale)) return false;
        for (int64_t j = 0; j < L; j++) {
            alpha[j] /= scale;
            if (alpha[j] < least) least = alpha[j];
        }
        if (!(least >= smallest_share)) return false;
        s->scales[t] = scale;
        sum += log(scale);
    }
    s->ending = 0;
    sum += powers(p->end, room, L);
    for (int64_t j = 0; j < L; j++) s->ending += s->alpha[(length - 1) * L + j] * room[j];
    *total = sum + log(s->ending);
    return s->ending >= smallest_scale && isfinite(*total);
}

static double target_score(const chain_plan *p, int64_t row, int64_t length) {
    const yk_linear_chain *c = p->chain;
    const int32_t *y = c->targets + row * c->T;
    double score = length > 0 ? p->start[y[0]] + p->end[y[length - 1]] : 0;
    for (int64_t t = 0; t < length; t++) {
        score += yk_get(c->emissions, c->dtype, (row * c->T + t) * c->L + y[t]);
        if (t > 0) score += p->transitions[y[t - 1] * c->L + y[t]];
    }
    return score;
}

// What a sequence needs.
typedef struct chain_space {
    chain_shares shares;
    double *alpha, *room; // [T][L] and 8 rows
} chain_space;

static chain_space chain_scratch(const yk_linear_chain *c) {
    const int64_t size = c->T * c->L;
    double *m = yk_scratch(1, (size_t)(2 * size + c->T + 8 * c->L) * sizeof(double));
    chain_space space = {.alpha = m, .room = m + 2 * size + c->T};
    space.shares = (chain_shares){.alpha = m, .factors = m + size, .scales = m + 2 * size};
    return space;
}

static void put_loss(const chain_plan *p, int64_t row, int64_t length, double total) {
    const yk_linear_chain *c = p->chain;
    yk_put(p->losses, yk_accumulation(c->dtype), row, c->targets ? total - target_score(p, row, length) : total);
}

static void loss_piece(void *context, int64_t piece) {
    const chain_plan *p = context;
    const yk_linear_chain *c = p->chain;
    chain_space space = chain_scratch(c);
    for (int64_t row = piece * PIECE_SEQUENCES; row < c->B && row < (piece + 1) * PIECE_SEQUENCES; row++) {
        const int64_t length = chain_length(c, row);
        double total = 0;
        if (length > 0 && !forward_shares(p, row, length, &space.shares, space.room, &total))
            total = forward(p, row, length, space.alpha, space.room);
        put_loss(p, row, length, total);
    }
}

void yk_linear_chain_losses(void *losses, const yk_linear_chain *chain) {
    chain_plan p = prepare(chain);
    p.losses = losses;
    yk_parallel((chain->B + PIECE_SEQUENCES - 1) / PIECE_SEQUENCES, loss_piece, &p);
}

// Adds the expected number of each transition between two positions, times `weight`: the probability of (i, j) is
// e^(before[i] + transitions[i, j] + after[j] − total).
static void add_transitions(const chain_plan *p, const double *before, const double *after, double total,
                            double weight, double *out, double *room) {
    const int64_t L = p->chain->L;
    double *left = room, *right = room + L;
    const double m = powers(before, left, L), n = powers(after, right, L), scale = m + n + p->top - total;
    const bool fits = fabs(scale) < RANGE;
    const double factor = fits ? weight * exp(scale) : 0;
    for (int64_t i = 0; i < L; i++)
        for (int64_t j = 0; j < L; j++)
            out[i * L + j] += fits ? factor * left[i] * right[j] * p->exponentials[i * L + j]
                                   : weight * exp(before[i] + p->transitions[i * L + j] + after[j] - total);
}

// From beta of t + 1 to that of t in probabilities; adds the expected transitions between them, times `weight`.
static void back_shares(const chain_plan *p, const chain_shares *s, int64_t t, double weight, double *beta,
                        double *after, double *transitions) {
    const int64_t L = p->chain->L;
    const double *factors = s->factors + (t + 1) * L, *alpha = s->alpha + t * L;
    for (int64_t j = 0; j < L; j++) after[j] = factors[j] * beta[j] / s->scales[t + 1];
    row_product(after, p->exchanged, beta, L);
    for (int64_t i = 0; i < L; i++) {
        const double factor = weight * alpha[i];
        const double *from = p->exponentials + i * L;
        double *out = transitions + i * L;
        for (int64_t j = 0; j < L; j++) out[j] += factor * from[j] * after[j];
    }
}

// The same in logarithms.
static void back_logarithms(const chain_plan *p, const double *alpha, int64_t row, int64_t t, double total,
                            double weight, double *beta, double *after, double *room, double *transitions) {
    const int64_t L = p->chain->L;
    // after[j]: the emissions and everything behind position t + 1.
    read_emissions(p->chain, row, t + 1, after);
    for (int64_t j = 0; j < L; j++) after[j] += beta[j];
    step(p, true, after, beta, room);
    add_transitions(p, alpha + t * L, after, total, weight, transitions, room);
}

// One sequence's gradients: of the emissions where they are wanted, of the parameters added to `sums`; and its loss.
static void sequence_gradient(const chain_plan *p, int64_t row, double *sums) {
    const yk_linear_chain *c = p->chain;
    const int64_t L = c->L, length = chain_length(c, row);
    const int32_t *targets = c->targets ? c->targets + row * c->T : NULL;
    const double weight = yk_get(p->weights, yk_accumulation(c->dtype), row);
    chain_space space = chain_scratch(c);
    double *beta = space.room + 3 * L, *after = beta + L, total = 0;
    const bool shares = length > 0 && forward_shares(p, row, length, &space.shares, space.room, &total);
    if (length > 0 && !shares) total = forward(p, row, length, space.alpha, space.room);
    if (p->losses) put_loss(p, row, length, total);
    for (int64_t t = c->T - 1; t >= length; t--)
        for (int64_t j = 0; p->emissions && j < L; j++) yk_put(p->emissions, c->dtype, (row * c->T + t) * L + j, 0);
    for (int64_t t = length - 1; t >= 0; t--) {
        const double *alpha = space.alpha + t * L;
        if (t == length - 1) {
            if (shares) powers(p->end, beta, L);
            else memcpy(beta, p->end, (size_t)L * sizeof(double));
            for (int64_t j = 0; shares && j < L; j++) beta[j] /= space.shares.ending;
        } else {
            if (shares)
                back_shares(p, &space.shares, t, weight, beta, after, sums);
            else
                back_logarithms(p, space.alpha, row, t, total, weight, beta, after, space.room, sums);
            if (targets) sums[targets[t] * L + targets[t + 1]] -= weight;
        }
        for (int64_t j = 0; j < L; j++) {
            const double probability = shares ? alpha[j] * beta[j] : exp(alpha[j] + beta[j] - total);
            const double d = weight * (probability - (targets && targets[t] == j ? 1 : 0));
            if (p->emissions) yk_put(p->emissions, c->dtype, (row * c->T + t) * L + j, d);
            if (t == 0) sums[L * L + j] += d;
            if (t == length - 1) sums[L * L + L + j] += d;
        }
    }
}

static void gradient_piece(void *context, int64_t piece) {
    const chain_plan *p = context;
    const yk_linear_chain *c = p->chain;
    const int64_t count = c->L * c->L + 2 * c->L;
    double *sums = p->partials + piece * count;
    memset(sums, 0, (size_t)count * sizeof(double));
    const int64_t end = (piece + 1) * p->piece_sequences;
    for (int64_t row = piece * p->piece_sequences; row < c->B && row < end; row++)
        sequence_gradient(p, row, sums);
}

void yk_linear_chain_gradient(void *emissions, void *transitions, void *start, void *end, void *losses,
                              const void *weights, const yk_linear_chain *chain) {
    const int64_t L = chain->L, count = L * L + 2 * L;
    chain_plan p = prepare(chain);
    p.emissions = emissions;
    p.losses = losses;
    p.weights = weights;
    p.piece_sequences = (chain->B + MOST_PIECES - 1) / MOST_PIECES;
    if (p.piece_sequences < PIECE_SEQUENCES) p.piece_sequences = PIECE_SEQUENCES;
    const int64_t pieces = (chain->B + p.piece_sequences - 1) / p.piece_sequences;
    p.partials = yk_scratch(2, (size_t)(pieces * count + 1) * sizeof(double));
    yk_parallel(pieces, gradient_piece, &p);
    // The pieces in their order.
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t piece = 0; piece < pieces; piece++) sum += p.partials[piece * count + i];
        void *out = i < L * L ? transitions : i < L * L + L ? start : end;
        const int64_t at = i < L * L ? i : (i - L * L) % (L > 0 ? L : 1);
        if (out) yk_put(out, yk_accumulation(chain->dtype), at, sum);
    }
}

static void decode_piece(void *context, int64_t row) {
    const chain_plan *p = context;
    const yk_linear_chain *c = p->chain;
    const int64_t L = c->L, length = chain_length(c, row);
    int32_t *path = p->paths + row * c->T;
    for (int64_t t = length; t < c->T; t++) path[t] = -1;
    if (length == 0) {
        yk_put(p->scores, yk_accumulation(c->dtype), row, 0);
        return;
    }
    double *best = chain_scratch(c).room, *next = best + L, *emissions = next + L;
    int32_t *from = yk_scratch(2, (size_t)(c->T * L) * sizeof(int32_t));
    for (int64_t t = 0; t < length; t++) {
        read_emissions(c, row, t, emissions);
        for (int64_t j = 0; j < L; j++) {
            if (t == 0) {
                next[j] = p->start[j] + emissions[j];
                continue;
            }
            int32_t winner = 0;
            double score = best[0] + p->transitions[j];
            for (int64_t i = 1; i < L; i++) {
                const double other = best[i] + p->transitions[i * L + j];
                if (other > score) score = other, winner = (int32_t)i;
            }
            from[t * L + j] = winner;
            next[j] = score + emissions[j];
        }
        memcpy(best, next, (size_t)L * sizeof(double));
    }
    int32_t label = 0;
    for (int64_t j = 0; j < L; j++) best[j] += p->end[j];
    for (int64_t j = 1; j < L; j++)
        if (best[j] > best[label]) label = (int32_t)j;
    yk_put(p->scores, yk_accumulation(c->dtype), row, best[label]);
    for (int64_t t = length - 1; t >= 0; t--) {
        path[t] = label;
        if (t > 0) label = from[t * L + label];
    }
}

void yk_linear_chain_decode(int32_t *paths, void *scores, const yk_linear_chain *chain) {
    chain_plan p = prepare(chain);
    p.paths = paths;
    p.scores = scores;
    yk_parallel(chain->B, decode_piece, &p);
}

int64_t yk_check_labels(const yk_linear_chain *c) {
    for (int64_t row = 0; c->targets && row < c->B; row++)
        for (int64_t t = 0; t < chain_length(c, row); t++)
            if (c->targets[row * c->T + t] < 0 || c->targets[row * c->T + t] >= c->L) return row * c->T + t;
    return -1;
}
