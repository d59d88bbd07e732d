// One row, or a strip of one, copied or added with a change of dtype.
#include "typed_simd.h"

YK_INLINE void YK_NAME(copy_typed)(void *out, yk_dtype to, const void *x, yk_dtype from, int64_t n) {
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES) YK_NAME(put)(out, to, i, YK_NAME(get)(x, from, i));
    for (; i < n; i++) yk_put(out, to, i, yk_get(x, from, i));
}

static void YK_NAME(copy_row)(void *out, yk_dtype to, const void *x, yk_dtype from, int64_t n) {
    if (to == YK_BF16) YK_NAME(copy_typed)(out, YK_BF16, x, YK_F32, n);
    else YK_NAME(copy_typed)(out, YK_F32, x, YK_BF16, n);
    (void)from;
}

YK_INLINE void YK_NAME(add_typed)(void *out, yk_dtype to, const void *x, yk_dtype from, int64_t n) {
    int64_t i = 0;
    for (; i + YK_LANES <= n; i += YK_LANES)
        YK_NAME(put)(out, to, i, YK_NAME(get)(out, to, i) + YK_NAME(get)(x, from, i));
    for (; i < n; i++) yk_put(out, to, i, yk_get(out, to, i) + yk_get(x, from, i));
}

static void YK_NAME(add_row)(void *out, yk_dtype to, const void *x, yk_dtype from, int64_t n) {
    if (to == YK_F32 && from == YK_F32) YK_NAME(add_typed)(out, YK_F32, x, YK_F32, n);
    else if (to == YK_F32) YK_NAME(add_typed)(out, YK_F32, x, YK_BF16, n);
    else if (from == YK_F32) YK_NAME(add_typed)(out, YK_BF16, x, YK_F32, n);
    else YK_NAME(add_typed)(out, YK_BF16, x, YK_BF16, n);
}
