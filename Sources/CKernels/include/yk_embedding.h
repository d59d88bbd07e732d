// Rows taken from a table by id, and rows added to one.
#pragma once

#include "yk_core.h"

#ifdef __cplusplus
extern "C" {
#endif

// The position of the first id outside 0..<V; −1 when all are inside.
int64_t yk_check_ids(const int32_t *ids, int64_t N, int64_t V);

// out[n] = table[ids[n]] for out [N, D] and table [V, D]; f32 and bf16 mix, f64 stands alone. The ids have
// been checked.
void yk_gather_rows(void *out, yk_dtype out_dtype, const void *table, yk_dtype table_dtype,
                    const int32_t *ids, int64_t N, int64_t D);

// table[ids[n]] += rows[n] in the order of n, for table [V, D] and rows [N, D]; dtypes as above.
void yk_scatter_add_rows(void *table, yk_dtype table_dtype, const void *rows, yk_dtype rows_dtype,
                         const int32_t *ids, int64_t N, int64_t D);

#ifdef __cplusplus
}
#endif
