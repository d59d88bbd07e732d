// Conversions between rows of elements.
#pragma once

#include "yk_core.h"

// bf16 to f32 and back (to nearest, ties to even), rows of unit stride.
void yk_widen(float *out, const uint16_t *x, int64_t n);
void yk_narrow(uint16_t *out, const float *x, int64_t n);

// f64 to f32, rounded so that a later rounding to bf16 is the right one: an inexact result has its last bit set.
static inline float yk_round_to_odd(double x) {
    float y = (float)x;
    uint32_t bits;
    __builtin_memcpy(&bits, &y, 4);
    if ((double)y == x || x != x || (bits & 0x7F800000u) == 0x7F800000u) return y;
    // Towards 0 first, then the last bit.
    double magnitude = x < 0 ? -x : x, rounded = y < 0 ? -(double)y : (double)y;
    if (rounded > magnitude) bits--;
    bits |= 1;
    __builtin_memcpy(&y, &bits, 4);
    return y;
}

static inline int32_t yk_to_i32(double x) {
    return x != x ? 0 : x >= 2147483647.0 ? INT32_MAX : x <= -2147483648.0 ? INT32_MIN : (int32_t)x;
}
static inline uint8_t yk_to_u8(double x) { return x >= 255 ? 255 : x > 0 ? (uint8_t)x : 0; }

// Any dtype as f64 (exact) and back (correctly rounded), n elements with a stride in bytes.
void yk_read_f64(double *out, const char *x, yk_dtype type, int64_t stride, int64_t n);
void yk_write_f64(char *out, yk_dtype type, int64_t stride, const double *x, int64_t n);
