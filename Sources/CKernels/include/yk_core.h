// The processor's abilities, the choice of kernels, and the thread pool.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The type of elements; the same numbers in Swift.
typedef enum yk_dtype { YK_F32 = 0, YK_BF16 = 1, YK_F64 = 2, YK_I32 = 3, YK_U8 = 4 } yk_dtype;

// The size of an element in bytes.
static inline int64_t yk_dtype_size(yk_dtype t) {
    return t == YK_F64 ? 8 : t == YK_BF16 ? 2 : t == YK_U8 ? 1 : 4;
}

// The sets of kernels, from the plain reference upwards. Every processor runs the scalar set.
typedef enum yk_kernel_set {
    YK_SCALAR = 0,
    YK_AVX2,        // AVX2 and FMA
    YK_AVX512,      // AVX-512 F, BW, DQ, VL
    YK_AVX512_BF16, // and its bf16 dot products
    YK_AMX,         // and bf16 tiles
    // The AMX code with its tile instructions carried out in plain C: it checks the tiles' logic (packing, edges,
    // epilogues) on processors without them, and is never chosen by itself.
    YK_AMX_EMULATED,
} yk_kernel_set;

// The set in use. The first call chooses the best that the processor has, or what the environment variable
// YUYAN_KERNELS names (scalar, avx2, avx512, avx512-bf16, amx, amx-emulated).
yk_kernel_set yk_active_kernel_set(void);
// Whether this processor can run a set.
bool yk_kernel_set_available(yk_kernel_set set);
// Chooses a set for what the calling thread does from here on; false (and no change) when this processor cannot run it.
bool yk_use_kernel_set(yk_kernel_set set);
// The set's name, for example "avx512-bf16".
const char *yk_kernel_set_name(yk_kernel_set set);
// The set of a name; false when there is none of that name.
bool yk_kernel_set_from_name(const char *name, yk_kernel_set *set);
// What was wrong with YUYAN_KERNELS or YUYAN_THREADS, or NULL.
const char *yk_environment_error(void);
// Asks the kernel for tile registers once per process; true when granted.
bool yk_request_tiles(void);

// The number of threads that kernels use (the caller's among them): YUYAN_THREADS, or the processor's.
int yk_thread_count(void);
// Sets the number of threads for what the calling thread does from here on, at least 1.
void yk_set_thread_count(int count);

// Calls body(context, piece) once for every piece in 0..<pieces, on all threads, and returns when all are done.
// Which thread runs a piece is not fixed: a piece must write only what is its own. A call inside a body runs its
// pieces one after the other on the calling thread.
void yk_parallel(int64_t pieces, void (*body)(void *context, int64_t piece), void *context);

// Scratch memory of the calling thread, at least `bytes` large, 64-byte aligned, not cleared; `slot` 0..<4 tells
// apart blocks in use at the same time. It stays valid until the next call with that slot on that thread.
void *yk_scratch(int slot, size_t bytes);

// 64-byte-aligned memory with huge pages asked for when large; NULL when there is none.
void *yk_allocate(size_t bytes);
// Returns memory of yk_allocate.
void yk_free(void *block);

// The same for blocks that must leave the process when they are returned: large ones are mappings of their own, which
// heaps neither keep nor cut up.
void *yk_allocate_block(size_t bytes);
// Returns memory of yk_allocate_block, which was asked for `bytes`.
void yk_free_block(void *block, size_t bytes);

#ifdef __cplusplus
}
#endif
