// Small matrix products out of one register block: C = base + A · B, with A read by broadcast, B and C along the vectors.
#pragma once
#include <algorithm>

#include "vec.h"

constexpr int kBlockRows = 6;                         // rows of C in registers
constexpr int kBlockVecs = kRegisters == 32 ? 4 : 2;  // vectors in each: 24 or 12 sums, so none waits for its last addition
constexpr int64_t kPanel = kBlockVecs * kLanes;       // columns of C in registers
constexpr int64_t kDepth = 256;                       // rows of a panel of B that the cache nearest to the core should hold

// A: element (m, k) lies at [m · row + k · column], and one of the two is 1.
struct Left {
  const float* at;
  int64_t row, column;
};

// B: rows of padded width, `row` apart; or, with row 0, panels of kPanel columns one after another, each of all its rows.
struct Right {
  const float* at;
  int64_t row;
};

// What the products are added to: nothing, one row for all rows, or C itself. It comes last, because sums that start at
// something large round every product to its precision.
struct Base {
  const float* row = nullptr;
  bool result = false;
};

template <int Rows, int Vecs, bool Transposed>
static inline void block(Left a, Right b, float* c, int64_t c_row, int64_t depth, Base base) {
  Vec sum[Rows][Vecs];
#pragma GCC unroll 16
  for (int m = 0; m < Rows; ++m)
#pragma GCC unroll 16
    for (int j = 0; j < Vecs; ++j) sum[m][j] = Vec{};
  const int64_t row = Transposed ? 1 : a.row, column = Transposed ? a.column : 1;
  for (int64_t k = 0; k < depth; ++k) {
    Vec right[Vecs];
#pragma GCC unroll 16
    for (int j = 0; j < Vecs; ++j) right[j] = load(b.at + k * b.row + j * kLanes);
#pragma GCC unroll 16
    for (int m = 0; m < Rows; ++m) {
      const Vec left = broadcast(a.at[m * row + k * column]);
#pragma GCC unroll 16
      for (int j = 0; j < Vecs; ++j) sum[m][j] = fma(left, right[j], sum[m][j]);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < Rows; ++m)
#pragma GCC unroll 16
    for (int j = 0; j < Vecs; ++j) {
      if (base.row) sum[m][j] += load(base.row + j * kLanes);
      if (base.result) sum[m][j] += load(c + m * c_row + j * kLanes);
      store(c + m * c_row + j * kLanes, sum[m][j]);
    }
}

// All rows of one panel.
template <int Vecs, bool Transposed>
static void panel(int64_t rows, Left a, Right b, float* c, int64_t c_row, int64_t depth, Base base) {
  const int64_t step = Transposed ? 1 : a.row;
  for (; rows >= kBlockRows; rows -= kBlockRows, a.at += kBlockRows * step, c += kBlockRows * c_row)
    block<kBlockRows, Vecs, Transposed>(a, b, c, c_row, depth, base);
  switch (rows) {
    case 5: return block<5, Vecs, Transposed>(a, b, c, c_row, depth, base);
    case 4: return block<4, Vecs, Transposed>(a, b, c, c_row, depth, base);
    case 3: return block<3, Vecs, Transposed>(a, b, c, c_row, depth, base);
    case 2: return block<2, Vecs, Transposed>(a, b, c, c_row, depth, base);
    case 1: return block<1, Vecs, Transposed>(a, b, c, c_row, depth, base);
  }
}

template <bool Transposed>
static void multiply_as(int64_t rows, int64_t columns, int64_t depth, Left a, Right b, float* c, int64_t c_row, Base base) {
  for (int64_t n = 0; n < columns; n += kPanel) {
    const int64_t width = std::min(kPanel, columns - n), b_row = b.row ? b.row : width;
    const float* b_panel = b.at + (b.row ? n : n * depth);
    for (int64_t k = 0; k < depth; k += kDepth) {
      const Left left{a.at + k * a.column, a.row, a.column};
      const Right right{b_panel + k * b_row, b_row};
      const int64_t part = std::min(kDepth, depth - k);
      const bool last = k + part == depth;
      const Base under{base.row && last ? base.row + n : nullptr, base.result || k > 0};
      switch (width / kLanes) {
        case 1: panel<1, Transposed>(rows, left, right, c + n, c_row, part, under); break;
        case 2: panel<2, Transposed>(rows, left, right, c + n, c_row, part, under); break;
#if defined(__AVX512F__) || defined(__aarch64__)
        case 3: panel<3, Transposed>(rows, left, right, c + n, c_row, part, under); break;
        case 4: panel<4, Transposed>(rows, left, right, c + n, c_row, part, under); break;
#endif
      }
    }
  }
}

// C[rows × columns] = base + A[rows × depth] · B[depth × columns]; columns is a multiple of kLanes, depth at least 1.
static inline void multiply(int64_t rows, int64_t columns, int64_t depth, Left a, Right b, float* c, int64_t c_row, Base base) {
  if (a.column == 1)
    multiply_as<false>(rows, columns, depth, a, b, c, c_row, base);
  else
    multiply_as<true>(rows, columns, depth, a, b, c, c_row, base);
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
