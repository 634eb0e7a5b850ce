// Matrix products with few columns, such as a network's last layer. A vector holds four rows of B for each of a few columns,
// where gemm.h would leave most of its lanes unused; the four parts of a sum come together at its end.
#pragma once
#include <algorithm>

#include "gemm.h"
#include "lanes.h"

constexpr int kGroups = kLanes / 4;  // columns in a vector

// Whether a product is for this file: at least half of the lanes would be unused, and the ends of the sums are few.
constexpr bool is_narrow(int64_t columns, int64_t depth) { return 2 * columns <= kLanes && depth >= 8; }

constexpr int64_t narrow_vecs(int64_t columns) { return (columns + kGroups - 1) / kGroups; }
constexpr int64_t narrow_size(int64_t columns, int64_t depth) { return (depth + 3) / 4 * narrow_vecs(columns) * kLanes; }

// B[depth × columns] times a factor; element (k, j) lies at source[k · row + j · column].
static inline void pack_narrow(const float* source, int64_t depth, int64_t columns, int64_t row, int64_t column, float factor,
                               float* to) {
  for (int64_t k = 0; k < depth; k += 4)
    for (int64_t j = 0; j < narrow_vecs(columns) * kGroups; ++j)
      for (int64_t part = k; part < k + 4; ++part)
        *to++ = j < columns && part < depth ? factor * source[part * row + j * column] : 0.0f;
}

// What is added to each row, times a factor: a column's value in each of its four lanes.
static inline void pack_narrow_base(const float* source, int64_t columns, float factor, float* to) {
  for (int64_t j = 0; j < narrow_vecs(columns) * kGroups; ++j)
    std::fill_n(to + 4 * j, 4, j < columns ? factor * source[j] : 0.0f);
}

namespace narrow {

// The lane of each result in the order of C, whose rows lie one after another. Lane 4 j + i of the sums is column j of row i.
struct Order {
  IntVec lanes[2];

  explicit Order(int64_t columns) {
    for (int i = 0; i < 2 * kLanes; ++i) lanes[i / kLanes][i % kLanes] = static_cast<int32_t>(i % columns * 4 + i / columns % 4);
  }
};

template <int kRows, int Vecs, class Finish>
static inline void block(Left a, int64_t rows_left, const float* b, int64_t depth, int64_t columns, const Order& order, float* c,
                         Finish finish) {
  Vec sum[kRows][Vecs];
#pragma GCC unroll 8
  for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 2
    for (int v = 0; v < Vecs; ++v) sum[m][v] = Vec{};
  for (int64_t k = 0; k < depth; k += 4, b += Vecs * kLanes)
#pragma GCC unroll 8
    for (int m = 0; m < kRows; ++m) {
      // The last rows of an incomplete block are those of its last one again.
      const float* from = a.at + (kRows > 4 ? m : std::min<int64_t>(m, rows_left - 1)) * a.row + k;
      const Vec left = depth - k >= 4 ? broadcast_four(from) : broadcast_four_of(from, depth - k);
#pragma GCC unroll 2
      for (int v = 0; v < Vecs; ++v) sum[m][v] = fma(left, load(b + v * kLanes), sum[m][v]);
    }
#pragma GCC unroll 2
  for (int m = 0; m < kRows; m += 4, c += 4 * columns) {
    Vec result[2];
#pragma GCC unroll 2
    for (int v = 0; v < Vecs; ++v) result[v] = finish(add_fours(sum[m][v], sum[m + 1][v], sum[m + 2][v], sum[m + 3][v]), v);
    const int64_t n = (rows_left - m) * columns;  // what lies beyond these rows is yet to be written
    store_first(c, permute(result[0], result[Vecs - 1], order.lanes[0]), n);
    if (Vecs == 2 && n > kLanes) store_first(c + kLanes, permute(result[0], result[1], order.lanes[1]), n - kLanes);
  }
}

template <int Vecs, class Finish>
static void multiply(int64_t rows, Left a, const float* b, int64_t depth, int64_t columns, float* c, Finish finish) {
  constexpr int kRows = Vecs == 1 || kRegisters == 32 ? 8 : 4;
  const Order order(columns);
  for (; rows >= kRows; rows -= kRows, a.at += kRows * a.row, c += kRows * columns)
    block<kRows, Vecs>(a, rows, b, depth, columns, order, c, finish);
  for (; rows > 0; rows -= 4, a.at += 4 * a.row, c += 4 * columns)
    block<4, Vecs>(a, rows, b, depth, columns, order, c, finish);
}

}  // namespace narrow

// C[rows × columns] = finish(A[rows × depth] · B), rows of C without gaps. `finish` gets four rows' sums of kGroups columns at
// a time, and which.
template <class Finish>
static inline void multiply_narrow(int64_t rows, int64_t columns, int64_t depth, Left a, const float* packed, float* c,
                                   Finish finish) {
  if (columns <= kGroups)
    narrow::multiply<1>(rows, a, packed, depth, columns, c, finish);
  else
    narrow::multiply<2>(rows, a, packed, depth, columns, c, finish);
}
