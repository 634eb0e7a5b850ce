// Projection through the slabs of a grid, and its adjoint: kernels/slab_paths.py says what they are.
//
// A run of detector pixels is one thread's own when projecting, a slab when projecting back: no sum is shared, so the results are
// the same bits for any number of threads.
#include "slab_paths.h"

#include <vector>

#include "library.h"

namespace slab_paths {

// One call's arrays.
struct Call {
  float* slabs;         // [n_slabs, n_across]: read by `project`, written by `back_project`
  float* seen;          // [rays]: the other way round
  const int64_t* runs;  // [n_runs, 3]: first ray, number of rays, first edge
  const float *start, *step;
  int64_t n_slabs, n_across, n_runs, n_threads;
};

Paths paths_of(const Call& call) { return {call.runs, call.start, call.step, call.n_across, call.n_runs}; }

void project(const Call& call) {
  const Paths paths = paths_of(call);
  const int64_t width = call.n_across + 1, n_edges = longest_run(paths) + 1;
  std::vector<float> sums(call.n_slabs * width);
  for (int64_t slab = 0; slab < call.n_slabs; ++slab) {
    double sum = 0;
    for (int64_t x = 0; x < call.n_across; ++x) {
      sums[slab * width + x] = float(sum);
      sum += call.slabs[slab * call.n_across + x];
    }
    sums[slab * width + call.n_across] = float(sum);
  }
  share_out(call.n_runs, call.n_threads, [&](std::atomic<int64_t>& next) {
    Crossings at(n_edges);
    std::vector<float> upto(n_edges), total(n_edges);
    for (int64_t index; (index = next++) < call.n_runs;) {
      const Run run = run_of(paths, index);
      std::fill(total.begin(), total.end(), 0.f);
      for (int64_t slab = 0; slab < call.n_slabs; ++slab) {
        at.find(paths, run, slab);
        const float *row = &sums[slab * width], *share = at.share.data(), *place = at.place.data();
        const int32_t* below = at.below.data();
        float *to = upto.data(), *all = total.data();
        for (int64_t e = 0; e <= run.n; ++e) to[e] = row[below[e]] + share[e] * (row[below[e] + 1] - row[below[e]]);
        for (int64_t j = 0; j < run.n; ++j) all[j] += (to[j + 1] - to[j]) / (place[j + 1] - place[j]);
      }
      std::copy_n(total.data(), run.n, call.seen + run.ray);
    }
  });
}

void back_project(const Call& call) {
  const Paths paths = paths_of(call);
  const int64_t width = call.n_across + 1, n_edges = longest_run(paths) + 1;
  share_out(call.n_slabs, call.n_threads, [&](std::atomic<int64_t>& next) {
    Crossings at(n_edges);
    std::vector<float> sums(width), spread(n_edges + 1);
    for (int64_t slab; (slab = next++) < call.n_slabs;) {
      std::fill(sums.begin(), sums.end(), 0.f);
      for (int64_t index = 0; index < call.n_runs; ++index) {
        const Run run = run_of(paths, index);
        at.find(paths, run, slab);
        const float *seen = call.seen + run.ray, *share = at.share.data(), *place = at.place.data();
        const int32_t* below = at.below.data();
        float *part = spread.data(), *row = sums.data();
        part[0] = part[run.n + 1] = 0.f;  // part[j + 1] belongs to pixel j
        for (int64_t j = 0; j < run.n; ++j) part[j + 1] = seen[j] / (place[j + 1] - place[j]);
        for (int64_t e = 0; e <= run.n; ++e) {
          const float gain = part[e] - part[e + 1];
          row[below[e]] += gain - gain * share[e];
          row[below[e] + 1] += gain * share[e];
        }
      }
      double after = 0;
      for (int64_t x = call.n_across; x-- > 0;) {
        after += sums[x + 1];
        call.slabs[slab * call.n_across + x] = float(after);
      }
    }
  });
}

}  // namespace slab_paths

UNGRID_EXPORT int ungrid_slab_paths_project(const slab_paths::Call* call) {
  return guarded([&] { slab_paths::project(*call); });
}

UNGRID_EXPORT int ungrid_slab_paths_back_project(const slab_paths::Call* call) {
  return guarded([&] { slab_paths::back_project(*call); });
}
