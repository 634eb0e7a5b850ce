// Projections through slabs: what is projected back is the adjoint, for edges that fall, rise and lie beyond, on one thread and two.
#include <cmath>
#include <cstdint>
#include <vector>

#include "selfcheck.h"

namespace {

struct SlabCall {  // slab_paths::Call of slab_paths.cpp
  float *slabs, *seen;
  const int64_t* runs;
  const float *start, *step;
  int64_t n_slabs, n_across, n_runs, n_threads;
};

struct ConeCall {  // cone_paths::Cone of cone_paths.cpp
  float *slabs, *seen;
  const int64_t* runs;
  const float *start, *step, *depth, *deepen, *rises;
  int64_t n_slabs, n_across, n_z, n_rows, n_runs, n_threads;
  float source_z;
};

extern "C" int ungrid_slab_paths_project(const SlabCall*);
extern "C" int ungrid_slab_paths_back_project(const SlabCall*);
extern "C" int ungrid_cone_paths_project(const ConeCall*);
extern "C" int ungrid_cone_paths_back_project(const ConeCall*);

using Numbers = std::vector<float>;

Numbers numbers(int64_t n) {
  Numbers all(n);
  for (float& number : all) number = any_number() + 1.5f;
  return all;
}

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
  return sum;
}

bool near(double a, double b) { return std::fabs(a - b) <= 1e-4 * (std::fabs(a) + std::fabs(b)); }

// Two runs of 4 and 3 detector pixels; ray 4 is in none.
constexpr int64_t kRays = 8, kRows = 5;
const int64_t kRuns[] = {0, 4, 0, 5, 3, 5};
const Numbers kStart = {-2, 0.5f, 1.5f, 4, 9, 7, 4, 2, -3}, kStep = {0.1f, 0.3f, 0.5f, 0.2f, 0.4f, -0.2f, -0.1f, 0, 0.1f};

const Check slabs("slab paths", [] {
  for (int64_t n_slabs : {1, 7})
    for (int64_t n_across : {1, 6})
      for (int64_t n_threads : {1, 2}) {
        Numbers values = numbers(n_slabs * n_across), seen(kRays), given = numbers(kRays), back(values.size());
        SlabCall call{values.data(), seen.data(), kRuns, kStart.data(), kStep.data(), n_slabs, n_across, 2, n_threads};
        expect(!ungrid_slab_paths_project(&call), "slabs are projected");
        call.slabs = back.data(), call.seen = given.data();
        expect(!ungrid_slab_paths_back_project(&call), "slabs are projected back");
        expect(near(dot(seen, given), dot(values, back)), "projecting back through slabs is the adjoint");
      }
});

const Check cones("cone paths", [] {
  const Numbers depth(kRays, 0.4f), deepen(kRays, 0.02f), rises = {-9, -3, 0, 2, 5, 30};
  for (int64_t n_z : {1, 5})
    for (int64_t n_across : {1, 6})
      for (int64_t n_threads : {1, 2}) {
        Numbers values = numbers(4 * n_across * n_z), seen(kRays * kRows), given = numbers(kRays * kRows), back(values.size());
        ConeCall call{values.data(), seen.data(),    kRuns,        kStart.data(), kStep.data(), depth.data(), deepen.data(),
                      rises.data(),  int64_t{4}, n_across, n_z, kRows,          int64_t{2},   n_threads,    0.4f * n_z};
        expect(!ungrid_cone_paths_project(&call), "a volume is projected");
        call.slabs = back.data(), call.seen = given.data();
        expect(!ungrid_cone_paths_back_project(&call), "a volume is projected back");
        expect(near(dot(seen, given), dot(values, back)), "projecting back through a volume is the adjoint");
      }
});

}  // namespace
