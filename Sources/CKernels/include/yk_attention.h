// Scaled dot-product attention over tiles: no T×S matrix in memory.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// The layout of a tensor [B, positions, heads, E] with unit stride in E; strides in elements.
typedef struct yk_heads {
    int64_t batch, position, head;
} yk_heads;

// A forward pass. Legend: B batch, T target positions, S source positions, H heads, K key/value heads, E head
// width; H is a multiple of K and query head h reads key head h / (H / K).
typedef struct yk_attention {
    yk_dtype dtype;
    int64_t B, T, S, H, K, E;
    void *out; // [B, T, H, E]
    yk_heads out_at;
    void *lse;     // log-sum-exp of the scores [B, H, T], f32 (f64 for f64), contiguous; or NULL
    const void *q; // [B, T, H, E]
    yk_heads q_at;
    const void *k; // [B, S, K, E]
    yk_heads k_at;
    const void *v; // [B, S, K, E]
    yk_heads v_at;
    // Position (b, t) sees source (b, s) only where q_segments[b·T + t] = k_segments[b·S + s] ≥ 0; both or
    // neither.
    const int32_t *q_segments, *k_segments;
    float scale;
    bool causal; // position t sees only s ≤ t + query_offset
    int64_t query_offset;
    float dropout; // the weight of (b, h, t, s) uses word position + ((b·H + h)·T + t)·S + s
    uint64_t seed, stream, position;
} yk_attention;

// The gradient of a forward pass, all overwritten.
typedef struct yk_attention_gradient {
    void *dq; // [B, T, H, E]
    yk_heads dq_at;
    void *dk; // [B, S, K, E]
    yk_heads dk_at;
    void *dv; // [B, S, K, E]
    yk_heads dv_at;
    const void *dout; // [B, T, H, E]
    yk_heads dout_at;
} yk_attention_gradient;

// Writes out and, where asked, lse. A query that sees nothing gives zeros and −∞.
void yk_attention_forward(const yk_attention *call);
// Writes dq, dk and dv from dout and the forward pass with its out and lse.
void yk_attention_backward(const yk_attention_gradient *gradient, const yk_attention *call);

#ifdef __cplusplus
}
#endif
