// One optimizer step over one parameter, in a single pass.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum yk_optimizer { YK_ADAM = 0, YK_SGD, YK_LION } yk_optimizer;

// The rule and its constants; those of other rules are not read. The formulas are PyTorch's
// (torch.optim.Adam, AdamW and SGD, one tensor at a time), and for Lion those of algorithm 2 in Chen et al.,
// 2023.
typedef struct yk_optimizer_rule {
    yk_optimizer kind;
    double learning_rate, weight_decay, l1, gradient_scale;
    double beta1, beta2, epsilon; // Adam; the betas also Lion
    int64_t step;                 // Adam: counts from 1
    bool decoupled;               // Adam: whether the decay acts on the values (AdamW)
    double momentum, dampening;   // SGD
    bool nesterov, first_step;    // SGD
} yk_optimizer_rule;

// values [n] (f32 or f64, changed), low_precision [n] (bf16 copy of the new values, or NULL), gradient [n],
// and the moments [n] that the rule has (else NULL), all of the values' dtype.
void yk_optimizer_step(void *values, uint16_t *low_precision, const void *gradient, void *first_moment,
                       void *second_moment, yk_dtype dtype, const yk_optimizer_rule *rule, int64_t n);

#ifdef __cplusplus
}
#endif
