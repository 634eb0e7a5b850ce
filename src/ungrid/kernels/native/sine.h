// sin and cos of a vector: absolute error below 2e-7 for |x| ≤ 10⁴, the standard library's result beyond.
#pragma once
#include <cmath>

#include "vec.h"

struct SineCosine {
  Vec sine, cosine;
};

namespace sine_parts {

constexpr float kLimit = 1e4f;
constexpr float kRound = 12582912.0f;  // 1.5 · 2²³: adding it leaves the nearest integer in the last bits
// π = the sum of three floats; the first two have so few bits that their products with |x| / π ≤ 3184 are exact.
constexpr float kPi0 = 3.140625f, kPi1 = 0.0009670257568359375f, kPi2 = 6.278329465e-7f;

struct Reduced {
  Vec rest;     // x minus the nearest multiple of π, in [-π/2, π/2]
  IntVec sign;  // the sign bit, set for an odd multiple
};

static inline Reduced reduce(Vec x) {
  const Vec shifted = fma(x, broadcast(0.318309886f), broadcast(kRound));
  const Vec turns = shifted - broadcast(kRound);
  const Vec rest = fma(turns, broadcast(-kPi2), fma(turns, broadcast(-kPi1), fma(turns, broadcast(-kPi0), x)));
  return {rest, as_int(shifted) << 31};
}

// The coefficients are the minimax fits of their degree on [-π/2, π/2]: 5e-9 and 4e-10 from sin and cos.
static inline Vec sine(Reduced angle) {
  const Vec r = angle.rest, square = r * r;
  Vec p = fma(square, broadcast(2.600024118e-6f), broadcast(-1.980660163e-4f));
  p = fma(p, square, broadcast(8.333017118e-3f));
  p = fma(p, square, broadcast(-1.666665673e-1f));
  return as_float(as_int(fma(p * square, r, r)) ^ angle.sign);
}

static inline Vec cosine(Reduced angle) {
  const Vec square = angle.rest * angle.rest;
  Vec p = fma(square, broadcast(-2.619354689e-7f), broadcast(2.476929149e-5f));
  p = fma(p, square, broadcast(-1.388856908e-3f));
  p = fma(p, square, broadcast(4.166665673e-2f));
  p = fma(p, square, broadcast(-0.5f));
  return as_float(as_int(fma(p, square, broadcast(1.0f))) ^ angle.sign);
}

// Large, infinite or not a number: as integers, all of these lie above the limit's bits.
static inline bool is_wild(Vec x) { return any(as_int(abs(x)) > as_int(broadcast(kLimit))); }

template <class Function>
__attribute__((noinline)) Vec lane_by_lane(Vec x, Function function) {
  for (int lane = 0; lane < kLanes; ++lane) x[lane] = function(x[lane]);
  return x;
}

}  // namespace sine_parts

static inline Vec sine(Vec x) {
  if (sine_parts::is_wild(x)) return sine_parts::lane_by_lane(x, [](float value) { return std::sin(value); });
  return sine_parts::sine(sine_parts::reduce(x));
}

static inline SineCosine sine_cosine(Vec x) {
  if (sine_parts::is_wild(x))
    return {sine_parts::lane_by_lane(x, [](float value) { return std::sin(value); }),
            sine_parts::lane_by_lane(x, [](float value) { return std::cos(value); })};
  const sine_parts::Reduced angle = sine_parts::reduce(x);
  return {sine_parts::sine(angle), sine_parts::cosine(angle)};
}
