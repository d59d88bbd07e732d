// The kernels of the CPU: one header per family.
//
// Conventions: outputs first, sizes last; plain pointers and int64_t sizes; no allocation inside a kernel but for
// per-thread scratch; statistics explicit. Results do not depend on the number of threads: work is cut into fixed
// pieces, and sums over pieces are added in their order.
#pragma once

#include "yk_core.h"
#include "yk_cross_entropy.h"
#include "yk_gemm.h"
#include "yk_attention.h"
#include "yk_rotary.h"
