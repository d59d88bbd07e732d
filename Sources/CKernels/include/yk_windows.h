// The largest values of rows, and the gradient of filters whose largest value over windows counts.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// The largest value of each of F features over the first rows of B sequences, and its first place. NaN is larger than
// all. Without a row: the value 0 and the place −1.
typedef struct yk_row_maxima {
    yk_dtype dtype;                        // f32 or f64: of rows and values
    int64_t B, N, F;
    const void *rows;                      // [B, N, F]; sequence b begins at row b · rows_between
    int64_t rows_between;
    const int32_t *lengths;                // [B], in 0...positions; NULL when all rows count
    int64_t positions;                     // the length at which all N count; each less is one row less, 0 has none
    void *values;                          // [B, F], rows apart by values_row
    int32_t *places;                       // likewise by places_row
    int64_t values_row, places_row;
} yk_row_maxima;

void yk_maxima_of_rows(const yk_row_maxima *call);

// Filters over windows of K rows of a source: window n of a sequence begins at its row n − leading; rows outside the
// sequence are zeros. Filter f of sequence b took the window places[b, f], none where that is −1.
typedef struct yk_window_gradient {
    yk_dtype dtype;                        // of source and weight: f32, bf16 or f64
    int64_t B, T, C, F, K, leading;
    const void *source;                    // [B, T, C]
    const int32_t *lengths;                // [B]; NULL when all are T
    const void *weight;                    // [F, K, C]
    const void *gradient;                  // [B, F] of the values (f64 for f64, else f32), rows apart by gradient_row
    const int32_t *places;                 // [B, F], likewise by places_row
    int64_t gradient_row, places_row;
    void *source_gradient;                 // [B, T, C], as the gradient's dtype; added to; may be NULL
    void *weight_gradient;                 // [F, K, C], likewise; overwritten; may be NULL
    void *bias_gradient;                   // [F]: the sums over sequences with a window; likewise
} yk_window_gradient;

void yk_gradient_of_windows(const yk_window_gradient *call);

#ifdef __cplusplus
}
#endif
