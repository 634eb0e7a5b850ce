// Which nodes of one grid level a point sees and how much of each, for kLanes points at a time.
//
// Along an axis a coordinate x in [-1, 1] lies at (x + 1) · scale + shift, in cells; its fraction of the cell gives the
// weights of `TAPS` nodes and, where asked for, their first and second derivatives by x. A corner joins one node per axis:
// its weight is the product over the axes, its row a sum of node · stride, or in a hashed level their exclusive or.
#pragma once

#include "grid_rows.h"

namespace grid {

constexpr int kMaxDim = 4;

enum Kernel : int32_t { kLinear, kSmoothstep, kCubic };

struct Shape {
  int32_t dim;
  int32_t kernel;
  int32_t n_levels;
  int32_t n_features;  // of one level
};

struct Level {
  float scale[kMaxDim];       // cells per unit of the coordinate
  float shift;                // position of coordinate -1, in cells
  int32_t last_cell[kMaxDim];
  uint32_t stride[kMaxDim];   // a prime per axis in a hashed level
  uint32_t n_rows;            // a power of two in a hashed level; else more than half of the largest sum of strides
  int32_t is_hashed;
};

template <int TAPS>
struct Axis {
  UintVec term[TAPS];
  Vec weight[TAPS], slope[TAPS]{}, bend[TAPS]{};
};

// `start` is a row times `n_features`: where a row starts in the table. `slope` is the weight's derivative along
// the points' direction.
template <int COUNT>
struct Corners {
  UintVec start[COUNT];
  Vec weight[COUNT], slope[COUNT];
};

constexpr int power(int base, int exponent) { return exponent == 0 ? 1 : base * power(base, exponent - 1); }

// The rounded product: fused with a sum it could land in another cell than the reference's.
inline Vec rounded(Vec product) {
#if defined(__x86_64__)
  asm("" : "+x"(product));
#elif defined(__aarch64__)
  asm("" : "+w"(product));
#endif
  return product;
}

inline void fill_weights(Axis<2>& axis, Vec t, float scale, Kernel kernel, int order) {
  const bool smooth = kernel == kSmoothstep;
  const Vec up = smooth ? t * t * (3 - 2 * t) : t;
  axis.weight[0] = 1 - up;
  axis.weight[1] = up;
  if (order >= 1) {
    axis.slope[1] = smooth ? 6 * scale * t * (1 - t) : Vec{} + scale;
    axis.slope[0] = -axis.slope[1];
  }
  if (order >= 2) {
    axis.bend[1] = smooth ? scale * scale * (6 - 12 * t) : Vec{};
    axis.bend[0] = -axis.bend[1];
  }
}

inline void fill_weights(Axis<4>& axis, Vec t, float scale, Kernel, int order) {
  const Vec s = 1 - t;
  axis.weight[0] = s * s * s * (1 / 6.f);
  axis.weight[1] = (4 + t * t * (3 * t - 6)) * (1 / 6.f);
  axis.weight[2] = (4 + s * s * (3 * s - 6)) * (1 / 6.f);
  axis.weight[3] = t * t * t * (1 / 6.f);
  if (order >= 1) {
    axis.slope[0] = -0.5f * scale * s * s;
    axis.slope[1] = scale * t * (1.5f * t - 2);
    axis.slope[2] = -scale * s * (1.5f * s - 2);
    axis.slope[3] = 0.5f * scale * t * t;
  }
  if (order >= 2) {
    const float squared = scale * scale;
    axis.bend[0] = squared * s;
    axis.bend[1] = squared * (3 * t - 2);
    axis.bend[2] = squared * (3 * s - 2);
    axis.bend[3] = squared * t;
  }
}

// x + 1 of the nearest coordinate in [-1, 1], so in [0, 2], or NaN.
inline Vec above(Vec coord) {
  coord = coord < -1 ? Vec{} - 1 : coord;
  coord = coord > 1 ? Vec{} + 1 : coord;
  return coord + 1;
}

// Nodes and weights along axis `a`. `above` is x + 1, in [0, 2] or NaN, whose cell is 0 and whose weights are NaN.
template <int TAPS>
inline void fill_axis(Axis<TAPS>& axis, Vec above, const Level& level, int a, Kernel kernel, int order) {
  const Vec position = rounded(above * level.scale[a]) + level.shift;
  IntVec cell = __builtin_convertvector(position >= 0 ? position : Vec{}, IntVec);
  cell = cell < level.last_cell[a] ? cell : IntVec{} + level.last_cell[a];
  fill_weights(axis, position - __builtin_convertvector(cell, Vec), level.scale[a], kernel, order);
  for (int tap = 0; tap < TAPS; ++tap) axis.term[tap] = (UintVec(cell) + uint32_t(tap)) * level.stride[a];
}

template <int D, int TAPS>
inline void join_corners(Corners<power(TAPS, D)>& corners, const Axis<TAPS> (&axes)[D], const Level& level,
                         uint32_t n_features) {
  for (int tap = 0; tap < TAPS; ++tap) {
    corners.start[tap] = axes[0].term[tap];
    corners.weight[tap] = axes[0].weight[tap];
  }
  for (int a = 1, count = TAPS; a < D; ++a, count *= TAPS)
    for (int c = count - 1; c >= 0; --c) {  // backwards, so that no corner is overwritten before it is read
      const UintVec start = corners.start[c];
      const Vec weight = corners.weight[c];
      for (int tap = 0; tap < TAPS; ++tap) {
        const UintVec term = axes[a].term[tap];
        corners.start[c * TAPS + tap] = level.is_hashed ? start ^ term : start + term;
        corners.weight[c * TAPS + tap] = weight * axes[a].weight[tap];
      }
    }
  for (UintVec& start : corners.start) {
    if (level.is_hashed) start &= level.n_rows - 1;
    else start = start >= level.n_rows ? start - level.n_rows : start;  // past a hash grid's dense level comes its start
    start *= n_features;
  }
}

// The derivative of each corner's weight along the direction.
template <int D, int TAPS>
inline void join_slopes(Corners<power(TAPS, D)>& corners, const Axis<TAPS> (&axes)[D], const Vec* direction) {
  for (int tap = 0; tap < TAPS; ++tap) {
    corners.weight[tap] = axes[0].weight[tap];
    corners.slope[tap] = direction[0] * axes[0].slope[tap];
  }
  for (int a = 1, count = TAPS; a < D; ++a, count *= TAPS)
    for (int c = count - 1; c >= 0; --c) {
      const Vec weight = corners.weight[c], slope = corners.slope[c];
      for (int tap = 0; tap < TAPS; ++tap) {
        corners.weight[c * TAPS + tap] = weight * axes[a].weight[tap];
        corners.slope[c * TAPS + tap] = slope * axes[a].weight[tap] + weight * direction[a] * axes[a].slope[tap];
      }
    }
}

// Adds to by_coord[b] the derivative by x_b of Σ weight · value over the corners or, DIRECTED, of Σ slope · value.
// The axes are summed over one by one, last first; `along` is the derivative along the direction of the sums so far.
template <int D, int TAPS, bool DIRECTED>
inline void add_slopes(Vec* by_coord, const Vec (&values)[power(TAPS, D)], const Axis<TAPS> (&axes)[D], const Vec* direction) {
  for (int b = 0; b < D; ++b) {
    Vec value[power(TAPS, D)], along[power(TAPS, D)]{};
    for (int c = 0; c < power(TAPS, D); ++c) value[c] = values[c];
    for (int a = D - 1, count = power(TAPS, D - 1); a >= 0; --a, count /= TAPS) {
      const Vec* factor = a == b ? axes[a].slope : axes[a].weight;
      const Vec* change = a == b ? axes[a].bend : axes[a].slope;
      for (int c = 0; c < count; ++c) {
        Vec sum{}, sum_along{};
        for (int tap = 0; tap < TAPS; ++tap) {
          const Vec here = value[c * TAPS + tap];
          sum += here * factor[tap];
          if (DIRECTED) sum_along += here * direction[a] * change[tap] + along[c * TAPS + tap] * factor[tap];
        }
        value[c] = sum;
        along[c] = sum_along;
      }
    }
    by_coord[b] += DIRECTED ? along[0] : value[0];
  }
}

// Calls run(D, TAPS) with compile-time constants.
template <class Run>
void dispatch(const Shape& shape, Run run) {
  const auto with_dim = [&](auto d) {
    if (shape.kernel == kCubic) run(d, std::integral_constant<int, 4>{});
    else run(d, std::integral_constant<int, 2>{});
  };
  if (shape.dim == 1) with_dim(std::integral_constant<int, 1>{});
  if (shape.dim == 2) with_dim(std::integral_constant<int, 2>{});
  if (shape.dim == 3) with_dim(std::integral_constant<int, 3>{});
  if (shape.dim == 4) with_dim(std::integral_constant<int, 4>{});
}

}  // namespace grid
