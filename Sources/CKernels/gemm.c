// Matrix products: the reference and the choice of kernels.
#include "gemm_engine.h"
#include "typed.h"

#include <math.h>
#include <string.h>

enum {
    REFERENCE_COLUMNS = 64,
    K_BLOCK = 256, // the length of a chain of f32 sums, the same on every vector set
};

#define REAL float
#define NAME(x) x##_f32
#define MATH(x) x##f
#include "gemm_reference.h"
#undef REAL
#undef NAME
#undef MATH

#define REAL double
#define NAME(x) x##_f64
#define MATH(x) x
#include "gemm_reference.h"
#undef REAL
#undef NAME
#undef MATH

static void gemm_scalar(const yk_gemm_call *g) { gemm_f32(g); }

#define YK_BODY "gemm_body.h"
#include "instantiate.h"

void yk_gemm(const yk_gemm_call *g) {
    if (g->batch <= 0 || g->m <= 0 || g->n <= 0) return;
    if (g->type == YK_F64) {
        gemm_f64(g);
        return;
    }
#if defined(__x86_64__)
    if (g->type == YK_BF16) switch (yk_active_kernel_set()) {
        case YK_AVX512_BF16: yk_gemm_pairs(g); return;
        case YK_AMX: yk_gemm_amx(g); return;
        case YK_AMX_EMULATED: yk_gemm_emulated(g); return;
        default: break;
        }
#endif
    YK_DISPATCH(gemm, g);
}
