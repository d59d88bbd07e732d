#include "yk_rotary.h"

#include "attention_common.h"

typedef struct rotary_call {
    void *out;
    const void *x;
    yk_heads out_at, x_at;
    yk_dtype dtype;
    const int32_t *positions;
    const float *frequencies;
    bool inverse;
    int64_t B, T, H, E;
} rotary_call;

// Positions in a piece of work.
enum { ROTARY_PIECE = 16 };

static void rotary_position_scalar(const rotary_call *c, int64_t b, int64_t t) {
    const int64_t half = c->E / 2;
    double *cosine = yk_scratch(0, (size_t)c->E * sizeof(double)), *sine = cosine + half;
    for (int64_t i = 0; i < half; i++) {
        double angle = (double)c->positions[b * c->T + t] * (double)c->frequencies[i];
        cosine[i] = cos(angle);
        sine[i] = c->inverse ? -sin(angle) : sin(angle);
    }
    for (int64_t h = 0; h < c->H; h++) {
        const void *x = yk_head_row(c->x, c->dtype, c->x_at, b, t, h);
        void *out = (void *)yk_head_row(c->out, c->dtype, c->out_at, b, t, h);
        for (int64_t i = 0; i < half; i++) {
            double low = yk_get(x, c->dtype, i), high = yk_get(x, c->dtype, i + half);
            yk_put(out, c->dtype, i, low * cosine[i] - high * sine[i]);
            yk_put(out, c->dtype, i + half, high * cosine[i] + low * sine[i]);
        }
    }
}

#define YK_BODY "rotary_body.h"
#include "instantiate.h"

static void rotary_piece(void *context, int64_t piece) {
    const rotary_call *c = context;
    const int64_t end = yk_least((piece + 1) * ROTARY_PIECE, c->B * c->T);
    for (int64_t i = piece * ROTARY_PIECE; i < end; i++) {
        int64_t b = i / c->T, t = i % c->T;
        if (c->dtype == YK_F64)
            rotary_position_scalar(c, b, t);
        else
            YK_DISPATCH(rotary_position, c, b, t);
    }
}

void yk_rotary(void *out, yk_heads out_at, const void *x, yk_heads x_at, yk_dtype dtype,
               const int32_t *positions, const float *frequencies, bool inverse, int64_t B, int64_t T,
               int64_t H, int64_t E) {
    rotary_call call = {.out = out,
                        .x = x,
                        .out_at = out_at,
                        .x_at = x_at,
                        .dtype = dtype,
                        .positions = positions,
                        .frequencies = frequencies,
                        .inverse = inverse,
                        .B = B,
                        .T = T,
                        .H = H,
                        .E = E};
    if (H == 0 || E == 0)
        return;
    yk_parallel((B * T + ROTARY_PIECE - 1) / ROTARY_PIECE, rotary_piece, &call);
}
