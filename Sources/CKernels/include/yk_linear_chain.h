// Linear-chain conditional random fields: partition, losses with their gradients, the best path.
#pragma once

#include "yk_core.h"
#include "yk_normalization.h" // yk_typed

#ifdef __cplusplus
extern "C" {
#endif

// A path y of labels through a sequence of n positions scores start[y₀] + Σ emissions[t, y_t] + Σ transitions[y_t, y_{t+1}]
// + end[y_{n−1}]. Sequences of length 0 have one path, of score 0. Scores are summed in double whatever the dtypes.
// «Wide» is f64 when the emissions are and f32 otherwise.
typedef struct yk_linear_chain {
    yk_dtype dtype;
    int64_t B, T, L;
    const void *emissions;           // [B, T, L], contiguous
    yk_typed transitions;            // [L, L], from the row's label to the column's
    yk_typed start, end;             // [L], zeros when missing
    const int32_t *lengths;          // [B], in 0...T; NULL when all are T
    const int32_t *targets;          // [B, T], checked; NULL for the partition alone
} yk_linear_chain;

// The first position b·T + t whose target lies outside 0..<L within a sequence's length; −1 when all are right.
int64_t yk_check_labels(const yk_linear_chain *chain);

// losses[b] (wide) = log Σ over paths of e^score − the targets' score (or without it when there are none).
void yk_linear_chain_losses(void *losses, const yk_linear_chain *chain);

// The gradients of Σ_b weights[b] · losses[b], all overwritten: of the emissions [B, T, L] (their dtype), the
// transitions, the start and the end (wide); beside them the losses themselves. Any may be NULL. weights [B] are wide.
void yk_linear_chain_gradient(void *emissions, void *transitions, void *start, void *end, void *losses,
                              const void *weights, const yk_linear_chain *chain);

// The best path of each sequence, i32 [B, T] with −1 from its length on, and its score [B] (wide). Among equal paths the
// one with the lower label at the last position where they differ.
void yk_linear_chain_decode(int32_t *paths, void *scores, const yk_linear_chain *chain);

#ifdef __cplusplus
}
#endif
