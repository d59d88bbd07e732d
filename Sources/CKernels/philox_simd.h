// Philox 4×32-10 on YK_LANES/2 counters at a time. Included by the bodies, after simd.h and philox.h.

typedef uint64_t YK_NAME(vq) __attribute__((vector_size(YK_LANES * 4), aligned(4)));
typedef struct YK_NAME(counters) {
    YK_NAME(vq) c0, c1, c2, c3; // words in the lower halves of 64-bit lanes; the upper halves do not count
} YK_NAME(counters);

// The masks cost nothing: they tell the compiler that one multiplication of 32 by 32 bits is enough.
YK_INLINE YK_NAME(counters) YK_NAME(philox_round)(YK_NAME(counters) c, uint32_t k0, uint32_t k1) {
    YK_NAME(vq) p0 = (c.c0 & 0xFFFFFFFFu) * YK_PHILOX_M0, p1 = (c.c2 & 0xFFFFFFFFu) * YK_PHILOX_M1;
    return (YK_NAME(counters)){
        .c0 = (p1 >> 32) ^ (c.c1 ^ k0),
        .c1 = p1,
        .c2 = (p0 >> 32) ^ (c.c3 ^ k1),
        .c3 = p0,
    };
}

YK_INLINE YK_NAME(counters) YK_NAME(philox_counters)(uint64_t block, uint64_t stream) {
    YK_NAME(vq) zero = {}, number = zero + block;
    for (int i = 0; i < YK_LANES / 2; i++) number[i] += (uint64_t)i;
    return (YK_NAME(counters)){
        .c0 = number,
        .c1 = number >> 32,
        .c2 = zero + stream,
        .c3 = zero + (stream >> 32),
    };
}

// Writes 2 · YK_LANES words.
YK_INLINE void YK_NAME(philox_store)(uint32_t *out, YK_NAME(counters) c) {
    YK_NAME(vq) a = (c.c0 & 0xFFFFFFFFu) | c.c1 << 32, b = (c.c2 & 0xFFFFFFFFu) | c.c3 << 32;
#if YK_LANES == 16
    YK_NAME(vq) low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    YK_NAME(vq) high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#elif YK_LANES == 4
    YK_NAME(vq) low = __builtin_shufflevector(a, b, 0, 2), high = __builtin_shufflevector(a, b, 1, 3);
#else
    YK_NAME(vq) low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    YK_NAME(vq) high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
    *(YK_NAME(vq) *)out = low;
    *(YK_NAME(vq) *)(out + YK_LANES) = high;
}

// out[i] = the word at source.position + i.
YK_INLINE void YK_NAME(philox_words)(uint32_t *out, yk_random source, int64_t n) {
    uint64_t position = source.position;
    int64_t i = 0;
    for (; i < n && position % 4 != 0; i++) out[i] = yk_philox_word(source.seed, source.stream, position++);
    // Two groups of counters side by side hide the latency of the multiplications.
    for (; i + 4 * YK_LANES <= n; i += 4 * YK_LANES, position += 4 * YK_LANES) {
        YK_NAME(counters) a = YK_NAME(philox_counters)(position / 4, source.stream);
        YK_NAME(counters) b = YK_NAME(philox_counters)(position / 4 + YK_LANES / 2, source.stream);
        uint32_t k0 = (uint32_t)source.seed, k1 = (uint32_t)(source.seed >> 32);
#pragma clang loop unroll(full)
        for (int round = 0; round < 10; round++) {
            a = YK_NAME(philox_round)(a, k0, k1);
            b = YK_NAME(philox_round)(b, k0, k1);
            k0 += YK_PHILOX_W0;
            k1 += YK_PHILOX_W1;
        }
        YK_NAME(philox_store)(out + i, a);
        YK_NAME(philox_store)(out + i + 2 * YK_LANES, b);
    }
    for (; i + 4 <= n; i += 4, position += 4)
        yk_philox_block(out + i, source.seed, source.stream, position / 4);
    for (; i < n; i++) out[i] = yk_philox_word(source.seed, source.stream, position++);
}
