// Rotary positions: pair (i, i + E/2) of a head is turned by position · frequency[i].
#pragma once

#include "yk_attention.h"

#ifdef __cplusplus
extern "C" {
#endif

// out and x [B, T, H, E] with unit stride in E, of one dtype; positions [B, T] and frequencies [E/2]
// contiguous. The angle is taken in double. out may be x itself. `inverse` turns back.
void yk_rotary(void *out, yk_heads out_at, const void *x, yk_heads x_at, yk_dtype dtype,
               const int32_t *positions, const float *frequencies, bool inverse, int64_t B, int64_t T,
               int64_t H, int64_t E);

#ifdef __cplusplus
}
#endif
