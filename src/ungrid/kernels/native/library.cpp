// What the loader asks before it trusts a library.
#include "library.h"

UNGRID_EXPORT int ungrid_abi() { return UNGRID_ABI_VERSION; }

// 2: AVX-512 (F, DQ, VL, BW), 1: AVX2 and FMA, 0: neither, or no x86-64.
UNGRID_EXPORT int ungrid_cpu_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return avx2 && avx512 ? 2 : avx2 ? 1 : 0;
#else
  return 0;
#endif
}
