// Grids of every dimension, kernel and odd number of features, at points and along axes, with empty batches and coordinates
// outside and not numbers.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "grid.h"
#include "grid_corners.h"
#include "selfcheck.h"

namespace {

struct AxesCall {  // grid::AxesCall of grid_axes.cpp
  const float* const* coords;
  const int64_t* lengths;
  const float* const* tables;
  float* features;
  int32_t n_threads;
};

extern "C" int ungrid_grid_read_axes(const grid::Shape*, const grid::Level*, const AxesCall*);

using Numbers = std::vector<float>;

grid::Level dense(int dim, int taps, int cells) {
  grid::Level level{};
  level.n_rows = 1;
  for (int a = 0; a < dim; ++a) {
    level.scale[a] = (cells + a) / 2.0f, level.last_cell[a] = cells + a - 1, level.stride[a] = level.n_rows;
    level.n_rows *= cells + a + taps - 1;
  }
  return level;
}

// With the last axis contiguous.
grid::Level dense_rows(int dim, int taps, int cells) {
  grid::Level level{};
  level.n_rows = 1;
  for (int a = dim - 1; a >= 0; --a) {
    level.scale[a] = (cells + a) / 2.0f, level.last_cell[a] = cells + a - 1, level.stride[a] = level.n_rows;
    level.n_rows *= cells + a + taps - 1;
  }
  return level;
}

grid::Level hashed(int dim, int cells) {
  const uint32_t primes[] = {1u, 2654435761u, 805459861u, 3674653429u};
  grid::Level level{};
  level.shift = 0.5f, level.n_rows = 64, level.is_hashed = 1;
  for (int a = 0; a < dim; ++a) level.scale[a] = cells / 2.0f, level.last_cell[a] = cells + 1, level.stride[a] = primes[a];
  return level;
}

// Weights sum to 1: tables of ones give ones, and what is scattered adds up to what came.
void check(int dim, int kernel, int n_features, int64_t n, int n_threads) {
  const int taps = kernel == grid::kCubic ? 4 : 2;
  std::vector<grid::Level> levels = {dense(dim, taps, 1), dense(dim, taps, 5)};
  if (kernel != grid::kCubic) levels.push_back(hashed(dim, 37));
  const grid::Shape shape{dim, kernel, static_cast<int32_t>(levels.size()), n_features};
  const int64_t width = shape.n_levels * n_features;
  Numbers coords(n * dim), direction(n * dim), grad(n * width), features(n * width), slopes(n * dim);
  for (Numbers* numbers : {&coords, &direction, &grad}) std::generate(numbers->begin(), numbers->end(), any_number);
  if (n > 3) coords[0] = 7, coords[1] = -1e30f, coords[2] = std::numeric_limits<float>::quiet_NaN();
  std::vector<Numbers> tables;
  std::vector<float*> at;
  for (const grid::Level& level : levels) tables.emplace_back(level.n_rows * n_features, 1.0f);
  for (Numbers& table : tables) at.push_back(table.data());
  grid::Call call{coords.data(), nullptr, grad.data(), at.data(), features.data(), slopes.data(), n, n_threads};
  expect(ungrid_grid_read(&shape, levels.data(), &call) == 0, "reading a grid ends well");
  for (int64_t i = 3 * width; i < n * width; ++i) expect(std::abs(features[i] - 1) < 1e-5, "a point's weights sum to 1");
  call.direction = direction.data();
  expect(ungrid_grid_read(&shape, levels.data(), &call) == 0, "reading a grid's derivative ends well");
  expect(ungrid_grid_scatter(&shape, levels.data(), &call) == 0, "scattering along a direction ends well");
  std::fill(coords.begin(), coords.end(), 0.3f);
  call.direction = nullptr;
  expect(ungrid_grid_scatter(&shape, levels.data(), &call) == 0, "scattering ends well");
  double came = 0, arrived = 0;
  for (float g : grad) came += g;
  for (const Numbers& table : tables)
    for (float value : table) arrived += value;
  expect(std::abs(came - arrived) < 1e-3, "what is scattered adds up to what came");
}

// Axes of n points, the last of n_last: in order, or in any where `wild`, and then more than a row of nodes has room for.
void check_axes(int dim, int kernel, int n_features, int64_t n, int64_t n_last, int n_threads, bool wild) {
  const int taps = kernel == grid::kCubic ? 4 : 2;
  std::vector<grid::Level> levels;
  for (int cells : {1, 3, 5, dim < 3 ? 300 : 7}) levels.push_back(dense_rows(dim, taps, cells));
  if (n_features != 2) levels.pop_back();  // four levels go another way
  const grid::Shape shape{dim, kernel, static_cast<int32_t>(levels.size()), n_features};
  std::vector<Numbers> coords, tables;
  std::vector<const float*> coords_at, tables_at;
  std::vector<int64_t> lengths(dim, n);
  lengths.back() = n_last;
  int64_t size = shape.n_levels * n_features;
  for (int64_t length : lengths) {
    coords.emplace_back(length);
    for (int64_t i = 0; i < length; ++i) coords.back()[i] = wild ? 1.1f * any_number() : 2.2f * i / length - 1.1f;
    size *= length;
  }
  for (const grid::Level& level : levels) tables.emplace_back(level.n_rows * n_features, 1.0f);
  for (const Numbers& numbers : coords) coords_at.push_back(numbers.data());
  for (const Numbers& numbers : tables) tables_at.push_back(numbers.data());
  Numbers features(size);
  const AxesCall call{coords_at.data(), lengths.data(), tables_at.data(), features.data(), n_threads};
  expect(ungrid_grid_read_axes(&shape, levels.data(), &call) == 0, "reading a grid along axes ends well");
  for (float feature : features) expect(std::abs(feature - 1) < 1e-5, "the weights along the axes sum to 1");
  if (size == 0) return;
  coords.back().front() = std::numeric_limits<float>::quiet_NaN(), coords.front().back() = 1e30f;
  expect(ungrid_grid_read_axes(&shape, levels.data(), &call) == 0, "coordinates that are no numbers end well");
}

const Check axes("grid_axes", [] {
  for (int dim = 1; dim <= 4; ++dim)
    for (int kernel = 0; kernel < 3; ++kernel)
      for (int n_features : {1, 2, 3, 17})
        for (int64_t n : {0, 1, 5})
          for (int64_t n_last : {0, 1, dim < 4 ? 300 : 21})
            for (bool wild : {false, true}) check_axes(dim, kernel, n_features, n, n_last, wild ? 3 : 1, wild);
});

const Check grids("grid", [] {
  for (int dim = 1; dim <= 4; ++dim)
    for (int kernel = 0; kernel < 3; ++kernel)
      for (int n_features : {1, 2, 3, 9})
        for (int64_t n : {0, 1, 19, 1100})
          for (int n_threads : {1, 3}) check(dim, kernel, n_features, n, n_threads);
});

}  // namespace
