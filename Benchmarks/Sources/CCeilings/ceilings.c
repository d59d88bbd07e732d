#define _GNU_SOURCE
#include "ceilings.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { MAX_THREADS = 256, READ_BYTES = 256 << 20 };

typedef struct task {
    double seconds;
    double work; // out: operations or bytes
    double taken;
    const char *memory;
    double (*round)(const struct task *);
} task;

// The time that the processor gave this thread: other programs disturb it less than the time on the wall.
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Results go here, so that no loop is removed.
static volatile float sink;

static void *run_task(void *argument) {
    task *t = argument;
    const double begin = now();
    do {
        t->work += t->round(t);
        t->taken = now() - begin;
    } while (t->taken < t->seconds);
    return NULL;
}

// The sum of the threads' rates, in 1e9 per second.
static double measure(int threads, double seconds, const char *memory, double (*round)(const task *)) {
    if (threads < 1) threads = 1;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    pthread_t ids[MAX_THREADS];
    task tasks[MAX_THREADS];
    int started = 0;
    for (int i = 0; i < threads; i++) {
        tasks[i] = (task){.seconds = seconds, .memory = memory + i * (READ_BYTES / threads / 64 * 64), .round = round};
        if (pthread_create(&ids[i], NULL, run_task, &tasks[i]) != 0) break;
        started++;
    }
    double rate = 0;
    for (int i = 0; i < started; i++) {
        pthread_join(ids[i], NULL);
        rate += tasks[i].work / tasks[i].taken;
    }
    return rate / 1e9;
}

// ---- Multiply-adds ----

enum { ROUNDS = 20000, CHAINS = 12 };

// Vectors that the compiler keeps in registers: CHAINS independent sums hide the latency.
#define FMA_ROUND(name, target_list, lanes)                                                                     \
    typedef float vector_##lanes __attribute__((vector_size(4 * lanes)));                                       \
    target_list static double name(const task *t) {                                                             \
        (void)t;                                                                                                \
        vector_##lanes s[CHAINS];                                                                               \
        vector_##lanes a = {0}, b = {0};                                                                        \
        a += 0.999f, b += 1e-3f;                                                                                \
        for (int i = 0; i < CHAINS; i++) s[i] = b * (float)i;                                                   \
        for (int r = 0; r < ROUNDS; r++) {                                                                      \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < CHAINS; i++) s[i] = s[i] * a + b;            \
            __asm__ volatile("" : "+x"(a), "+x"(b));                                                            \
        }                                                                                                       \
        for (int i = 1; i < CHAINS; i++) s[0] += s[i];                                                          \
        sink = s[0][0];                                                                                         \
        return 2.0 * ROUNDS * CHAINS * lanes;                                                                   \
    }

#pragma STDC FP_CONTRACT ON
#if defined(__x86_64__)
FMA_ROUND(fma_avx512, __attribute__((target("avx512f"))), 16)
FMA_ROUND(fma_avx2, __attribute__((target("avx2,fma"))), 8)

static bool has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
FMA_ROUND(fma_plain, , 4)
#else
typedef float vector_4 __attribute__((vector_size(16)));
static double fma_plain(const task *t) {
    (void)t;
    vector_4 s[CHAINS], a = {0.999f, 0.999f, 0.999f, 0.999f}, b = {1e-3f, 1e-3f, 1e-3f, 1e-3f};
    for (int i = 0; i < CHAINS; i++) s[i] = b * (float)i;
    for (int r = 0; r < ROUNDS; r++)
        for (int i = 0; i < CHAINS; i++) s[i] = s[i] * a + b;
    for (int i = 1; i < CHAINS; i++) s[0] += s[i];
    sink = s[0][0];
    return 2.0 * ROUNDS * CHAINS * 4;
}
#endif

double ceiling_fma(int threads, double seconds) {
#if defined(__x86_64__)
    if (has_avx512()) return measure(threads, seconds, NULL, fma_avx512);
    if (has_avx2()) return measure(threads, seconds, NULL, fma_avx2);
#endif
    return measure(threads, seconds, NULL, fma_plain);
}

// ---- Tiles ----

#if defined(__x86_64__) && defined(__linux__)
static bool has_tiles(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    if (!(d & 1u << 22) || !(d & 1u << 24)) return false;
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0; // ARCH_REQ_XCOMP_PERM for the tiles' data
}

__attribute__((target("amx-tile,amx-bf16"))) static double tiles_round(const task *t) {
    (void)t;
    static const struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shapes = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&shapes);
    _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);
    _tile_zero(4), _tile_zero(5), _tile_zero(6), _tile_zero(7);
    for (int r = 0; r < 5000; r++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
    return 5000.0 * 4 * 2 * 16 * 16 * 32;
}

double ceiling_tiles(int threads, double seconds) {
    return has_tiles() ? measure(threads, seconds, NULL, tiles_round) : 0;
}
#else
double ceiling_tiles(int threads, double seconds) {
    (void)threads, (void)seconds;
    return 0;
}
#endif

// ---- Memory ----

static int read_threads = 1;

static double read_round(const task *t) {
    const size_t bytes = (size_t)READ_BYTES / (size_t)read_threads / 256 * 256;
    typedef uint64_t vector __attribute__((vector_size(32), aligned(32)));
    const vector *p = (const vector *)(const void *)t->memory;
    vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (size_t i = 0; i < bytes / 32; i += 4) s0 ^= p[i], s1 ^= p[i + 1], s2 ^= p[i + 2], s3 ^= p[i + 3];
    s0 ^= s1 ^ s2 ^ s3;
    sink = (float)(s0[0] ^ s0[1] ^ s0[2] ^ s0[3]);
    return (double)bytes;
}

double ceiling_read(int threads, double seconds) {
    char *memory = aligned_alloc(64, READ_BYTES);
    if (!memory) return 0;
    memset(memory, 1, READ_BYTES);
    read_threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
    const double rate = measure(threads, seconds, memory, read_round);
    free(memory);
    return rate;
}
