// Multiresolution grids of features: what a call needs. grid_native.CCall in Python has the same fields in the same order.
#pragma once
#include <cstdint>

namespace grid {

struct Shape;
struct Level;

// One call's arrays; null where they are not asked for.
struct Call {
  const float* coords;     // [n, dim]
  const float* direction;  // [n, dim]; where given, everything is of the features' derivative along it
  const float* grad;       // [n, n_levels · n_features]
  float* const* tables;    // [rows, n_features] of each level: read by `read`, overwritten or skipped by `scatter`
  float* features;         // [n, n_levels · n_features]
  float* slopes;           // [n, dim] = Σ grad · ∂features/∂coords
  int64_t n;
  int32_t n_threads;
};

}  // namespace grid

// Features, slopes or both.
extern "C" int ungrid_grid_read(const grid::Shape* shape, const grid::Level* levels, const grid::Call* call);
// The tables' gradients: Σ weight · grad over the points.
extern "C" int ungrid_grid_scatter(const grid::Shape* shape, const grid::Level* levels, const grid::Call* call);
