// Products of bf16 by the processor's dot products of pairs (AVX-512 BF16).
#include "gemm_engine.h"
#include "typed.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { PAIR_ROWS = 12, PAIR_COLUMNS = 32, PAIR_K_BLOCK = 512 };

#pragma clang attribute push(                                                                                          \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define YK_LANES 16
#define YK_NAME(x) x##_pairs
#define YK_NATIVE_512 1
#include "simd.h"
#define YK_NATIVE_BF16 1
// sum + the products of the pairs of bf16 in a and b
#define PAIR_DOT(sum, a, b) ((vf)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(a), (__m512bh)(b)))
#include "gemm_pairs_body.h"
#pragma clang attribute pop

#endif
