// Products of bf16 on tiles: by the processor's instructions, and by plain C over tiles in memory.
#include "gemm_engine.h"

enum { AMX_EXTENT = 32, AMX_K = 32 };

#if defined(__x86_64__)
static _Thread_local gemm_deferred deferred;

static gemm_deferred *deferred_tile(void) { return &deferred; }

#define YK_BODY "gemm_amx_body.h"
#include "amx_tiles.h"
#endif
