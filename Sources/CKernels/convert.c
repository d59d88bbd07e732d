#include "convert.h"

#include "typed.h"

static void widen_scalar(float *out, const uint16_t *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = yk_from_bf16(x[i]);
}

static void narrow_scalar(uint16_t *out, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = yk_to_bf16(x[i]);
}

#define YK_BODY "convert_body.h"
#include "instantiate.h"

void yk_widen(float *out, const uint16_t *x, int64_t n) { YK_DISPATCH(widen, out, x, n); }
void yk_narrow(uint16_t *out, const float *x, int64_t n) { YK_DISPATCH(narrow, out, x, n); }

void yk_read_f64(double *out, const char *x, yk_dtype type, int64_t stride, int64_t n) {
    switch (type) {
    case YK_F32:
        for (int64_t i = 0; i < n; i++) out[i] = *(const float *)(x + i * stride);
        break;
    case YK_BF16:
        for (int64_t i = 0; i < n; i++) out[i] = yk_from_bf16(*(const uint16_t *)(x + i * stride));
        break;
    case YK_F64:
        for (int64_t i = 0; i < n; i++) out[i] = *(const double *)(x + i * stride);
        break;
    case YK_I32:
        for (int64_t i = 0; i < n; i++) out[i] = *(const int32_t *)(x + i * stride);
        break;
    case YK_U8:
        for (int64_t i = 0; i < n; i++) out[i] = *(const uint8_t *)(x + i * stride);
        break;
    }
}

void yk_write_f64(char *out, yk_dtype type, int64_t stride, const double *x, int64_t n) {
    switch (type) {
    case YK_F32:
        for (int64_t i = 0; i < n; i++) *(float *)(out + i * stride) = (float)x[i];
        break;
    case YK_BF16:
        for (int64_t i = 0; i < n; i++) *(uint16_t *)(out + i * stride) = yk_to_bf16(yk_round_to_odd(x[i]));
        break;
    case YK_F64:
        for (int64_t i = 0; i < n; i++) *(double *)(out + i * stride) = x[i];
        break;
    case YK_I32:
        for (int64_t i = 0; i < n; i++) *(int32_t *)(out + i * stride) = yk_to_i32(x[i]);
        break;
    case YK_U8:
        for (int64_t i = 0; i < n; i++) *(uint8_t *)(out + i * stride) = yk_to_u8(x[i]);
        break;
    }
}
