// Multiresolution grid encoding of points: read features and their slopes by the coordinates, scatter gradients to tables.
//
// Work goes by kLanes points: cells and weights of all corners in vector registers, then one point after another through
// its rows. `read` is shared out by blocks of points and `scatter` by levels, each table written by one thread in the order
// of the points, so the results are the same bits for any number of threads.
#include <algorithm>
#include <atomic>

#include "grid.h"
#include "grid_corners.h"
#include "library.h"
#include "pool.h"

namespace grid {

constexpr int kBlock = 512;  // points: their outputs at 16 levels of 2 features are 64 KiB, and stay near while levels pass
constexpr int kChunks = kBlock / kLanes;

template <int D>
struct Chunk {
  Vec above[D];      // clamped coordinate + 1
  Vec direction[D];  // 0 where the coordinate is clamped or not a number
  IntVec inside[D];
  Vec by_coord[D];
};

template <int D>
void load_chunk(Chunk<D>& chunk, const Call& call, int64_t first) {
  const int n = int(std::min<int64_t>(kLanes, call.n - first));
  for (int a = 0; a < D; ++a) {
    Vec coord{}, direction{};
    for (int p = 0; p < n; ++p) coord[p] = call.coords[(first + p) * D + a];
    if (call.direction)
      for (int p = 0; p < n; ++p) direction[p] = call.direction[(first + p) * D + a];
    chunk.inside[a] = (coord >= -1) & (coord <= 1);
    chunk.above[a] = above(coord);
    chunk.direction[a] = select(chunk.inside[a], direction, Vec{});
    chunk.by_coord[a] = Vec{};
  }
}

// All levels of a grid of D axes and a kernel of TAPS nodes per axis.
template <int D, int TAPS>
struct Pass {
  static constexpr int COUNT = power(TAPS, D);
  static constexpr int UNROLLED = COUNT <= 16 ? COUNT : 0;
  const Shape& shape;
  const Level* levels;
  const Call& call;
  const int64_t stride = int64_t(shape.n_levels) * shape.n_features;

  Reach find_corners(Corners<COUNT>& corners, Axis<TAPS> (&axes)[D], const Chunk<D>& chunk, int level, int order) const {
    for (int a = 0; a < D; ++a) fill_axis(axes[a], chunk.above[a], levels[level], a, Kernel(shape.kernel), order);
    if (call.direction) join_slopes<D, TAPS>(corners, axes, chunk.direction);
    join_corners<D, TAPS>(corners, axes, levels[level], uint32_t(shape.n_features));
    return {corners.start, call.direction ? corners.slope : corners.weight, COUNT};
  }

  template <class T>
  Rows<T> rows_of(T* values, int64_t first, int level, int column) const {
    return {values + first * stride + int64_t(level) * shape.n_features + column, stride,
            int(std::min<int64_t>(kLanes, call.n - first))};
  }

  void read_level(Chunk<D>& chunk, int64_t first, int level) const {
    Corners<COUNT> corners;
    Axis<TAPS> axes[D];
    const Reach reach = find_corners(corners, axes, chunk, level, int(call.direction != nullptr) + int(call.slopes != nullptr));
    const float* table = call.tables[level];
    if (call.features)
      by_columns(shape.n_features, [&](auto width, int column) {
        gather<width(), UNROLLED>(rows_of(call.features, first, level, column), table + column, reach);
      });
    if (!call.slopes) return;
    Vec products[COUNT]{};
    by_columns(shape.n_features, [&](auto width, int column) {
      add_products<width(), UNROLLED>(products, rows_of(call.grad, first, level, column), table + column, reach);
    });
    if (call.direction) add_slopes<D, TAPS, true>(chunk.by_coord, products, axes, chunk.direction);
    else add_slopes<D, TAPS, false>(chunk.by_coord, products, axes, chunk.direction);
  }

  void read_block(int64_t first) const {
    Chunk<D> chunks[kChunks];
    const int64_t end = load_block(chunks, first);
    for (int level = 0; level < shape.n_levels; ++level)
      for (int64_t at = first; at < end; at += kLanes) read_level(chunks[(at - first) / kLanes], at, level);
    if (!call.slopes) return;
    for (int64_t p = first; p < end; ++p) {
      const Chunk<D>& chunk = chunks[(p - first) / kLanes];
      for (int a = 0; a < D; ++a) call.slopes[p * D + a] = chunk.inside[a][p % kLanes] ? chunk.by_coord[a][p % kLanes] : 0;
    }
  }

  int64_t load_block(Chunk<D> (&chunks)[kChunks], int64_t first) const {
    const int64_t end = std::min(call.n, first + kBlock);
    for (int64_t at = first; at < end; at += kLanes) load_chunk(chunks[(at - first) / kLanes], call, at);
    return end;
  }

  void scatter_levels(int first_level, int end_level) const {
    for (int level = first_level; level < end_level; ++level)
      if (call.tables[level]) std::fill_n(call.tables[level], int64_t(levels[level].n_rows) * shape.n_features, 0.f);
    Chunk<D> chunks[kChunks];
    for (int64_t first = 0; first < call.n; first += kBlock) {
      const int64_t end = load_block(chunks, first);
      for (int level = first_level; level < end_level; ++level)
        for (int64_t at = first; call.tables[level] && at < end; at += kLanes)
          scatter_chunk(chunks[(at - first) / kLanes], at, level, call.tables[level]);
    }
  }

  void scatter_chunk(const Chunk<D>& chunk, int64_t first, int level, float* table) const {
    Corners<COUNT> corners;
    Axis<TAPS> axes[D];
    const Reach reach = find_corners(corners, axes, chunk, level, int(call.direction != nullptr));
    by_columns(shape.n_features, [&](auto width, int column) {
      scatter_rows<width(), UNROLLED>(table + column, rows_of(call.grad, first, level, column), reach);
    });
  }
};

template <class AnyPass>
void read(const AnyPass& pass) {
  const int64_t n_blocks = (pass.call.n + kBlock - 1) / kBlock;
  std::atomic<int64_t> next{0};
  parallel(int(std::min<int64_t>(pass.call.n_threads, n_blocks)), [&](int) {
    for (int64_t block; (block = next++) < n_blocks;) pass.read_block(block * kBlock);
  });
}

template <class AnyPass>
void scatter(const AnyPass& pass) {
  const int n_levels = pass.shape.n_levels;
  const int64_t n_blocks = (pass.call.n + kBlock - 1) / kBlock;  // a thread is worth waking for as many points
  const int n_parts = int(std::max<int64_t>(1, std::min<int64_t>({pass.call.n_threads, n_levels, n_blocks})));
  parallel(n_parts, [&](int part) { pass.scatter_levels(part * n_levels / n_parts, (part + 1) * n_levels / n_parts); });
}

}  // namespace grid

UNGRID_EXPORT int ungrid_grid_read(const grid::Shape* shape, const grid::Level* levels, const grid::Call* call) {
  return guarded([&] {
    grid::dispatch(*shape, [&](auto d, auto taps) { grid::read(grid::Pass<d(), taps()>{*shape, levels, *call}); });
  });
}

UNGRID_EXPORT int ungrid_grid_scatter(const grid::Shape* shape, const grid::Level* levels, const grid::Call* call) {
  return guarded([&] {
    grid::dispatch(*shape, [&](auto d, auto taps) { grid::scatter(grid::Pass<d(), taps()>{*shape, levels, *call}); });
  });
}
