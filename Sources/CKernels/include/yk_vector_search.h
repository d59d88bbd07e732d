// Distances of a vector from rows that are named one by one, for walks through graphs of near rows.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// out[n] = rows[ids[n]] · query for rows of D floats. On the calling thread; rows are fetched ahead of their use.
void yk_gathered_dots(float *out, const float *rows, const int32_t *ids, const float *query, int64_t N, int64_t D);

// out[n] = |rows[ids[n]] − query|², in the same way.
void yk_gathered_squares(float *out, const float *rows, const int32_t *ids, const float *query, int64_t N, int64_t D);

#ifdef __cplusplus
}
#endif
