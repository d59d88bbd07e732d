// Which of 64 bytes are of which kind, one bit each, the first byte lowest.
//
// Swift has no way to say "the top bits of these bytes as one number", for which processors have an instruction; so
// these few lines are C, to be compiled into the caller.
#ifndef YUYAN_BYTE_MASKS_H
#define YUYAN_BYTE_MASKS_H

#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// The kinds of 64 bytes of text; a byte is of one kind only, but line ends are white space too.
typedef struct {
    uint64_t uppercase;    // A to Z
    uint64_t lowercase;    // a to z
    uint64_t digits;       // 0 to 9
    uint64_t spaces;       // 0x20
    uint64_t controls;     // 9 to 13: tabs, line feeds and the like, carriage returns
    uint64_t line_ends;    // 10 and 13
    uint64_t apostrophes;  // 0x27
    uint64_t wide;         // 0x80 to 0xFF
} yuyan_byte_kinds;

/// The kinds of the 64 bytes from `text` on, which need no alignment.
static inline __attribute__((always_inline)) yuyan_byte_kinds yuyan_kinds_of_bytes(const uint8_t *text) {
    yuyan_byte_kinds kinds = {0, 0, 0, 0, 0, 0, 0, 0};
#if defined(__SSE2__)
    // Signed comparison is all there is: moving a range to the lower end makes one comparison of two.
    const __m128i to_upper = _mm_set1_epi8((char)(0x80 - 'A'));
    const __m128i to_lower = _mm_set1_epi8((char)(0x80 - 'a'));
    const __m128i to_digit = _mm_set1_epi8((char)(0x80 - '0'));
    const __m128i to_control = _mm_set1_epi8((char)(0x80 - 9));
    const __m128i letters = _mm_set1_epi8((char)(0x80 + 26));
    const __m128i ten = _mm_set1_epi8((char)(0x80 + 10));
    const __m128i five = _mm_set1_epi8((char)(0x80 + 5));
#pragma clang loop unroll(full)
    for (int part = 0; part < 4; part++) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + 16 * part));
#define YUYAN_BITS(mask) ((uint64_t)(uint32_t)_mm_movemask_epi8(mask) << (16 * part))
        kinds.uppercase |= YUYAN_BITS(_mm_cmplt_epi8(_mm_add_epi8(bytes, to_upper), letters));
        kinds.lowercase |= YUYAN_BITS(_mm_cmplt_epi8(_mm_add_epi8(bytes, to_lower), letters));
        kinds.digits |= YUYAN_BITS(_mm_cmplt_epi8(_mm_add_epi8(bytes, to_digit), ten));
        kinds.controls |= YUYAN_BITS(_mm_cmplt_epi8(_mm_add_epi8(bytes, to_control), five));
        kinds.spaces |= YUYAN_BITS(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')));
        kinds.apostrophes |= YUYAN_BITS(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\'')));
        const __m128i feeds = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'));
        const __m128i returns = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r'));
        kinds.line_ends |= YUYAN_BITS(_mm_or_si128(feeds, returns));
        kinds.wide |= YUYAN_BITS(bytes);
#undef YUYAN_BITS
    }
#else
    for (int index = 0; index < 64; index++) {
        const uint8_t byte = text[index];
        kinds.uppercase |= (uint64_t)((uint8_t)(byte - 'A') < 26) << index;
        kinds.lowercase |= (uint64_t)((uint8_t)(byte - 'a') < 26) << index;
        kinds.digits |= (uint64_t)((uint8_t)(byte - '0') < 10) << index;
        kinds.spaces |= (uint64_t)(byte == ' ') << index;
        kinds.controls |= (uint64_t)((uint8_t)(byte - 9) < 5) << index;
        kinds.line_ends |= (uint64_t)(byte == '\n' || byte == '\r') << index;
        kinds.apostrophes |= (uint64_t)(byte == '\'') << index;
        kinds.wide |= (uint64_t)(byte >= 0x80) << index;
    }
#endif
    return kinds;
}

#endif
