// Products of bf16 on tiles: by the processor's instructions, and by plain C over tiles in memory.
#include "gemm_engine.h"
#include "typed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { AMX_EXTENT = 32, AMX_K = 32 };

static _Thread_local gemm_deferred deferred;

static gemm_deferred *deferred_tile(void) { return &deferred; }

// ---- Emulated ----

typedef struct memory_tiles {
    _Alignas(64) char tile[8][1024];
    bool ready;
} memory_tiles;

static _Thread_local memory_tiles tiles;

static void memory_check(int t) {
    if (tiles.ready && t >= 0 && t < 8) return;
    fprintf(stderr, "emulated tiles: tile %d was used before its configuration\n", t);
    abort();
}

static void memory_load(int t, const void *from, int64_t stride) {
    memory_check(t);
    for (int64_t r = 0; r < 16; r++) memcpy(tiles.tile[t] + r * 64, (const char *)from + r * stride, 64);
}

static void memory_store(int t, void *to, int64_t stride) {
    memory_check(t);
    for (int64_t r = 0; r < 16; r++) memcpy((char *)to + r * stride, tiles.tile[t] + r * 64, 64);
}

static void memory_zero(int t) {
    memory_check(t);
    memset(tiles.tile[t], 0, 1024);
}

// What the instruction does: even and odd products are summed apart, from 0, and their sum is added to c.
static void memory_dot(int c, int a, int b) {
    memory_check(c);
    float *out = (float *)tiles.tile[c];
    const uint16_t *left = (const uint16_t *)tiles.tile[a], *right = (const uint16_t *)tiles.tile[b];
    for (int m = 0; m < 16; m++) {
        float even[16] = {0}, odd[16] = {0};
        for (int k = 0; k < 16; k++) {
            const float x = yk_from_bf16(left[m * 32 + 2 * k]), y = yk_from_bf16(left[m * 32 + 2 * k + 1]);
            for (int n = 0; n < 16; n++) {
                even[n] += x * yk_from_bf16(right[k * 32 + 2 * n]);
                odd[n] += y * yk_from_bf16(right[k * 32 + 2 * n + 1]);
            }
        }
        for (int n = 0; n < 16; n++) out[m * 16 + n] += even[n] + odd[n];
    }
}

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define YK_LANES 8
#define YK_NAME(x) x##_emulated
#define YK_GEMM yk_gemm_emulated
#include "simd.h"
#define TILE_LOAD memory_load
#define TILE_STORE memory_store
#define TILE_ZERO memory_zero
#define TILE_DOT memory_dot
#define TILE_BEGIN() (tiles.ready = true)
#define TILE_END() (tiles.ready = false)
#include "gemm_amx_body.h"
#undef TILE_LOAD
#undef TILE_STORE
#undef TILE_ZERO
#undef TILE_DOT
#undef TILE_BEGIN
#undef TILE_END
#undef vf
#undef vi
#undef vu
#undef vh
#undef YK_INLINE
#undef YK_NAME
#undef YK_GEMM
#undef YK_LANES
#pragma clang attribute pop

// ---- The processor's ----

// Palette 1: eight tiles of 16 rows of 64 bytes.
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} __attribute__((aligned(64))) tile_shapes = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

#pragma clang attribute push(                                                                                          \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c,bmi,bmi2"))), \
    apply_to = function)
#define YK_LANES 16
#define YK_NAME(x) x##_amx
#define YK_GEMM yk_gemm_amx
#include "simd.h"
#define YK_NATIVE_BF16 1
#define TILE_LOAD(t, from, stride) _tile_loadd(t, from, stride)
#define TILE_STORE(t, to, stride) _tile_stored(t, to, stride)
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_DOT(c, a, b) _tile_dpbf16ps(c, a, b)
#define TILE_BEGIN() _tile_loadconfig(&tile_shapes)
#define TILE_END() _tile_release()
#include "gemm_amx_body.h"
#pragma clang attribute pop

#endif
