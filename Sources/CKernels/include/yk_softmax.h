// Softmax over rows, its logarithm and their gradients.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// out = softmax(x), or its logarithm, over the rows of x [N, n]; floating dtypes; out may be x.
void yk_softmax(void *out, const void *x, yk_dtype dtype, bool logarithm, int64_t N, int64_t n);

// The gradient from the output y: dx = y (dy − Σ dy·y), or dy − eʸ Σ dy for the logarithm; dx may be dy or y.
void yk_softmax_backward(void *dx, const void *dy, const void *y, yk_dtype dtype, bool logarithm, int64_t N,
                         int64_t n);

#ifdef __cplusplus
}
#endif
