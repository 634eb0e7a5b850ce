// Lanes of vectors put in another order, which is only known at run time.
#pragma once
#include "vec.h"

constexpr bool kPermutes = kInstructionSet > 0;  // whether it takes an instruction or a few, and not one for each lane

// Lane i of the result is lane lanes[i] of the values.
static inline Vec permute(Vec values, IntVec lanes) {
#if defined(__AVX512F__)
  return (Vec)_mm512_permutexvar_ps((__m512i)lanes, (__m512)values);
#elif defined(__AVX2__)
  return (Vec)_mm256_permutevar8x32_ps((__m256)values, (__m256i)lanes);
#else
  return Vec{values[lanes[0]], values[lanes[1]], values[lanes[2]], values[lanes[3]]};
#endif
}

// Likewise out of two vectors, the second's lanes counted on from the first's.
static inline Vec permute(Vec first, Vec second, IntVec lanes) {
#if defined(__AVX512F__)
  return (Vec)_mm512_permutex2var_ps((__m512)first, (__m512i)lanes, (__m512)second);
#elif defined(__AVX2__)
  const __m256 of_first = _mm256_permutevar8x32_ps((__m256)first, (__m256i)lanes);
  const __m256 of_second = _mm256_permutevar8x32_ps((__m256)second, (__m256i)lanes);
  return (Vec)_mm256_blendv_ps(of_first, of_second, (__m256)(lanes << 28));  // the bit of kLanes decides, as the sign
#else
  float both[2 * kLanes];
  store(both, first), store(both + kLanes, second);
  return Vec{both[lanes[0]], both[lanes[1]], both[lanes[2]], both[lanes[3]]};
#endif
}
