#include "yk_attention.h"

#include "attention_reference.h"

typedef struct attention_work {
    const yk_attention *call;
    const yk_attention_gradient *gradient;
} attention_work;

static void forward_reference_piece(void *context, int64_t piece) {
    const yk_attention *c = ((const attention_work *)context)->call;
    attention_forward_scalar(c, piece / c->H, piece % c->H);
}

static void backward_reference_piece(void *context, int64_t piece) {
    const attention_work *w = context;
    attention_backward_scalar(w->gradient, w->call, piece / w->call->K, piece % w->call->K);
}

void yk_attention_forward(const yk_attention *call) {
    attention_work work = {call, NULL};
    yk_parallel(call->B * call->H, forward_reference_piece, &work);
}

void yk_attention_backward(const yk_attention_gradient *gradient, const yk_attention *call) {
    attention_work work = {call, gradient};
    yk_parallel(call->B * call->K, backward_reference_piece, &work);
}
