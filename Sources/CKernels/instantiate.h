// Compiles the file named by YK_BODY once for each vector instruction set of this architecture.
// Inside the body YK_LANES is the number of floats in a vector, YK_NAME(x) carries the set's suffix (_avx2, _avx512,
// or _vec on other architectures) and simd.h has been included; YK_NATIVE_512 is defined where AVX-512 is there.
// YK_DISPATCH(name, arguments) calls the version for the active set, `name_scalar` where it is the reference.
#include "yk_core.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define YK_LANES 8
#define YK_NAME(x) x##_avx2
#include "simd.h"
#include YK_BODY
#undef vf
#undef vi
#undef vu
#undef vh
#undef YK_INLINE
#undef YK_NAME
#undef YK_LANES
#pragma clang attribute pop

#pragma clang attribute push(                                                                                  \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define YK_LANES 16
#define YK_NAME(x) x##_avx512
#define YK_NATIVE_512 1
#include "simd.h"
#include YK_BODY
#undef YK_NATIVE_512
#undef vf
#undef vi
#undef vu
#undef vh
#undef YK_INLINE
#undef YK_NAME
#undef YK_LANES
#pragma clang attribute pop

#define YK_DISPATCH(name, ...)                                                                                 \
    do {                                                                                                       \
        switch (yk_active_kernel_set()) {                                                                      \
        case YK_SCALAR: name##_scalar(__VA_ARGS__); break;                                                     \
        case YK_AVX2:                                                                                          \
        case YK_AMX_EMULATED: name##_avx2(__VA_ARGS__); break;                                                 \
        default: name##_avx512(__VA_ARGS__); break;                                                            \
        }                                                                                                      \
    } while (0)

#else

#define YK_LANES 8
#define YK_NAME(x) x##_vec
#include "simd.h"
#include YK_BODY
#undef vf
#undef vi
#undef vu
#undef vh
#undef YK_INLINE
#undef YK_NAME
#undef YK_LANES

#define YK_DISPATCH(name, ...)                                                                                 \
    do {                                                                                                       \
        if (yk_active_kernel_set() == YK_SCALAR) name##_scalar(__VA_ARGS__);                                   \
        else name##_vec(__VA_ARGS__);                                                                          \
    } while (0)

#endif
