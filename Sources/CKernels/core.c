#define _GNU_SOURCE
#include "yk_core.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

// ---- What the processor can do ----

static const char *const set_names[] = {"scalar", "avx2", "avx512", "avx512-bf16", "amx", "amx-emulated"};

#if defined(__x86_64__)
// The state components that the operating system saves (XCR0).
static uint64_t saved_state(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27))) return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has_avx2(void) {
    uint32_t a, b, c, d, c1;
    if (!__get_cpuid(1, &a, &b, &c1, &d) || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    return (saved_state() & 6) == 6 && (c1 & (1u << 12)) && (c1 & (1u << 29)) && (b & (1u << 5)) && (b & (1u << 8));
}

static bool has_avx512(void) {
    uint32_t a, b, c, d;
    if (!has_avx2() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const uint32_t needed = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; // F, DQ, BW, VL
    return (saved_state() & 0xE6) == 0xE6 && (b & needed) == needed;
}

static bool has_avx512_bf16(void) {
    uint32_t a, b, c, d;
    return has_avx512() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & (1u << 5));
}

// Whether dot products of pairs of bf16 are faster than products of f32. Intel's processors do one of 512 bits every
// other cycle where they do two multiply-adds of f32 in each: products that widen bf16 are faster there.
static bool pairs_pay(void) {
    uint32_t a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b != signature_INTEL_ebx;
}

static bool has_amx(void) {
    uint32_t a, b, c, d;
    if (!has_avx512_bf16() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const uint32_t needed = 1u << 22 | 1u << 24; // AMX-BF16, AMX-TILE
    return (saved_state() & (3u << 17)) == (3u << 17) && (d & needed) == needed && yk_request_tiles();
}
#else
static bool has_avx2(void) { return false; }
static bool has_avx512(void) { return false; }
static bool has_avx512_bf16(void) { return false; }
static bool pairs_pay(void) { return false; }
static bool has_amx(void) { return false; }
#endif

bool yk_request_tiles(void) {
#if defined(__linux__) && defined(__x86_64__)
    // arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)
    static atomic_int state; // 0 not asked, 1 granted, 2 refused
    int known = atomic_load(&state);
    if (!known) {
        known = syscall(SYS_arch_prctl, 0x1023, 18) == 0 ? 1 : 2;
        atomic_store(&state, known);
    }
    return known == 1;
#else
    return false;
#endif
}

bool yk_kernel_set_available(yk_kernel_set set) {
    switch (set) {
    case YK_SCALAR: return true;
    case YK_AVX2: return has_avx2();
    case YK_AVX512: return has_avx512();
    case YK_AVX512_BF16: return has_avx512_bf16();
    case YK_AMX: return has_amx();
    case YK_AMX_EMULATED: return has_avx2();
    }
    return false;
}

const char *yk_kernel_set_name(yk_kernel_set set) { return set_names[set]; }

bool yk_kernel_set_from_name(const char *name, yk_kernel_set *set) {
    for (int i = 0; i <= YK_AMX_EMULATED; i++)
        if (!strcmp(name, set_names[i])) {
            *set = (yk_kernel_set)i;
            return true;
        }
    return false;
}

// ---- The choice ----

static pthread_once_t environment_once = PTHREAD_ONCE_INIT;
static atomic_int environment_set;
static atomic_int environment_threads;
// What a thread chose for itself, or has from the job that it works on; −1 and 0 where the environment decides.
static _Thread_local int chosen_set = -1;
static _Thread_local int chosen_threads;
static char environment_message[256];

static int processor_count(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

static void read_environment(void) {
    yk_kernel_set best = YK_SCALAR;
    for (int s = YK_AMX; s > YK_SCALAR; s--)
        if (yk_kernel_set_available((yk_kernel_set)s) && (s != YK_AVX512_BF16 || pairs_pay())) {
            best = (yk_kernel_set)s;
            break;
        }
    const char *name = getenv("YUYAN_KERNELS");
    if (name && *name) {
        yk_kernel_set set;
        if (!yk_kernel_set_from_name(name, &set))
            snprintf(environment_message, sizeof environment_message,
                     "YUYAN_KERNELS=%.40s is not a set of kernels; use scalar, avx2, avx512, avx512-bf16, amx or "
                     "amx-emulated",
                     name);
        else if (!yk_kernel_set_available(set))
            snprintf(environment_message, sizeof environment_message,
                     "YUYAN_KERNELS=%.40s: this processor cannot run these kernels; its fastest are %s", name,
                     set_names[best]);
        else
            best = set;
    }
    int threads = processor_count();
    const char *count = getenv("YUYAN_THREADS");
    if (count && *count) {
        char *end;
        errno = 0;
        long n = strtol(count, &end, 10);
        if (errno || *end || n < 1 || n > 1024)
            snprintf(environment_message, sizeof environment_message,
                     "YUYAN_THREADS=%.40s is not a number of threads; use a whole number from 1 to 1024", count);
        else
            threads = (int)n;
    }
    atomic_store(&environment_set, best);
    atomic_store(&environment_threads, threads);
}

yk_kernel_set yk_active_kernel_set(void) {
    if (chosen_set >= 0) return (yk_kernel_set)chosen_set;
    pthread_once(&environment_once, read_environment);
    return (yk_kernel_set)atomic_load_explicit(&environment_set, memory_order_relaxed);
}

bool yk_use_kernel_set(yk_kernel_set set) {
    if (!yk_kernel_set_available(set)) return false;
    chosen_set = (int)set;
    return true;
}

const char *yk_environment_error(void) {
    pthread_once(&environment_once, read_environment);
    return environment_message[0] ? environment_message : NULL;
}

// ---- The thread pool ----
//
// One job at a time; callers from several threads take turns. Workers look for a new job for a short while before
// they sleep, because the next kernel usually follows within microseconds.

typedef struct job {
    void (*body)(void *, int64_t);
    void *context;
    int64_t pieces;
    int set, threads; // the caller's, for kernels inside the body
    atomic_llong next;
    atomic_int inside; // workers that may still touch this job
} job;

static pthread_mutex_t caller_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static _Atomic(uint64_t) generation; // counts jobs
static job current;
static atomic_int sleeping;
static int worker_count;
static _Thread_local bool inside_parallel;

enum { SPIN_ROUNDS = 4000 };

static inline void relax(void) {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static void run_pieces(job *j) {
    for (;;) {
        long long piece = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
        if (piece >= j->pieces) break;
        j->body(j->context, piece);
    }
}

static void *worker(void *argument) {
    uint64_t seen = (uint64_t)(uintptr_t)argument;
    inside_parallel = true;
    for (;;) {
        int rounds = 0;
        while (atomic_load_explicit(&generation, memory_order_acquire) == seen) {
            if (++rounds < SPIN_ROUNDS) {
                relax();
                continue;
            }
            pthread_mutex_lock(&sleep_lock);
            atomic_fetch_add(&sleeping, 1);
            while (atomic_load(&generation) == seen) pthread_cond_wait(&wake, &sleep_lock);
            atomic_fetch_sub(&sleeping, 1);
            pthread_mutex_unlock(&sleep_lock);
        }
        seen = atomic_load_explicit(&generation, memory_order_acquire);
        chosen_set = current.set;
        chosen_threads = current.threads;
        run_pieces(&current);
        atomic_fetch_sub_explicit(&current.inside, 1, memory_order_release);
    }
    return NULL;
}

// Starts workers up to the wanted number; under caller_lock and with no job running.
static void ensure_workers(int wanted) {
    while (worker_count < wanted) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, 4 << 20);
        uintptr_t seen = (uintptr_t)atomic_load(&generation);
        int failed = pthread_create(&thread, &attributes, worker, (void *)seen);
        pthread_attr_destroy(&attributes);
        if (failed) return;
        worker_count++;
    }
}

int yk_thread_count(void) {
    if (chosen_threads) return chosen_threads;
    pthread_once(&environment_once, read_environment);
    return atomic_load_explicit(&environment_threads, memory_order_relaxed);
}

void yk_set_thread_count(int count) { chosen_threads = count < 1 ? 1 : count; }

void yk_parallel(int64_t pieces, void (*body)(void *, int64_t), void *context) {
    if (pieces <= 0) return;
    if (pieces == 1 || inside_parallel || yk_thread_count() == 1) {
        for (int64_t i = 0; i < pieces; i++) body(context, i);
        return;
    }
    pthread_mutex_lock(&caller_lock);
    ensure_workers(yk_thread_count() - 1);
    current.body = body;
    current.context = context;
    current.pieces = pieces;
    current.set = (int)yk_active_kernel_set();
    current.threads = yk_thread_count();
    // More workers may exist than are wanted now: those beyond leave at once because they find no piece.
    atomic_store_explicit(&current.next, 0, memory_order_relaxed);
    atomic_store_explicit(&current.inside, worker_count, memory_order_relaxed);
    atomic_fetch_add_explicit(&generation, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&sleeping, memory_order_seq_cst) > 0) {
        pthread_mutex_lock(&sleep_lock);
        pthread_cond_broadcast(&wake);
        pthread_mutex_unlock(&sleep_lock);
    }
    inside_parallel = true;
    run_pieces(&current);
    inside_parallel = false;
    for (int rounds = 0; atomic_load_explicit(&current.inside, memory_order_acquire) > 0; rounds++) {
        if (rounds < SPIN_ROUNDS * 16) relax();
        else sched_yield();
    }
    pthread_mutex_unlock(&caller_lock);
}

// ---- Memory ----

enum { SCRATCH_SLOTS = 4, HUGE_PAGE = 2 << 20 };

typedef struct scratch_block {
    void *address;
    size_t bytes;
} scratch_block;

static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static pthread_key_t scratch_key;
static _Thread_local scratch_block scratch_blocks[SCRATCH_SLOTS];

static void release_scratch(void *blocks) {
    scratch_block *b = blocks;
    for (int i = 0; i < SCRATCH_SLOTS; i++) {
        yk_free(b[i].address);
        b[i].address = NULL;
        b[i].bytes = 0;
    }
}

static void make_scratch_key(void) { pthread_key_create(&scratch_key, release_scratch); }

void *yk_scratch(int slot, size_t bytes) {
    scratch_block *b = &scratch_blocks[slot];
    if (b->bytes >= bytes && b->address) return b->address;
    pthread_once(&scratch_once, make_scratch_key);
    pthread_setspecific(scratch_key, scratch_blocks);
    yk_free(b->address);
    size_t size = bytes < 65536 ? 65536 : bytes + bytes / 4;
    b->address = yk_allocate(size);
    b->bytes = size;
    if (!b->address) {
        fprintf(stderr, "out of memory: the system refused %zu bytes of scratch for a kernel\n", size);
        abort();
    }
    return b->address;
}

// The bytes that a mapping of `bytes` takes: whole pages.
static size_t mapped_bytes(size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

void *yk_allocate(size_t bytes) {
    const size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : 64;
    void *block = NULL;
    if (posix_memalign(&block, alignment, bytes ? (bytes + 63) / 64 * 64 : 64)) return NULL;
#ifdef __linux__
    if (alignment == HUGE_PAGE) madvise(block, bytes, MADV_HUGEPAGE);
#endif
    return block;
}

void yk_free(void *block) { free(block); }

void *yk_allocate_block(size_t bytes) {
    if (bytes < HUGE_PAGE) return yk_allocate(bytes);
    if (bytes > SIZE_MAX - HUGE_PAGE) return NULL;
    char *room = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return NULL;
    const size_t before = (HUGE_PAGE - (uintptr_t)room % HUGE_PAGE) % HUGE_PAGE, whole = mapped_bytes(bytes);
    if (before) munmap(room, before);
    if (before + whole < mapped_bytes(bytes + HUGE_PAGE))
        munmap(room + before + whole, mapped_bytes(bytes + HUGE_PAGE) - before - whole);
#ifdef __linux__
    madvise(room + before, whole, MADV_HUGEPAGE);
#endif
    return room + before;
}

void yk_free_block(void *block, size_t bytes) {
    if (bytes < HUGE_PAGE)
        yk_free(block);
    else
        munmap(block, mapped_bytes(bytes));
}
