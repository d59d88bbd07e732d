#include "yk_random.h"

#include "philox.h"
#include "typed.h"

#include <math.h>

// No fused multiply-adds in this file: they would make the draws depend on the set of kernels.
#pragma clang fp contract(off)

#define YK_BODY "random_body.h"

// The reference is the same source without any instruction set asked for.
#define YK_LANES 4
#define YK_NAME(x) x##_scalar
#include "simd.h"
#include YK_BODY
#undef vf
#undef vi
#undef vu
#undef vh
#undef YK_INLINE
#undef YK_NAME
#undef YK_LANES

#include "instantiate.h"

enum { PIECE = 16384, BLOCK = 1024, ROOM = 16 };

static void words_of(uint32_t *out, yk_random source, int64_t offset, int64_t n) {
    source.position += (uint64_t)offset;
    YK_DISPATCH(random_words, out, source, n);
}

void yk_random_words(uint32_t *out, yk_random source, int64_t n) { words_of(out, source, 0, n); }

typedef struct random_call {
    void *out;
    const void *x; // dropout alone
    yk_dtype dtype;
    yk_random source;
    double a, b; // low and range, or mean and deviation
    double most; // the largest value of the dtype that may come out
    float scale;
    uint64_t threshold;
    int64_t n;
} random_call;

// ---- Dropout ----

static void dropout_block(const random_call *c, int64_t at, int64_t n) {
    uint32_t words[BLOCK];
    void *out = yk_at(c->out, c->dtype, at);
    const void *x = yk_const_at(c->x, c->dtype, at);
    if (c->threshold > UINT32_MAX) {
        memset(out, 0, (size_t)(n * yk_dtype_size(c->dtype)));
        return;
    }
    words_of(words, c->source, at, n);
    if (c->dtype == YK_F64) {
        for (int64_t i = 0; i < n; i++)
            ((double *)out)[i] = words[i] >= c->threshold ? ((const double *)x)[i] * c->a : 0;
        return;
    }
    YK_DISPATCH(dropout_elements, out, x, c->dtype, c->scale, (uint32_t)c->threshold, words, n);
}

static void dropout_piece(void *context, int64_t piece) {
    const random_call *c = context;
    const int64_t end = (piece + 1) * PIECE < c->n ? (piece + 1) * PIECE : c->n;
    for (int64_t i = piece * PIECE; i < end; i += BLOCK)
        dropout_block(c, i, end - i < BLOCK ? end - i : BLOCK);
}

void yk_dropout(void *out, const void *x, yk_dtype dtype, float probability, yk_random source, int64_t n) {
    random_call c = {.out = out, .x = x, .dtype = dtype, .source = source, .n = n};
    c.a = 1 / (1 - (double)probability);
    c.scale = (float)c.a;
    c.threshold = yk_dropout_threshold(probability);
    yk_parallel((n + PIECE - 1) / PIECE, dropout_piece, &c);
}

// ---- Draws ----

// Rounds draws to the dtype; none comes out above c->most.
static void store_draws(const random_call *c, int64_t at, const double *draws, int64_t n) {
    void *out = yk_at(c->out, c->dtype, at);
    if (c->dtype == YK_F64) {
        for (int64_t j = 0; j < n; j++) ((double *)out)[j] = draws[j] > c->most ? c->most : draws[j];
        return;
    }
    const float most = (float)c->most;
    if (c->dtype == YK_F32) {
        for (int64_t j = 0; j < n; j++) {
            float x = (float)draws[j];
            ((float *)out)[j] = x > most ? most : x;
        }
        return;
    }
    // Compared after rounding, which may carry a draw up to the bound.
    const uint16_t last = yk_to_bf16(most);
    for (int64_t j = 0; j < n; j++) {
        uint16_t h = yk_to_bf16((float)draws[j]);
        ((uint16_t *)out)[j] = yk_from_bf16(h) > most ? last : h;
    }
}

static void uniform_piece(void *context, int64_t piece) {
    const random_call *c = context;
    uint32_t words[BLOCK];
    double draws[BLOCK];
    const int64_t end = (piece + 1) * PIECE < c->n ? (piece + 1) * PIECE : c->n;
    for (int64_t i = piece * PIECE; i < end; i += BLOCK) {
        const int64_t n = end - i < BLOCK ? end - i : BLOCK;
        words_of(words, c->source, i, n);
        YK_DISPATCH(uniform_elements, draws, words, c->a, c->b, n);
        store_draws(c, i, draws, n);
    }
}

// The largest value of a dtype below a bound.
static double largest_below(double bound, yk_dtype dtype) {
    if (dtype == YK_F64) return nextafter(bound, -INFINITY);
    float x = (float)bound;
    if ((double)x >= bound) x = nextafterf(x, -INFINITY);
    if (dtype == YK_F32) return x;
    // Towards −∞: cut the lower bits of a positive number, round those of a negative one away from 0.
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if (x < 0 && (bits & 0xFFFFu)) bits += 0x10000u;
    bits &= 0xFFFF0000u;
    memcpy(&x, &bits, 4);
    return x;
}

void yk_random_uniform(void *out, yk_dtype dtype, double low, double high, yk_random source, int64_t n) {
    random_call c = {.out = out, .dtype = dtype, .source = source, .a = low, .b = high - low, .n = n};
    c.most = high > low ? largest_below(high, dtype) : INFINITY;
    yk_parallel((n + PIECE - 1) / PIECE, uniform_piece, &c);
}

static void normal_piece(void *context, int64_t piece) {
    const random_call *c = context;
    uint32_t words[BLOCK + ROOM];
    double draws[BLOCK + ROOM];
    const int64_t end = (piece + 1) * PIECE < c->n ? (piece + 1) * PIECE : c->n;
    for (int64_t i = piece * PIECE; i < end; i += BLOCK) {
        const int64_t n = end - i < BLOCK ? end - i : BLOCK;
        words_of(words, c->source, i, (n + ROOM - 1) / ROOM * ROOM);
        YK_DISPATCH(normal_elements, draws, words, c->a, c->b, n);
        store_draws(c, i, draws, n);
    }
}

void yk_random_normal(void *out, yk_dtype dtype, double mean, double deviation, yk_random source, int64_t n) {
    random_call c = {.out = out, .dtype = dtype, .source = source, .a = mean, .b = deviation, .n = n};
    c.most = INFINITY;
    yk_parallel((n + PIECE - 1) / PIECE, normal_piece, &c);
}
