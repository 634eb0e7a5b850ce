// What projections through slabs share: runs of detector pixels, and where their edges cross a slab.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "pool.h"

namespace slab_paths {

// Where the rays to detector edges cross slabs; see kernels/slab_paths.py.
struct Paths {
  const int64_t* runs;  // [n_runs, 3]: first ray, number of rays, first edge
  const float *start, *step;
  int64_t n_across, n_runs;
};

struct Run {
  int64_t ray, n, edge;
};

inline Run run_of(const Paths& paths, int64_t index) {
  const int64_t* row = paths.runs + 3 * index;
  return {row[0], row[1], row[2]};
}

inline int64_t longest_run(const Paths& paths) {
  int64_t most = 0;
  for (int64_t index = 0; index < paths.n_runs; ++index) most = std::max(most, run_of(paths, index).n);
  return most;
}

// A place in samples, kept within n of them: the sample below it, and the share of that which lies before.
struct Cell {
  int32_t below;
  float share;
};

inline Cell cell_at(float place, int32_t n) {
  float inside = place < 0.f ? 0.f : place;
  inside = inside > float(n) ? float(n) : inside;
  const int32_t whole = int32_t(inside), below = whole < n - 1 ? whole : n - 1;
  return {below, inside - float(below)};
}

// Where the edges of a run cross a slab.
struct Crossings {
  explicit Crossings(int64_t n) : place(n), share(n), below(n) {}

  void find(const Paths& paths, const Run& run, int64_t slab) {
    const float *start = paths.start + run.edge, *step = paths.step + run.edge, at = float(slab);
    const int32_t n = int32_t(paths.n_across);
    float *places = place.data(), *shares = share.data();
    int32_t* belows = below.data();
    for (int64_t e = 0; e <= run.n; ++e) {
      const float x = start[e] + step[e] * at;
      const Cell cell = cell_at(x, n);
      places[e] = x, belows[e] = cell.below, shares[e] = cell.share;
    }
  }

  std::vector<float> place, share;
  std::vector<int32_t> below;
};

// Runs body(next) on some threads; each takes the indices that are its own from `next`, up to n.
template <class Body>
void share_out(int64_t n, int64_t n_threads, Body body) {
  std::atomic<int64_t> next{0};
  parallel(int(std::max<int64_t>(1, std::min(n_threads, n))), [&](int) { body(next); });
}

}  // namespace slab_paths
