#include "attention_amx.h"

#define YK_BODY "attention_amx_body.h"
#include "amx_tiles.h"

#if !defined(__x86_64__)
// Never chosen: these sets are not available elsewhere.
void yk_attention_forward_amx(const yk_attention *c, int64_t b, int64_t h, int64_t t0, int64_t t1) {
    (void)c, (void)b, (void)h, (void)t0, (void)t1;
}
void yk_attention_backward_amx(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                               int64_t group, int64_t s0, int64_t s1, float *dq) {
    (void)g, (void)c, (void)b, (void)group, (void)s0, (void)s1, (void)dq;
}
void yk_attention_queries_amx(const yk_attention_gradient *g, const yk_attention *c, int64_t b, int64_t group,
                              float *dq, int64_t parts, int64_t stride) {
    (void)g, (void)c, (void)b, (void)group, (void)dq, (void)parts, (void)stride;
}
void yk_attention_forward_emulated(const yk_attention *c, int64_t b, int64_t h, int64_t t0, int64_t t1) {
    yk_attention_forward_amx(c, b, h, t0, t1);
}
void yk_attention_backward_emulated(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                    int64_t group, int64_t s0, int64_t s1, float *dq) {
    yk_attention_backward_amx(g, c, b, group, s0, s1, dq);
}
void yk_attention_queries_emulated(const yk_attention_gradient *g, const yk_attention *c, int64_t b,
                                   int64_t group, float *dq, int64_t parts, int64_t stride) {
    yk_attention_queries_amx(g, c, b, group, dq, parts, stride);
}
#endif
