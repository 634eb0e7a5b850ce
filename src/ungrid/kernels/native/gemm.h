// Small matrix products out of one register block: C = A · B, with A read by broadcast, B and C along the vectors.
#pragma once
#include <algorithm>
#include <type_traits>

#include "vec.h"

constexpr int kBlockRows = 6;                         // rows of C in registers
constexpr int kBlockVecs = kRegisters == 32 ? 4 : 2;  // vectors in each: 24 or 12 sums, so none waits for its last addition
constexpr int64_t kPanel = kBlockVecs * kLanes;       // columns of C in registers
constexpr int64_t kDepth = 256;                       // rows of a panel of B that the cache nearest to the core should hold

template <int n>
using Rows = std::integral_constant<int, n>;

// A: rows of any width, `row` apart.
struct Left {
  const float* at;
  int64_t row;
};

// B: rows of padded width, `row` apart; or, with row 0, panels of kPanel columns one after another, each of all its rows.
struct Right {
  const float* at;
  int64_t row;
};

// What becomes of the sums while they are in registers, before they are stored: nothing. Others are in finishes.h.
struct Unchanged {
  static constexpr bool collects = false;
  Unchanged right(int64_t) const { return *this; }
  Vec operator()(Vec sum, int64_t, const float*) const { return sum; }  // given its column, and where it goes
  void collect(Vec, int64_t) const {}
};

template <int kRows, int Vecs, bool Transposed, class Finish>
static inline void block(Left a, Right b, float* c, int64_t c_row, int64_t depth, bool adds, Finish finish) {
  Vec sum[kRows][Vecs];
#pragma GCC unroll 16
  for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 16
    for (int j = 0; j < Vecs; ++j) sum[m][j] = Vec{};
  const int64_t row = Transposed ? 1 : a.row, column = Transposed ? a.row : 1;
  for (int64_t k = 0; k < depth; ++k) {
    Vec right[Vecs];
#pragma GCC unroll 16
    for (int j = 0; j < Vecs; ++j) right[j] = load(b.at + k * b.row + j * kLanes);
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      const Vec left = broadcast(a.at[m * row + k * column]);
#pragma GCC unroll 16
      for (int j = 0; j < Vecs; ++j) sum[m][j] = fma(left, right[j], sum[m][j]);
    }
  }
  if (adds)
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m)
#pragma GCC unroll 16
      for (int j = 0; j < Vecs; ++j) sum[m][j] += load(c + m * c_row + j * kLanes);
#pragma GCC unroll 16
  for (int j = 0; j < Vecs; ++j) {
    Vec column{};
#pragma GCC unroll 16
    for (int m = 0; m < kRows; ++m) {
      float* to = c + m * c_row + j * kLanes;
      const Vec result = finish(sum[m][j], j * kLanes, to);
      store(to, result);
      if (Finish::collects) column += result;
    }
    if (Finish::collects) finish.collect(column, j * kLanes);
  }
}

// All rows of one panel.
template <int Vecs, bool Transposed, class Finish>
static void panel(int64_t rows, Left a, Right b, float* c, int64_t c_row, int64_t depth, bool adds, Finish finish) {
  const int64_t step = Transposed ? 1 : a.row;
  const auto take = [&](auto n) {
    block<n, Vecs, Transposed>(a, b, c, c_row, depth, adds, finish);
    rows -= n, a.at += n * step, c += n * c_row;
  };
  while (rows >= kBlockRows) take(Rows<kBlockRows>{});
  if constexpr (Transposed) {  // here the last rows are those of each tile, elsewhere those of the last tile only
    if (rows == 5) return take(Rows<5>{});
    if (rows == 4) return take(Rows<4>{});
  }
  if (rows >= 3) take(Rows<3>{});
  if (rows == 2) return take(Rows<2>{});
  if (rows == 1) return take(Rows<1>{});
}

template <bool Transposed, class Finish>
static void panel_of(int64_t vecs, int64_t rows, Left a, Right b, float* c, int64_t c_row, int64_t depth, bool adds,
                     Finish finish) {
  switch (vecs) {
    case 1: return panel<1, Transposed>(rows, a, b, c, c_row, depth, adds, finish);
    case 2: return panel<2, Transposed>(rows, a, b, c, c_row, depth, adds, finish);
#if defined(__AVX512F__) || defined(__aarch64__)
    case 3: return panel<3, Transposed>(rows, a, b, c, c_row, depth, adds, finish);
    case 4: return panel<4, Transposed>(rows, a, b, c, c_row, depth, adds, finish);
#endif
  }
}

template <bool Transposed, class Finish>
static void multiply_as(int64_t rows, int64_t columns, int64_t depth, Left a, Right b, float* c, int64_t c_row, bool adds,
                        Finish finish) {
  for (int64_t n = 0; n < columns; n += kPanel) {
    const int64_t width = std::min(kPanel, columns - n), b_row = b.row ? b.row : width;
    const float* b_panel = b.at + (b.row ? n : n * depth);
    for (int64_t k = 0; k < depth; k += kDepth) {
      const Left left{a.at + k * (Transposed ? a.row : 1), a.row};
      const Right right{b_panel + k * b_row, b_row};
      const int64_t part = std::min(kDepth, depth - k), vecs = width / kLanes;
      if (k + part < depth)
        panel_of<Transposed>(vecs, rows, left, right, c + n, c_row, part, adds || k > 0, Unchanged{});
      else
        panel_of<Transposed>(vecs, rows, left, right, c + n, c_row, part, adds || k > 0, finish.right(n));
    }
  }
}

// C[rows × columns] = finish(A[rows × depth] · B[depth × columns]); columns is a multiple of kLanes, depth at least 1.
template <class Finish = Unchanged>
static inline void multiply(int64_t rows, int64_t columns, int64_t depth, Left a, Right b, float* c, int64_t c_row,
                            Finish finish = {}) {
  multiply_as<false>(rows, columns, depth, a, b, c, c_row, false, finish);
}

// C[rows × columns] += Aᵀ · B, with A[depth × rows] and B[depth × columns].
static inline void add_transposed(int64_t rows, int64_t columns, int64_t depth, Left a, Right b, float* c, int64_t c_row) {
  multiply_as<true>(rows, columns, depth, a, b, c, c_row, true, Unchanged{});
}

// Rows of `source` [rows × columns, `row` apart] times a factor, as panels whose columns are padded with 0.
static inline void pack_rows(const float* source, int64_t rows, int64_t columns, int64_t row, float factor, float* to) {
  for (int64_t n = 0; n < padded(columns); n += kPanel) {
    const int64_t width = std::min(kPanel, padded(columns) - n), there = std::min(width, columns - n);
    for (int64_t k = 0; k < rows; ++k, to += width)
      for (int64_t j = 0; j < width; ++j) to[j] = j < there ? factor * source[k * row + n + j] : 0.0f;
  }
}

// The same of the transpose: columns of `source` [columns × rows, `row` apart] become the panels' rows.
static inline void pack_transposed(const float* source, int64_t rows, int64_t columns, int64_t row, float factor, float* to) {
  for (int64_t n = 0; n < padded(columns); n += kPanel) {
    const int64_t width = std::min(kPanel, padded(columns) - n), there = std::min(width, columns - n);
    for (int64_t j = 0; j < width; ++j)
      for (int64_t k = 0; k < rows; ++k) to[k * width + j] = j < there ? factor * source[(n + j) * row + k] : 0.0f;
    to += rows * width;
  }
}
