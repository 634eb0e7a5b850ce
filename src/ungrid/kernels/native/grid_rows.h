// The rows of a table that up to kLanes points see, one point after another: weighted sums, products, scattered sums.
//
// Lane p of `start[c]` is where the row of point p's corner c begins in the table, and lane p of `weight[c]` how much it
// counts. Each function takes `WIDTH` columns of a row, and the number of corners as a constant or, for COUNT = 0, as given.
#pragma once

#include <type_traits>

#include "vec.h"

namespace grid {

typedef uint32_t UintVec __attribute__((vector_size(4 * kLanes)));

template <int WIDTH>
struct Floats {
  typedef float type __attribute__((vector_size(4 * WIDTH)));
  typedef float in_memory __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
};

// WIDTH neighboring floats of a row.
template <int WIDTH>
struct Row {
  using type = typename Floats<WIDTH>::type;
  using in_memory = typename Floats<WIDTH>::in_memory;
  static type load(const float* from) { return *reinterpret_cast<const in_memory*>(from); }
  static void store(float* to, type row) { *reinterpret_cast<in_memory*>(to) = row; }
  static float sum(type row) {
    float total = row[0];
    for (int i = 1; i < WIDTH; ++i) total += row[i];
    return total;
  }
};

template <>
struct Row<1> {
  typedef float type;
  static type load(const float* from) { return *from; }
  static void store(float* to, type row) { *to = row; }
  static float sum(type row) { return row; }
};

#if defined(__SSE2__)
template <>
struct Row<2> {  // in a register of four: the compiler takes more instructions for vectors of two
  typedef __m128 type;
  static type load(const float* from) { return _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i_u*>(from))); }
  static void store(float* to, type row) { _mm_storel_pi(reinterpret_cast<__m64*>(to), row); }
  static float sum(type row) { return row[0] + row[1]; }
};
#endif

// Calls visit(width, column) with widths of 8, 4, 2 and 1 as compile-time constants, for all columns of a row.
template <class Visit>
inline void by_columns(int n_features, Visit visit) {
  int column = 0;
  for (; column + 8 <= n_features; column += 8) visit(std::integral_constant<int, 8>{}, column);
  if (n_features & 4) visit(std::integral_constant<int, 4>{}, column), column += 4;
  if (n_features & 2) visit(std::integral_constant<int, 2>{}, column), column += 2;
  if (n_features & 1) visit(std::integral_constant<int, 1>{}, column);
}

// Rows of features or of their gradients, `stride` floats from point to point.
template <class T>
struct Rows {
  T* first;
  int64_t stride;
  int n;
};

struct Reach {
  const UintVec* start;
  const Vec* weight;
  int count;
};

template <int WIDTH, int COUNT>
__attribute__((noinline)) void gather(Rows<float> features, const float* table, Reach reach) {
  const int count = COUNT ? COUNT : reach.count;
  const uint32_t* start = reinterpret_cast<const uint32_t*>(reach.start);
  const float* weight = reinterpret_cast<const float*>(reach.weight);
  for (int p = 0; p < features.n; ++p) {
    typename Row<WIDTH>::type total{};
    for (int c = 0; c < count; ++c) total += weight[c * kLanes + p] * Row<WIDTH>::load(table + start[c * kLanes + p]);
    Row<WIDTH>::store(features.first + p * features.stride, total);
  }
}

template <int WIDTH, int COUNT>
__attribute__((noinline)) void add_products(Vec* products, Rows<const float> grads, const float* table, Reach reach) {
  const int count = COUNT ? COUNT : reach.count;
  const uint32_t* start = reinterpret_cast<const uint32_t*>(reach.start);
  float* sums = reinterpret_cast<float*>(products);
  for (int p = 0; p < grads.n; ++p) {
    const auto grad = Row<WIDTH>::load(grads.first + p * grads.stride);
    for (int c = 0; c < count; ++c)
      sums[c * kLanes + p] += Row<WIDTH>::sum(grad * Row<WIDTH>::load(table + start[c * kLanes + p]));
  }
}

template <int WIDTH, int COUNT>
__attribute__((noinline)) void scatter_rows(float* table, Rows<const float> grads, Reach reach) {
  const int count = COUNT ? COUNT : reach.count;
  const uint32_t* start = reinterpret_cast<const uint32_t*>(reach.start);
  const float* weight = reinterpret_cast<const float*>(reach.weight);
  for (int p = 0; p < grads.n; ++p) {
    const auto grad = Row<WIDTH>::load(grads.first + p * grads.stride);
    for (int c = 0; c < count; ++c) {
      float* row = table + start[c * kLanes + p];
      Row<WIDTH>::store(row, Row<WIDTH>::load(row) + weight[c * kLanes + p] * grad);
    }
  }
}

}  // namespace grid
