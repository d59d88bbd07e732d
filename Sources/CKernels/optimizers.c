#include "yk_optimizers.h"

#include "typed.h"

#include <math.h>

// What a rule needs for each element, worked out once in double.
typedef struct optimizer_constants {
    double gradient_scale, l1;
    double coupled_decay;    // the decay that goes into the gradient
    double keep;             // the factor of the decay that acts on the values
    double beta1, weight1;   // weight1 = 1 − β₁, or 1 − dampening
    double beta2, weight2;   // weight2 = 1 − β₂
    double root_correction2; // √(1 − β₂ᵗ)
    double step_size, epsilon, momentum;
    bool nesterov, first_step;
} optimizer_constants;

typedef struct optimizer_call {
    void *values;
    uint16_t *low_precision;
    const void *gradient;
    void *first_moment, *second_moment;
    yk_dtype dtype;
    yk_optimizer kind;
    optimizer_constants constants;
    int64_t n;
} optimizer_call;

static double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

// The references, in double for f32 and f64.
static void optimizer_elements_scalar(const optimizer_call *call, int64_t first, int64_t last) {
    const optimizer_constants *c = &call->constants;
    const yk_dtype t = call->dtype;
    for (int64_t i = first; i < last; i++) {
        const double value = yk_get(call->values, t, i);
        double m = call->first_moment ? yk_get(call->first_moment, t, i) : 0, updated = value;
        double g = yk_get(call->gradient, t, i) * c->gradient_scale;
        if (c->l1 != 0) g += c->l1 * sign_of(value);
        if (c->coupled_decay != 0) g += c->coupled_decay * value;
        switch (call->kind) {
        case YK_ADAM: {
            double v = yk_get(call->second_moment, t, i) * c->beta2 + g * g * c->weight2;
            m = c->weight1 < 0.5 ? m + c->weight1 * (g - m) : g - (g - m) * c->beta1;
            yk_put(call->second_moment, t, i, v);
            updated = value * c->keep - c->step_size * (m / (sqrt(v) / c->root_correction2 + c->epsilon));
            break;
        }
        case YK_SGD:
            if (call->first_moment) {
                m = c->first_step ? g : m * c->momentum + g * c->weight1;
                g = c->nesterov ? g + c->momentum * m : m;
            }
            updated = value - c->step_size * g;
            break;
        case YK_LION:
            updated = value * c->keep - c->step_size * sign_of(m * c->beta1 + g * c->weight1);
            m = m * c->beta2 + g * c->weight2;
            break;
        }
        if (call->first_moment) yk_put(call->first_moment, t, i, m);
        yk_put(call->values, t, i, updated);
        if (call->low_precision) yk_put(call->low_precision, YK_BF16, i, yk_get(call->values, t, i));
    }
}

#define YK_BODY "optimizers_body.h"
#include "instantiate.h"

enum { PIECE = 16384 };

static void optimizer_piece(void *context, int64_t piece) {
    const optimizer_call *c = context;
    const int64_t first = piece * PIECE, last = first + PIECE < c->n ? first + PIECE : c->n;
    if (c->dtype == YK_F64) optimizer_elements_scalar(c, first, last);
    else YK_DISPATCH(optimizer_elements, c, first, last);
}

static optimizer_constants constants_of(const yk_optimizer_rule *r) {
    const bool decoupled = r->kind == YK_LION || (r->kind == YK_ADAM && r->decoupled);
    optimizer_constants c = {
        .gradient_scale = r->gradient_scale,
        .l1 = r->l1,
        .coupled_decay = decoupled ? 0 : r->weight_decay,
        .keep = decoupled ? 1 - r->learning_rate * r->weight_decay : 1,
        .beta1 = r->beta1,
        .weight1 = r->kind == YK_SGD ? 1 - r->dampening : 1 - r->beta1,
        .beta2 = r->beta2,
        .weight2 = 1 - r->beta2,
        .root_correction2 = 1,
        .step_size = r->learning_rate,
        .epsilon = r->epsilon,
        .momentum = r->momentum,
        .nesterov = r->nesterov,
        .first_step = r->first_step,
    };
    if (r->kind == YK_ADAM) {
        c.step_size = r->learning_rate / (1 - pow(r->beta1, (double)r->step));
        c.root_correction2 = sqrt(1 - pow(r->beta2, (double)r->step));
    }
    return c;
}

void yk_optimizer_step(void *values, uint16_t *low_precision, const void *gradient, void *first_moment,
                       void *second_moment, yk_dtype dtype, const yk_optimizer_rule *rule, int64_t n) {
    optimizer_call call = {
        .values = values,
        .low_precision = low_precision,
        .gradient = gradient,
        .first_moment = first_moment,
        .second_moment = second_moment,
        .dtype = dtype,
        .kind = rule->kind,
        .constants = constants_of(rule),
        .n = n,
    };
    yk_parallel((n + PIECE - 1) / PIECE, optimizer_piece, &call);
}
