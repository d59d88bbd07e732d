// Random numbers: Philox 4×32 with ten rounds, as YuyanTensorCore.RandomSource draws them.
// Source: Salmon, Moraes, Dror, Shaw, «Parallel random numbers: as easy as 1, 2, 3», SC 2011.
//
// All results are the same, bit for bit, on every set of kernels: the words are whole numbers, and the
// transforms are the same sequence of IEEE operations everywhere, without contraction to fused multiply-adds.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// A place in a stream of 32-bit words.
typedef struct yk_random {
    uint64_t seed, stream, position;
} yk_random;

// What a word must reach for an element to be kept when elements are dropped with a probability.
static inline uint64_t yk_dropout_threshold(float probability) {
    return (uint64_t)((double)probability * 4294967296.0 + 0.5);
}

// out[i] = the word at position + i.
void yk_random_words(uint32_t *out, yk_random source, int64_t n);

// out[i] = x[i] / (1 − p) where the word at position + i reaches the threshold, else 0; floating dtypes; out
// may be x.
void yk_dropout(void *out, const void *x, yk_dtype dtype, float probability, yk_random source, int64_t n);

// out[i] = low + (high − low) · (word >> 8) · 2⁻²⁴, rounded to the dtype and kept below high.
void yk_random_uniform(void *out, yk_dtype dtype, double low, double high, yk_random source, int64_t n);

// Box–Muller on pairs of words, in double: with u₁ = (w₀ + 1) · 2⁻³² and u₂ = w₁ · 2⁻³²,
// out[2j] = mean + deviation · √(−2 ln u₁) · cos 2πu₂ and out[2j + 1] the same with the sine. The position is
// even.
void yk_random_normal(void *out, yk_dtype dtype, double mean, double deviation, yk_random source, int64_t n);

#ifdef __cplusplus
}
#endif
