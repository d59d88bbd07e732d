// Philox 4×32 with ten rounds, one counter at a time.
#pragma once

#include "yk_random.h"

#define YK_PHILOX_M0 0xD2511F53u
#define YK_PHILOX_M1 0xCD9E8D57u
#define YK_PHILOX_W0 0x9E3779B9u
#define YK_PHILOX_W1 0xBB67AE85u

// The four words of one counter value: `block` is the lower, `stream` the upper half of the counter.
static inline void yk_philox_block(uint32_t out[4], uint64_t seed, uint64_t stream, uint64_t block) {
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)YK_PHILOX_M0 * c0, p1 = (uint64_t)YK_PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += YK_PHILOX_W0;
        k1 += YK_PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

// The word at a position of a stream.
static inline uint32_t yk_philox_word(uint64_t seed, uint64_t stream, uint64_t position) {
    uint32_t words[4];
    yk_philox_block(words, seed, stream, position / 4);
    return words[position % 4];
}
