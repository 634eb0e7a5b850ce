// Vectors of kLanes floats and the same number of 32-bit integers, as the compiler's own vector types.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int kLanes = 16, kInstructionSet = 2;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kInstructionSet = 1;
#else
constexpr int kLanes = 4, kInstructionSet = 0;
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef int32_t IntVec __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVec __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

constexpr int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

static inline Vec load(const float* from) { return *reinterpret_cast<const UnalignedVec*>(from); }
static inline void store(float* to, Vec values) { *reinterpret_cast<UnalignedVec*>(to) = values; }

static inline Vec broadcast(float value) {
#if defined(__AVX512F__)
  return (Vec)_mm512_set1_ps(value);
#elif defined(__AVX2__)
  return (Vec)_mm256_set1_ps(value);
#else
  return Vec{value, value, value, value};
#endif
}

// Four neighbors, in each four lanes.
static inline Vec broadcast_four(const float* from) {
#if defined(__AVX512F__)
  return (Vec)_mm512_broadcast_f32x4(_mm_loadu_ps(from));
#elif defined(__AVX2__)
  return (Vec)_mm256_broadcast_ps(reinterpret_cast<const __m128*>(from));
#else
  return *reinterpret_cast<const UnalignedVec*>(from);
#endif
}

// The same where only n < 4 are there; the others are 0.
static inline Vec broadcast_four_of(const float* from, int64_t n) {
  float four[4] = {from[0], n > 1 ? from[1] : 0, n > 2 ? from[2] : 0, 0};
  return broadcast_four(four);
}

// In each four lanes: the sum of a's four there, of b's, of c's, of d's.
static inline Vec add_fours(Vec a, Vec b, Vec c, Vec d) {
#if defined(__AVX512F__)
  const __m512 x = _mm512_unpacklo_ps((__m512)a, (__m512)b) + _mm512_unpackhi_ps((__m512)a, (__m512)b);
  const __m512 y = _mm512_unpacklo_ps((__m512)c, (__m512)d) + _mm512_unpackhi_ps((__m512)c, (__m512)d);
  return (Vec)(_mm512_shuffle_ps(x, y, 0x44) + _mm512_shuffle_ps(x, y, 0xee));
#elif defined(__AVX2__)
  const __m256 x = _mm256_unpacklo_ps((__m256)a, (__m256)b) + _mm256_unpackhi_ps((__m256)a, (__m256)b);
  const __m256 y = _mm256_unpacklo_ps((__m256)c, (__m256)d) + _mm256_unpackhi_ps((__m256)c, (__m256)d);
  return (Vec)(_mm256_shuffle_ps(x, y, 0x44) + _mm256_shuffle_ps(x, y, 0xee));
#else
  const auto sum = [](Vec x) { return (x[0] + x[2]) + (x[1] + x[3]); };
  return Vec{sum(a), sum(b), sum(c), sum(d)};
#endif
}

// The first n values, all of them where n ≥ kLanes; the other lanes are 0.
static inline Vec load_first(const float* from, int64_t n) {
  if (n >= kLanes) return load(from);
#if defined(__AVX512F__)
  return (Vec)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), from);
#else
  float lanes[kLanes] = {};
  std::memcpy(lanes, from, sizeof(float) * n);
  return load(lanes);
#endif
}

static inline void store_first(float* to, Vec values, int64_t n) {
  if (n >= kLanes) return store(to, values);
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1), (__m512)values);
#else
  float lanes[kLanes];
  store(lanes, values);
  std::memcpy(to, lanes, sizeof(float) * n);
#endif
}

// a · b + c, one rounding where the processor has it (-ffp-contract=fast).
static inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }

static inline IntVec as_int(Vec values) { return (IntVec)values; }
static inline Vec as_float(IntVec bits) { return (Vec)bits; }
static inline Vec abs(Vec values) { return as_float(as_int(values) & 0x7fffffff); }

// Lanes of `yes` where the mask is set (all ones), of `no` where it is 0.
static inline Vec select(IntVec mask, Vec yes, Vec no) { return as_float((mask & as_int(yes)) | (~mask & as_int(no))); }

static inline bool any(IntVec mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_ps((__m128)mask) != 0;
#else
  return (mask[0] | mask[1] | mask[2] | mask[3]) != 0;
#endif
}
