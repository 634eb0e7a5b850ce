// Projection of a cone beam through the slabs of a volume, and its adjoint: kernels/cone_paths.py says what they are.
//
// As in slab_paths.cpp, a run is one thread's own when projecting, a slab when projecting back. A slab's samples along z lie
// together, so that what is done across a slab goes by vectors along z.
#include <vector>

#include "library.h"
#include "slab_paths.h"

namespace cone_paths {

using namespace slab_paths;

// One call's arrays.
struct Cone {
  float* slabs;         // [n_slabs, n_across, n_z]: read by `project`, written by `back_project`
  float* seen;          // [rays, n_rows]: the other way round
  const int64_t* runs;  // as of Paths
  const float *start, *step;
  const float *depth, *deepen;  // [rays]
  const float* rises;           // [n_rows + 1]
  int64_t n_slabs, n_across, n_z, n_rows, n_runs, n_threads;
  float source_z;
};

Paths paths_of(const Cone& cone) { return {cone.runs, cone.start, cone.step, cone.n_across, cone.n_runs}; }

// The running sum of a slab's samples across it, up to a crossing.
void sum_up_to(const float* sums, int32_t below, float share, int64_t n_z, float* to) {
  const float *low = sums + below * n_z, *high = low + n_z;
  for (int64_t z = 0; z < n_z; ++z) to[z] = low[z] + share * (high[z] - low[z]);
}

void project(const Cone& cone) {
  const Paths paths = paths_of(cone);
  const int64_t n_z = cone.n_z, plane = (cone.n_across + 1) * n_z;
  std::vector<float> sums(cone.n_slabs * plane);
  for (int64_t slab = 0; slab < cone.n_slabs; ++slab)
    for (int64_t x = 0; x < cone.n_across; ++x)
      for (int64_t z = 0; z < n_z; ++z)
        sums[slab * plane + (x + 1) * n_z + z] =
            sums[slab * plane + x * n_z + z] + cone.slabs[(slab * cone.n_across + x) * n_z + z];
  share_out(cone.n_runs, cone.n_threads, [&](std::atomic<int64_t>& next) {
    Crossings at(longest_run(paths) + 1);
    std::vector<float> before(n_z), after(n_z), upto(n_z + 1), edge(cone.n_rows + 1);
    for (int64_t index; (index = next++) < cone.n_runs;) {
      const Run run = run_of(paths, index);
      for (int64_t slab = 0; slab < cone.n_slabs; ++slab) {
        at.find(paths, run, slab);
        sum_up_to(&sums[slab * plane], at.below[0], at.share[0], n_z, after.data());
        for (int64_t j = 0; j < run.n; ++j) {
          before.swap(after);
          sum_up_to(&sums[slab * plane], at.below[j + 1], at.share[j + 1], n_z, after.data());
          const float per_width = 1 / (at.place[j + 1] - at.place[j]);
          upto[0] = 0;
          for (int64_t z = 0; z < n_z; ++z) upto[z + 1] = upto[z] + (after[z] - before[z]) * per_width;
          const float way = cone.depth[run.ray + j] + cone.deepen[run.ray + j] * float(slab);
          for (int64_t r = 0; r <= cone.n_rows; ++r) {
            const Cell cell = cell_at(cone.source_z + way * cone.rises[r], int32_t(n_z));
            edge[r] = upto[cell.below] + cell.share * (upto[cell.below + 1] - upto[cell.below]);
          }
          float* to = cone.seen + (run.ray + j) * cone.n_rows;
          for (int64_t r = 0; r < cone.n_rows; ++r) to[r] += (edge[r + 1] - edge[r]) / (way * (cone.rises[r + 1] - cone.rises[r]));
        }
      }
    }
  });
}

// What one detector column adds along z, from what its pixels are given.
void spread_along_z(const Cone& cone, const float* seen, float way, std::vector<float>& gains, std::vector<float>& to) {
  std::fill(gains.begin(), gains.end(), 0.f);
  float last = 0;
  for (int64_t r = 0; r <= cone.n_rows; ++r) {
    const float own = r < cone.n_rows ? seen[r] / (way * (cone.rises[r + 1] - cone.rises[r])) : 0.f, gain = last - own;
    const Cell cell = cell_at(cone.source_z + way * cone.rises[r], int32_t(cone.n_z));
    gains[cell.below] += gain - gain * cell.share;
    gains[cell.below + 1] += gain * cell.share;
    last = own;
  }
  float sum = 0;
  for (int64_t z = cone.n_z; z-- > 0;) to[z] = sum += gains[z + 1];
}

void back_project(const Cone& cone) {
  const Paths paths = paths_of(cone);
  const int64_t n_z = cone.n_z;
  share_out(cone.n_slabs, cone.n_threads, [&](std::atomic<int64_t>& next) {
    Crossings at(longest_run(paths) + 1);
    std::vector<float> sums((cone.n_across + 1) * n_z), gains(n_z + 1), column(n_z);
    for (int64_t slab; (slab = next++) < cone.n_slabs;) {
      std::fill(sums.begin(), sums.end(), 0.f);
      for (int64_t index = 0; index < cone.n_runs; ++index) {
        const Run run = run_of(paths, index);
        at.find(paths, run, slab);
        for (int64_t j = 0; j < run.n; ++j) {
          const float way = cone.depth[run.ray + j] + cone.deepen[run.ray + j] * float(slab);
          spread_along_z(cone, cone.seen + (run.ray + j) * cone.n_rows, way, gains, column);
          const float per_width = 1 / (at.place[j + 1] - at.place[j]);
          for (int64_t e = j; e <= j + 1; ++e) {
            const float sign = e == j ? -per_width : per_width, high = sign * at.share[e], low = sign - high;
            float *first = &sums[at.below[e] * n_z], *second = first + n_z;
            for (int64_t z = 0; z < n_z; ++z) first[z] += low * column[z], second[z] += high * column[z];
          }
        }
      }
      for (int64_t x = cone.n_across; x-- > 0;)
        for (int64_t z = 0; z < n_z; ++z) {
          sums[x * n_z + z] += sums[(x + 1) * n_z + z];
          cone.slabs[(slab * cone.n_across + x) * n_z + z] = sums[(x + 1) * n_z + z];
        }
    }
  });
}

}  // namespace cone_paths

UNGRID_EXPORT int ungrid_cone_paths_project(const cone_paths::Cone* cone) {
  return guarded([&] { cone_paths::project(*cone); });
}

UNGRID_EXPORT int ungrid_cone_paths_back_project(const cone_paths::Cone* cone) {
  return guarded([&] { cone_paths::back_project(*cone); });
}
