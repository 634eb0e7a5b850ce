// The orthonormal DCT-II of N vectors, lane by lane and in place, and its transpose.
#pragma once
#include <algorithm>
#include <cmath>

#include "vec.h"

// basis[k][j] times 2^(−DEPTH/2), and the basis's squares.
template <int N, int DEPTH>
struct DctTable {
  float basis[N][N], square[N][N];

  DctTable() {
    for (int k = 0; k < N; ++k)
      for (int j = 0; j < N; ++j) {
        const double value = std::sqrt((k ? 2.0 : 1.0) / N) * std::cos(M_PI * (j + 0.5) * k / N);
        basis[k][j] = float(value * std::pow(0.5, 0.5 * DEPTH));
        square[k][j] = float(value * value);
      }
  }
};

// Σ factor(i) · a[i].
template <int COUNT, class Factor>
static inline Vec combined(const Vec* a, Factor factor) {
  Vec total = broadcast(factor(0)) * a[0];
#pragma GCC unroll 16
  for (int i = 1; i < COUNT; ++i) total = fma(broadcast(factor(i)), a[i], total);
  return total;
}

// Coefficients are even or odd about the middle of the samples. For an even N, those of even number are, but for 2^(−1/2), the
// DCT of half the length of the sums of opposite samples; DEPTH counts the factors that so come together.
template <int N, int DEPTH = 0>
struct Dct {
  static constexpr int kHalf = N / 2, kEven = (N + 1) / 2;
  static inline const DctTable<N, DEPTH> table;

  static void forward(Vec (&a)[N]) {
    Vec even[kEven], odd[kEven];
    for (int j = 0; j < kEven; ++j) {
      even[j] = 2 * j + 1 == N ? a[j] : a[j] + a[N - 1 - j];
      odd[j] = a[j] - a[N - 1 - j];
    }
    if constexpr (N % 2 == 0) {
      Dct<kHalf, DEPTH + 1>::forward(even);
      for (int k = 0; k < kHalf; ++k) a[2 * k] = even[k];
    } else {
      for (int k = 0; k < N; k += 2) a[k] = combined<kEven>(even, [&](int j) { return table.basis[k][j]; });
    }
    for (int k = 1; k < N; k += 2) a[k] = combined<kHalf>(odd, [&](int j) { return table.basis[k][j]; });
  }

  static void backward(Vec (&a)[N]) {
    Vec even[kEven], odd[kEven];
    for (int k = 0; k < kEven; ++k) even[k] = a[2 * k];
    for (int k = 0; k < kHalf; ++k) odd[k] = a[2 * k + 1];
    if constexpr (N % 2 == 0) {
      Dct<kHalf, DEPTH + 1>::backward(even);
    } else {
      Vec sums[kEven];
      for (int j = 0; j < kEven; ++j) sums[j] = combined<kEven>(even, [&](int k) { return table.basis[2 * k][j]; });
      std::copy_n(sums, kEven, even);
      a[kHalf] = even[kHalf];
    }
    for (int j = 0; j < kHalf; ++j) {
      const Vec difference = combined<kHalf>(odd, [&](int k) { return table.basis[2 * k + 1][j]; });
      a[j] = even[j] + difference;
      a[N - 1 - j] = even[j] - difference;
    }
  }

  // Σ basis² · a: what weights a add to the diagonal.
  static void backward_of_squares(Vec (&a)[N]) {
    Vec total[N];
    for (int j = 0; j < N; ++j) total[j] = combined<N>(a, [&](int k) { return table.square[k][j]; });
    std::copy_n(total, N, a);
  }
};
