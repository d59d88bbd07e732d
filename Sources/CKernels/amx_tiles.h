// Tiles of bf16 products: compiles the file named by YK_BODY twice, once for the processor's tile
// instructions (YK_NAME carries _amx) and once over tiles in memory (_emulated), which checks the same code
// on processors without them. The body uses TILE_BEGIN, TILE_END, TILE_ZERO, TILE_LOAD, TILE_STORE and
// TILE_DOT with literal tile numbers 0 to 7; a tile is 16 rows of 64 bytes. YK_LANES is 16 in both;
// YK_NATIVE_BF16 is defined where the processor rounds to bf16 itself.
#include "typed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

// ---- Tiles in memory ----

typedef struct memory_tiles {
    _Alignas(64) char tile[8][1024];
    bool ready;
} memory_tiles;

static _Thread_local memory_tiles yk_tiles;

static void memory_tile_check(int t) {
    if (yk_tiles.ready && t >= 0 && t < 8)
        return;
    fprintf(stderr, "emulated tiles: tile %d was used before its configuration\n", t);
    abort();
}

static void memory_tile_load(int t, const void *from, int64_t stride) {
    memory_tile_check(t);
    for (int64_t r = 0; r < 16; r++)
        memcpy(yk_tiles.tile[t] + r * 64, (const char *)from + r * stride, 64);
}

static void memory_tile_store(int t, void *to, int64_t stride) {
    memory_tile_check(t);
    for (int64_t r = 0; r < 16; r++)
        memcpy((char *)to + r * stride, yk_tiles.tile[t] + r * 64, 64);
}

static void memory_tile_zero(int t) {
    memory_tile_check(t);
    memset(yk_tiles.tile[t], 0, 1024);
}

// What the instruction does: even and odd products are summed apart, from 0, and their sum is added to c.
static void memory_tile_dot(int c, int a, int b) {
    memory_tile_check(c);
    float *out = (float *)yk_tiles.tile[c];
    const uint16_t *left = (const uint16_t *)yk_tiles.tile[a], *right = (const uint16_t *)yk_tiles.tile[b];
    for (int m = 0; m < 16; m++) {
        float even[16] = {0}, odd[16] = {0};
        for (int k = 0; k < 16; k++) {
            const float x = yk_from_bf16(left[m * 32 + 2 * k]), y = yk_from_bf16(left[m * 32 + 2 * k + 1]);
            for (int n = 0; n < 16; n++) {
                even[n] += x * yk_from_bf16(right[k * 32 + 2 * n]);
                odd[n] += y * yk_from_bf16(right[k * 32 + 2 * n + 1]);
            }
        }
        for (int n = 0; n < 16; n++)
            out[m * 16 + n] += even[n] + odd[n];
    }
}

// Vectors of 16 lanes pass between functions of this file alone, so how they are passed does not matter.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define YK_LANES 16
#define YK_NAME(x) x##_emulated
#include "simd.h"
#define TILE_BEGIN() (yk_tiles.ready = true)
#define TILE_END() (yk_tiles.ready = false)
#define TILE_ZERO memory_tile_zero
#define TILE_LOAD memory_tile_load
#define TILE_STORE memory_tile_store
#define TILE_DOT memory_tile_dot
#include YK_BODY
#undef TILE_BEGIN
#undef TILE_END
#undef TILE_ZERO
#undef TILE_LOAD
#undef TILE_STORE
#undef TILE_DOT
#undef vf
#undef vi
#undef vu
#undef vh
#undef YK_INLINE
#undef YK_NAME
#undef YK_LANES
#pragma clang attribute pop
#pragma clang diagnostic pop

// ---- The processor's ----

// Palette 1: eight tiles of 16 rows of 64 bytes.
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} __attribute__((aligned(64))) yk_tile_shapes = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

#pragma clang attribute push(                                                                                \
    __attribute__((                                                                                          \
        target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c,bmi,bmi2"))),  \
    apply_to = function)
#define YK_LANES 16
#define YK_NAME(x) x##_amx
#define YK_NATIVE_512 1
#include "simd.h"
#define YK_NATIVE_BF16 1
#define TILE_BEGIN() _tile_loadconfig(&yk_tile_shapes)
#define TILE_END() _tile_release()
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, from, stride) _tile_loadd(t, from, stride)
#define TILE_STORE(t, to, stride) _tile_stored(t, to, stride)
#define TILE_DOT(c, a, b) _tile_dpbf16ps(c, a, b)
#include YK_BODY
#undef YK_NATIVE_BF16
#undef YK_NATIVE_512
#undef TILE_BEGIN
#undef TILE_END
#undef TILE_ZERO
#undef TILE_LOAD
#undef TILE_STORE
#undef TILE_DOT
#undef vf
#undef vi
#undef vu
#undef vh
#undef YK_INLINE
#undef YK_NAME
#undef YK_LANES
#pragma clang attribute pop

#endif
