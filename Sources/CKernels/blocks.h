// Runs of strided elements seen as short blocks of REAL (float for f32 and bf16, double for f64). Included with REAL
// and NAME(x) defined, once for each of the two.

#ifndef YK_BLOCK
// Elements of a block: a few of them fit the first-level cache together.
#define YK_BLOCK 512
#endif

// Up to YK_BLOCK elements: the memory itself where it lies in a row as REAL, else `buffer` filled from it.
static inline const REAL *NAME(read_block)(REAL *buffer, const char *p, yk_dtype type, int64_t stride, int64_t n) {
    if (type == YK_BF16) {
        if (stride == 2) yk_widen((float *)buffer, (const uint16_t *)p, n);
        else
            for (int64_t i = 0; i < n; i++) buffer[i] = yk_from_bf16(*(const uint16_t *)(p + i * stride));
        return buffer;
    }
    if (stride == (int64_t)sizeof(REAL)) return (const REAL *)p;
    for (int64_t i = 0; i < n; i++) buffer[i] = *(const REAL *)(p + i * stride);
    return buffer;
}

// Where to compute a block that goes to p: there, or in `buffer`; end_block brings it there.
static inline REAL *NAME(begin_block)(REAL *buffer, char *p, yk_dtype type, int64_t stride) {
    return type != YK_BF16 && stride == (int64_t)sizeof(REAL) ? (REAL *)p : buffer;
}
static inline void NAME(end_block)(char *p, const REAL *block, yk_dtype type, int64_t stride, int64_t n) {
    if (type == YK_BF16) {
        if (stride == 2) yk_narrow((uint16_t *)p, (const float *)block, n);
        else
            for (int64_t i = 0; i < n; i++) *(uint16_t *)(p + i * stride) = yk_to_bf16((float)block[i]);
    } else if ((const char *)block != p) {
        for (int64_t i = 0; i < n; i++) *(REAL *)(p + i * stride) = block[i];
    }
}

// The blocks of a run: all of it at once where no operand needs a buffer.
static inline int64_t NAME(block_length)(yk_dtype type, const int64_t *strides, int operands, int64_t n) {
    for (int o = 0; o < operands; o++)
        if (type == YK_BF16 || strides[o] != (int64_t)sizeof(REAL)) return n < YK_BLOCK ? n : YK_BLOCK;
    return n;
}
