// Recurrent layers: the scan over the positions of a sequence, and its gradient.
#pragma once

#include "yk_core.h"
#include "yk_normalization.h" // yk_typed

#ifdef __cplusplus
extern "C" {
#endif

// Cells, with their gates in PyTorch's order. x are the gates' pre-activations as far as the input makes them, h the
// state before, a · b the product by the recurrent weight with its bias.
typedef enum yk_recurrent_cell {
    YK_LSTM = 0, // i, f, g, o: c = σ(f)c + σ(i)tanh(g), h = σ(o)tanh(c)
    YK_GRU,      // r, z, n: n = tanh(x + σ(r)(W h + b)), h = (1 − σ(z))n + σ(z)h
    YK_RNN_TANH, // h = tanh(x + W h + b)
    YK_RNN_RELU, // the same with max(0, ·)
} yk_recurrent_cell;

// The gates of a cell.
static inline int64_t yk_recurrent_gates(yk_recurrent_cell cell) {
    return cell == YK_LSTM ? 4 : cell == YK_GRU ? 3 : 1;
}

// A tensor [B, T, features] with unit stride along the features; strides in elements. NULL when missing.
typedef struct yk_sequences {
    void *address;
    int64_t batch, position;
} yk_sequences;

// One direction over all sequences. With G gates, «wide» is f64 when the call is and f32 otherwise.
typedef struct yk_recurrent_scan {
    bool reverse;           // from the last position of each sequence to the first
    yk_sequences gates;     // [B, T, G·H], wide
    yk_sequences memory;    // [B, T, H], wide: the LSTM's c, the GRU's W h + b of n; or NULL
    const void *weight;     // [G·H, H], contiguous, of the call's dtype
    yk_typed bias;          // [G·H], or missing
    yk_sequences out;       // h [B, T, H], of the call's dtype
    yk_typed initial_hidden, initial_cell; // [B, H], contiguous; zeros when missing
    void *final_hidden;     // [B, H], of the call's dtype, or NULL
    void *final_cell;       // [B, H], wide, or NULL
    // Of the gradient alone:
    yk_sequences dout;      // [B, T, H], of the call's dtype, or NULL for zeros
    yk_sequences previous;  // [B, T, H], of the call's dtype
    yk_typed dfinal_hidden, dfinal_cell; // [B, H]; zeros when missing
    void *dinitial_hidden, *dinitial_cell; // [B, H], wide, or NULL
    int64_t *live; // [2]: receives the first position with a gradient and the one after the last; NULL when not asked
} yk_recurrent_scan;

typedef struct yk_recurrent_call {
    yk_recurrent_cell cell;
    yk_dtype dtype;
    int64_t B, T, H;
    const int32_t *lengths; // [B], each in 0...T; NULL when all are T
    const yk_recurrent_scan *scans;
    int64_t scan_count;
    bool keeps; // whether gates and memory are written for the gradient
} yk_recurrent_call;

// The first row whose length lies outside 0...T; −1 when all are right.
int64_t yk_check_lengths(const int32_t *lengths, int64_t B, int64_t T);

// Reads pre-activations from `gates` and writes out, the final states and, where the call keeps, the activated gates
// (in place) and memory. Positions from a sequence's length on give zeros in out and are not read; the final states are
// those at its last real position, or the initial ones when it has none.
//
// A sequence's results depend on nothing but that sequence, bit for bit. Uses all slots of yk_scratch.
void yk_recurrent_forward(const yk_recurrent_call *call);

// From what the forward pass wrote and the gradients of its results, replaces `gates` by the gradient of the
// pre-activations, writes to `previous` the state h before each position (zeros beyond a length) and, for the GRU, to
// `memory` the gradient of W h + b of n. The weight's gradient is then gatesᵀ · previous, where the GRU has memory in
// n's place. At positions outside of `live` all of these are zeros: the steps before any gradient arrives are not
// computed.
void yk_recurrent_backward(const yk_recurrent_call *call);

#ifdef __cplusplus
}
#endif
