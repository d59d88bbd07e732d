// Elements of any floating dtype, for references and for what happens once per row.
#pragma once

#include "yk_core.h"

#include <string.h>

static inline float yk_from_bf16(uint16_t h) {
    uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

// To nearest, ties to even; NaN stays NaN.
static inline uint16_t yk_to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if (x != x) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

// The dtype of sums, statistics and losses of elements of dtype t.
static inline yk_dtype yk_accumulation(yk_dtype t) { return t == YK_F64 ? YK_F64 : YK_F32; }

// Element i as a double, which holds every value of the three floating dtypes.
static inline double yk_get(const void *p, yk_dtype t, int64_t i) {
    switch (t) {
    case YK_F64: return ((const double *)p)[i];
    case YK_BF16: return yk_from_bf16(((const uint16_t *)p)[i]);
    default: return ((const float *)p)[i];
    }
}

static inline void yk_put(void *p, yk_dtype t, int64_t i, double x) {
    switch (t) {
    case YK_F64: ((double *)p)[i] = x; break;
    case YK_BF16: ((uint16_t *)p)[i] = yk_to_bf16((float)x); break;
    default: ((float *)p)[i] = (float)x; break;
    }
}

// The address of element i; NULL stays NULL.
static inline void *yk_at(void *p, yk_dtype t, int64_t i) {
    return p ? (char *)p + i * yk_dtype_size(t) : NULL;
}
static inline const void *yk_const_at(const void *p, yk_dtype t, int64_t i) {
    return p ? (const char *)p + i * yk_dtype_size(t) : NULL;
}

// Rows of n elements in a piece of work of about `elements` elements, at least 1.
static inline int64_t yk_rows_per_piece(int64_t n, int64_t elements) {
    return n >= elements || n <= 0 ? 1 : elements / n;
}
