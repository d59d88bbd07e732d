// The rules on one vector of f32. The same order of operations as the reference.
#include "typed_simd.h"

typedef struct YK_NAME(state) {
    vf value, first, second;
} YK_NAME(state);

YK_INLINE vf YK_NAME(sign)(vf x) {
    const vf one = YK_NAME(splat)(1);
    return YK_NAME(blend)(x > 0, one, YK_NAME(blend)(x < 0, -one, (vf){}));
}

// The gradient with its factor and its penalties.
YK_INLINE vf YK_NAME(penalised)(const optimizer_constants *c, vf gradient, vf value) {
    vf g = gradient * (float)c->gradient_scale;
    if (c->l1 != 0) g += (float)c->l1 * YK_NAME(sign)(value);
    if (c->coupled_decay != 0) g += (float)c->coupled_decay * value;
    return g;
}

YK_INLINE void YK_NAME(adam)(const optimizer_constants *c, YK_NAME(state) *s, vf gradient) {
    vf g = YK_NAME(penalised)(c, gradient, s->value);
    vf value = s->value * (float)c->keep;
    if (c->weight1 < 0.5) s->first = s->first + (float)c->weight1 * (g - s->first);
    else s->first = g - (g - s->first) * (float)c->beta1;
    s->second = s->second * (float)c->beta2 + g * g * (float)c->weight2;
    vf denominator = __builtin_elementwise_sqrt(s->second) / (float)c->root_correction2 + (float)c->epsilon;
    s->value = value - (float)c->step_size * (s->first / denominator);
}

YK_INLINE void YK_NAME(sgd)(const optimizer_constants *c, YK_NAME(state) *s, vf gradient, bool momentum) {
    vf g = YK_NAME(penalised)(c, gradient, s->value);
    if (momentum) {
        if (c->first_step) s->first = g;
        else s->first = s->first * (float)c->momentum + g * (float)c->weight1;
        g = c->nesterov ? g + (float)c->momentum * s->first : s->first;
    }
    s->value = s->value - (float)c->step_size * g;
}

YK_INLINE void YK_NAME(lion)(const optimizer_constants *c, YK_NAME(state) *s, vf gradient) {
    vf g = YK_NAME(penalised)(c, gradient, s->value);
    vf mixed = s->first * (float)c->beta1 + g * (float)c->weight1;
    s->first = s->first * (float)c->beta2 + g * (float)c->weight2;
    s->value = s->value * (float)c->keep - (float)c->step_size * YK_NAME(sign)(mixed);
}

YK_INLINE void YK_NAME(rule)(const optimizer_constants *c, YK_NAME(state) *s, vf gradient, yk_optimizer kind,
                             bool moment) {
    switch (kind) {
    case YK_ADAM: YK_NAME(adam)(c, s, gradient); break;
    case YK_SGD: YK_NAME(sgd)(c, s, gradient, moment); break;
    case YK_LION: YK_NAME(lion)(c, s, gradient); break;
    }
}

// Elements first..<last under a rule that is constant here.
YK_INLINE void YK_NAME(step_of)(const optimizer_call *call, int64_t first, int64_t last, yk_optimizer kind,
                                bool moment1, bool moment2, bool copy) {
    const optimizer_constants *c = &call->constants;
    float *values = call->values, *m1 = call->first_moment, *m2 = call->second_moment;
    const float *gradient = call->gradient;
    uint16_t *low = call->low_precision;
    int64_t i = first;
    for (; i + YK_LANES <= last; i += YK_LANES) {
        YK_NAME(state) s = {.value = YK_NAME(load)(values + i)};
        if (moment1) s.first = YK_NAME(load)(m1 + i);
        if (moment2) s.second = YK_NAME(load)(m2 + i);
        YK_NAME(rule)(c, &s, YK_NAME(load)(gradient + i), kind, moment1);
        YK_NAME(store)(values + i, s.value);
        if (moment1) YK_NAME(store)(m1 + i, s.first);
        if (moment2) YK_NAME(store)(m2 + i, s.second);
        if (copy) YK_NAME(store_bf16)(low + i, s.value);
    }
    if (i < last) {
        const int64_t count = last - i;
        YK_NAME(state) s = {.value = YK_NAME(get_part)(values, YK_F32, i, count, 0)};
        if (moment1) s.first = YK_NAME(get_part)(m1, YK_F32, i, count, 0);
        if (moment2) s.second = YK_NAME(get_part)(m2, YK_F32, i, count, 0);
        YK_NAME(rule)(c, &s, YK_NAME(get_part)(gradient, YK_F32, i, count, 0), kind, moment1);
        YK_NAME(put_part)(values, YK_F32, i, count, s.value);
        if (moment1) YK_NAME(put_part)(m1, YK_F32, i, count, s.first);
        if (moment2) YK_NAME(put_part)(m2, YK_F32, i, count, s.second);
        if (copy) YK_NAME(put_part)(low, YK_BF16, i, count, s.value);
    }
}

static void YK_NAME(optimizer_elements)(const optimizer_call *c, int64_t first, int64_t last) {
    const bool moment = c->first_moment != NULL, copy = c->low_precision != NULL;
    switch (c->kind) {
    case YK_ADAM:
        if (copy) YK_NAME(step_of)(c, first, last, YK_ADAM, true, true, true);
        else YK_NAME(step_of)(c, first, last, YK_ADAM, true, true, false);
        break;
    case YK_SGD:
        if (moment) YK_NAME(step_of)(c, first, last, YK_SGD, true, false, copy);
        else YK_NAME(step_of)(c, first, last, YK_SGD, false, false, copy);
        break;
    case YK_LION: YK_NAME(step_of)(c, first, last, YK_LION, true, false, copy); break;
    }
}
