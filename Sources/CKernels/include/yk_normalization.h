// Layer and RMS normalisation of rows, with the residual sum before it.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// A matrix [N, D] or a row [D] that may be missing, with its dtype (f32 or bf16; f64 when everything is).
typedef struct yk_typed {
    void *address; // NULL when missing
    yk_dtype dtype;
} yk_typed;

// y = (v − mean) · rstd · weight + bias over rows of D elements, where v is x, or what is stored in `sum` as
// x + residual; rstd = 1/√(variance + ε). Without `mean` it is RMS normalisation: y = v · weight / √(mean(v²)
// + ε). mean, rstd [N]: f32, or f64.
typedef struct yk_normalization_forward_call {
    yk_typed y;
    void *mean, *rstd;
    yk_typed x, residual, sum, weight, bias;
    double epsilon;
    int64_t N, D;
} yk_normalization_forward_call;

void yk_normalization_forward(const yk_normalization_forward_call *call);

// dx = rstd (dy·w − mean(dy·w) − v̂ mean(dy·w·v̂)) + added (without the first mean for RMS), dweight = Σ_n
// dy·v̂, dbias = Σ_n dy; added to what is there when `accumulate`. dx may be dy or added.
typedef struct yk_normalization_backward_call {
    yk_typed dx, added;
    void *dweight, *dbias; // f32, or f64; NULL when not wanted
    bool accumulate;
    yk_typed dy, x;
    const void *mean, *rstd;
    yk_typed weight;
    int64_t N, D;
} yk_normalization_backward_call;

void yk_normalization_backward(const yk_normalization_backward_call *call);

#ifdef __cplusplus
}
#endif
