// Cross-entropy of rows of logits, with its gradient.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// The first row whose target is neither ignore_index nor in 0..<V; −1 when all are right.
int64_t yk_check_targets(const int32_t *targets, int32_t ignore_index, int64_t N, int64_t V);

// losses[n] = (1 − s)(lse − x[target]) + s(lse − mean(x)) for the logits x [N, V] with label smoothing s, and
// gradient[n, j] = gradient_scale · (softmax(x)[j] − (1 − s)[j = target] − s/V). Rows with the target
// ignore_index give zeros. Rows lie `logits_stride` and `gradient_stride` elements apart.
//
// losses: f32, or f64 when the logits are f64. gradient: NULL for none; f32 or bf16 for logits of f32 or
// bf16, f64 for f64; may be the logits themselves (same dtype and stride). The targets have been checked.
// Rows run on all threads; each thread uses its scratch slot 3.
void yk_cross_entropy(void *losses, void *gradient, int64_t gradient_stride, yk_dtype gradient_dtype,
                      const void *logits, int64_t logits_stride, yk_dtype dtype, const int32_t *targets,
                      int32_t ignore_index, float smoothing, float gradient_scale, int64_t N, int64_t V);

#ifdef __cplusplus
}
#endif
