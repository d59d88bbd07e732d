// Times matrix products of the shapes of GPT training steps and of decoding.
//
// Build, from the root of the repository:
//   clang -O2 -ISources/CKernels/include -ISources/CKernels Benchmarks/kernels/gemm_bench.c Sources/CKernels/*.c \
//       -lpthread -lm -o gemm_bench
// Run: ./gemm_bench [f32|bf16] [filter] [seconds per shape]; YUYAN_KERNELS and YUYAN_THREADS apply. It prints
// GFLOP/s of the median run, and GB/s of the weight where one row is multiplied.
#include "yk_gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    // One thread is timed by the processor time it had, which other programs disturb less.
    clock_gettime(yk_thread_count() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *numbers(int64_t count, yk_dtype type) {
    void *p = yk_allocate((size_t)(count * yk_dtype_size(type)));
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        float x = (float)(state >> 8) / 8388608.0f - 1;
        if (type == YK_F32) ((float *)p)[i] = x;
        else {
            uint32_t bits;
            memcpy(&bits, &x, 4);
            ((uint16_t *)p)[i] = (uint16_t)(bits >> 16);
        }
    }
    return p;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// Times one product; transposition marks: 'N' row-major, 'T' stored the other way round.
static void run(const char *label, yk_dtype type, yk_dtype c_type, int64_t m, int64_t n, int64_t k, const char *layout,
                bool accumulate, yk_activation activation, double seconds) {
    yk_gemm_call g = {.batch = 1, .m = m, .n = n, .k = k, .type = type, .c_type = c_type, .alpha = 1};
    void *a = numbers(m * k, type), *b = numbers(k * n, type), *c = numbers(m * n, c_type);
    void *pre = activation ? numbers(m * n, c_type) : NULL, *bias = activation ? numbers(n, YK_F32) : NULL;
    g.a = a, g.b = b, g.c = c;
    g.a_row = layout[0] == 'N' ? k : 1, g.a_column = layout[0] == 'N' ? 1 : m;
    g.b_row = layout[1] == 'N' ? n : 1, g.b_column = layout[1] == 'N' ? 1 : k;
    g.c_row = n;
    g.accumulate = accumulate;
    g.activation = activation;
    g.pre = pre, g.pre_row = n, g.bias = bias, g.bias_type = YK_F32;
    yk_gemm(&g);
    double times[1000], start = now();
    int count = 0;
    while (count < 3 || (count < 1000 && now() - start < seconds)) {
        double t = now();
        yk_gemm(&g);
        times[count++] = now() - t;
    }
    qsort(times, (size_t)count, sizeof(double), by_value);
    const double t = times[count / 2], work = 2.0 * (double)m * (double)n * (double)k;
    printf("%-22s %s %5ld x %5ld x %5ld  %9.3f ms  %8.1f GFLOP/s (best %.1f)", label, layout, (long)m, (long)k, (long)n,
           t * 1e3, work / t * 1e-9, work / times[0] * 1e-9);
    if (m <= 8) printf("  %6.1f GB/s", (double)(n * k * yk_dtype_size(type)) / t * 1e-9);
    printf("\n");
    fflush(stdout);
    yk_free(a), yk_free(b), yk_free(c), yk_free(pre), yk_free(bias);
}

int main(int count, char **arguments) {
    const yk_dtype type = count > 1 && !strcmp(arguments[1], "bf16") ? YK_BF16 : YK_F32;
    const char *filter = count > 2 ? arguments[2] : "";
    const double seconds = count > 3 ? atof(arguments[3]) : 0.3;
    printf("%s, %d threads, %s\n", yk_kernel_set_name(yk_active_kernel_set()), yk_thread_count(),
           type == YK_F32 ? "f32" : "bf16");
    static const int64_t layers[][3] = {{4096, 384, 1152}, {4096, 384, 384},  {4096, 384, 1536},
                                        {4096, 1536, 384}, {2048, 768, 2304}, {2048, 768, 768},
                                        {2048, 768, 3072}, {2048, 3072, 768}, {2048, 768, 50257}};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const int64_t m = layers[i][0], k = layers[i][1], n = layers[i][2];
        if (strstr("forward", filter)) run("forward", type, type, m, n, k, "NT", false, YK_IDENTITY, seconds);
        if (n == 50257) continue;
        if (n == 4 * k && strstr("gelu", filter)) run("forward gelu", type, type, m, n, k, "NT", false, YK_GELU, seconds);
        if (strstr("input", filter)) run("input gradient", type, type, m, k, n, "NN", false, YK_IDENTITY, seconds);
        if (strstr("weight", filter)) run("weight gradient", type, YK_F32, n, k, m, "TN", true, YK_IDENTITY, seconds);
    }
    if (strstr("head", filter)) {
        run("head forward", type, type, 320, 50257, 768, "NT", false, YK_IDENTITY, seconds);
        run("head input gradient", type, type, 320, 768, 50257, "NN", false, YK_IDENTITY, seconds);
        run("head weight gradient", type, YK_F32, 50257, 768, 320, "TN", true, YK_IDENTITY, seconds);
    }
    static const int64_t rows[] = {1, 2, 4, 8, 12, 16, 32, 64};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr("decode", filter)) {
            run("decode", type, type, rows[i], 3072, 768, "NT", false, YK_IDENTITY, seconds);
            run("decode head", type, type, rows[i], 50257, 768, "NT", false, YK_IDENTITY, seconds);
            run("decode, plain weight", type, type, rows[i], 3072, 768, "NN", false, YK_IDENTITY, seconds);
        }
    for (int64_t n = 32; n <= 512; n *= 2)
        if (strstr("square", filter)) run("square", type, type, n, n, n, "NN", false, YK_IDENTITY, seconds);
    return 0;
}
