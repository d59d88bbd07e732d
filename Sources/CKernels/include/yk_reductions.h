// Reductions, largest elements, checks. f32 and bf16 are reduced in f32, f64 in f64. Uses slot 3 of yk_scratch.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum yk_reduction { YK_SUM = 0, YK_MEAN, YK_MAX, YK_MIN } yk_reduction;

// out [A, C] from x [A, n, C] over n. Sums are made of blocks that are added pairwise, so that the rounding error grows
// with the logarithm of n; NaN anywhere gives NaN. n = 0 gives 0, 0, −∞ and +∞.
void yk_reduce(yk_reduction reduction, yk_dtype type, void *out, const void *x, int64_t A, int64_t n, int64_t C);

// The index of the first largest element of each row of x [N, n], n ≥ 1. NaN counts as the largest.
void yk_argmax(int32_t *out, const void *x, yk_dtype type, int64_t N, int64_t n);

// The k ≤ n largest elements of each row of x [N, n] in falling order, equal ones by rising index. NaN counts as the
// largest.
void yk_top_k(void *values, int32_t *indices, const void *x, yk_dtype type, int64_t N, int64_t n, int64_t k);

// The sum of the squares of n elements, in f64.
double yk_sum_of_squares(const void *x, yk_dtype type, int64_t n);

// The index of the first of n elements that is NaN or infinite; −1 when all are finite.
int64_t yk_first_non_finite(const void *x, yk_dtype type, int64_t n);

#ifdef __cplusplus
}
#endif
