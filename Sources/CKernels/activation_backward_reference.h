// The reference of an epilogue's gradient: included once with REAL = float and once with REAL = double, NAME(x) giving
// each its suffix.
#include "activation_typed.h"

// One block of rows of the activation's gradient; sums receives the sums of its columns.
static void NAME(backward_block)(const backward_call *call, int64_t first, int64_t rows, void *sums_out) {
    REAL *sums = sums_out;
    const int64_t n = call->n;
    for (int64_t j = 0; sums && j < n; j++) sums[j] = 0;
    for (int64_t i = first; i < first + rows; i++)
        for (int64_t j = 0; j < n; j++) {
            REAL d = (REAL)yk_get(call->dy, call->dy_type, i * n + j);
            if (call->activation != YK_IDENTITY)
                d *= NAME(activation_slope)(call->activation, (REAL)yk_get(call->pre, call->pre_type, i * n + j));
            if (call->dx) yk_put(call->dx, call->dx_type, i * n + j, d);
            if (sums) sums[j] += d;
        }
}
