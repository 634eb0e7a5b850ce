// A blur along one axis of an array, in place: its columns, or its rows where the axis is the last, pass through a strip.
#pragma once
#include <algorithm>
#include <atomic>
#include <vector>

#include "pool.h"
#include "vec.h"

constexpr int64_t kColumns = 128;  // floats that go through an axis together

// The first n ≥ 1 lanes.
static inline Vec load_some(const float* from, int64_t n) { return n >= kLanes ? load(from) : load_first(from, int(n)); }
static inline void store_some(float* to, Vec values, int64_t n) {
  if (n >= kLanes) store(to, values);
  else store_first(to, values, int(n));
}

// Σ taps[i] · data[position + i − radius] along one axis, in place; positions beyond the ends have the last one's value.
struct Blur {
  float* data;        // [n_outer, n, n_inner]
  const float* taps;  // [2 · radius + 1]
  int64_t radius, n_outer, n, n_inner, n_threads;

  // A strip has n + 2 · radius entries along the axis: those of the data, and the ends repeated.
  void along_columns(float* strip, int64_t outer, int64_t first, int64_t width) const {
    float* at = data + outer * n * n_inner + first;
    for (int64_t i = 0; i < n + 2 * radius; ++i)
      std::copy_n(at + std::clamp<int64_t>(i - radius, 0, n - 1) * n_inner, width, strip + i * kColumns);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t x = 0; x < width; x += kLanes) {
        const Vec sum = sum_of(strip + i * kColumns + x, kColumns);
        store_some(at + i * n_inner + x, sum, width - x);
      }
  }

  void along_row(float* strip, int64_t outer) const {
    float* at = data + outer * n;
    std::fill_n(strip, radius, at[0]);
    std::copy_n(at, n, strip + radius);
    std::fill_n(strip + radius + n, radius, at[n - 1]);
    for (int64_t x = 0; x < n; x += kLanes) store_some(at + x, sum_of(strip + x, 1), n - x);
  }

  Vec sum_of(const float* from, int64_t step) const {
    Vec sum{};
    for (int64_t i = 0; i <= 2 * radius; ++i) sum = fma(broadcast(taps[i]), load(from + i * step), sum);
    return sum;
  }

  void run() const {
    const bool rows = n_inner == 1;
    const int64_t n_chunks = (n_inner + kColumns - 1) / kColumns, n_parts = n_outer * n_chunks;
    const int64_t size = (n + 2 * radius) * (rows ? 1 : kColumns) + kLanes;
    std::atomic<int64_t> next{0};
    parallel(int(std::min(n_threads, n_parts)), [&](int) {
      std::vector<float> strip(size);
      for (int64_t part; (part = next++) < n_parts;) {
        if (rows) along_row(strip.data(), part);
        else along_columns(strip.data(), part / n_chunks, part % n_chunks * kColumns,
                           std::min(kColumns, n_inner - part % n_chunks * kColumns));
      }
    });
  }
};
