// Dense grid encoding on the tensor product of axis coordinates, one axis after another: the leading axes' nodes are summed
// into rows of nodes, in which each point then finds the few nodes of the last axis that it sees.
//
// Work goes by tiles: kRows rows of the result, and a block of the last axis, whose nodes and weights are found once for all
// rows. Tiles share nothing, so the results are the same bits for any number of threads.
#include <algorithm>
#include <atomic>
#include <vector>

#include "grid_corners.h"
#include "lanes.h"
#include "library.h"
#include "pool.h"

namespace grid {

constexpr int kRows = 4;
constexpr int kBlockPoints = 256;         // at most: the rows of nodes of 4 levels of 2 features then stay near
constexpr int64_t kNodeFloats = 1 << 18;  // of a tile's rows of nodes, at most, unless one vector of points takes more
// So a thread's memory is at most about 2 MiB, or 6 MiB for 64 levels of 1024 features.

static_assert(kRows <= kLanes, "a lane holds what a row sees of the leading axes");

// One call's arrays.
struct AxesCall {
  const float* const* coords;  // of each axis
  const int64_t* lengths;      // of each axis
  const float* const* tables;  // [*nodes, n_features] of each level
  float* features;             // [*lengths, n_levels · n_features]
  int32_t n_threads;
};

// What neighboring points see of a row of nodes: lane i belongs to feature i % n_features of point i / n_features.
template <int TAPS>
struct View {
  Vec weight[TAPS];
  IntVec lane;   // the first node's place in the row, from `base` on
  int32_t base;
  bool is_near;  // all lanes lie within a vector from `base` on
};

// n neighboring floats along a table's last axis, and where they go in a row of nodes.
struct Piece {
  int64_t from;
  int32_t to, n;
};

struct alignas(64) Line {
  float values[16];
};

// A thread's memory: what the points of a block see, and a tile's numbers on their way.
template <int TAPS>
struct Tile {
  int64_t block = -1, first = 0;
  int n = 0;                               // points of the block
  std::vector<View<TAPS>> views;           // [vectors, levels]
  std::vector<std::vector<Piece>> pieces;  // of each level
  std::vector<Line> nodes, sums;           // [levels, kRows, row_floats], [kRows, levels, sum_floats]
};

// Σ weight · row over COUNT rows of a table, for n floats of each; what follows them in `to` is overwritten, up to a vector.
template <int TAPS, int COUNT>
inline void sum_rows(float* to, const float* table, const uint32_t* start, const float* weight, int n) {
  for (int first = 0; first < COUNT; first += TAPS)
    for (int i = 0; i < n; i += kLanes) {
      Vec total = first ? load(to + i) : Vec{};
      for (int c = first; c < std::min(first + TAPS, COUNT); ++c)
        total += weight[c * kLanes] * load_first(table + start[c * kLanes] + i, n - i);
      store(to + i, total);
    }
}

// Columns of features that lie level after level become those of points, level after level of each.
template <int WIDTH>
inline void interleave(float* to, const float* from, int n_points, int n_levels, int n_features, int64_t level_stride) {
  for (int p = 0; p < n_points; ++p, from += n_features)
    for (int level = 0; level < n_levels; ++level, to += n_features)
      Row<WIDTH>::store(to, Row<WIDTH>::load(from + level * level_stride));
}

// The same for vectors of four levels, by two rounds of zips: of features, then of pairs of levels.
struct FourLevels {
  explicit FourLevels(int n_features) {
    for (int round = 0; round < 2; ++round)
      for (int i = 0; i < 2 * kLanes; ++i) {
        const int width = n_features << round, unit = i / width;
        lanes[round][i / kLanes][i % kLanes] = unit / 2 * width + unit % 2 * kLanes + i % width;
      }
  }

  void interleave(float* to, const float* from) const {
    Vec level[4], pair[4];
    for (int i = 0; i < 4; ++i) level[i] = load(from + i * kLanes);
    for (int i = 0; i < 4; ++i) pair[i] = permute(level[i / 2 * 2], level[i / 2 * 2 + 1], lanes[0][i % 2]);
    for (int i = 0; i < 4; ++i) store(to + i * kLanes, permute(pair[i / 2], pair[i / 2 + 2], lanes[1][i % 2]));
  }

  IntVec lanes[2][2];
};

// All levels of a grid of D axes and a kernel of TAPS nodes per axis.
template <int D, int TAPS>
struct AxesPass {
  static constexpr int COUNT = power(TAPS, D - 1);  // table rows that a row of nodes is summed from
  const Shape& shape;
  const Level* levels;
  const AxesCall& call;
  const int n_features = shape.n_features, n_levels = shape.n_levels;
  const int per_vector = std::max(1, kLanes / n_features);  // points
  const int64_t most_points = kNodeFloats / (int64_t(kRows) * n_levels * TAPS * n_features);
  const int block_points = std::max(1, int(std::min<int64_t>(kBlockPoints, most_points)) / per_vector) * per_vector;
  const int64_t row_floats = padded(int64_t(block_points) * TAPS * n_features + kLanes);
  const int64_t sum_floats = padded(int64_t(per_vector) * n_features);
  const int64_t n_points = call.lengths[D - 1];
  const bool is_zipped = kPermutes && n_levels == 4 && 2 * n_features <= kLanes && kLanes % n_features == 0;
  const FourLevels four_levels{n_features};

  // What the points of a block see.
  void view_block(Tile<TAPS>& tile, int64_t block) const {
    tile.block = block;
    tile.first = block * block_points;
    tile.n = int(std::min<int64_t>(block_points, n_points - tile.first));
    tile.views.resize(size_t(block_points / per_vector) * n_levels);
    tile.pieces.resize(n_levels);
    tile.nodes.resize(row_floats * kRows * n_levels / 16 + 1);
    tile.sums.resize(sum_floats * kRows * n_levels / 16 + 1);
    for (int level = 0; level < n_levels; ++level) view_level(tile, level);
  }

  void view_level(Tile<TAPS>& tile, int level) const {
    int32_t start[kBlockPoints + 2 * kLanes];  // cells at first, then places in the row of nodes
    float weight[TAPS][kBlockPoints + 2 * kLanes]{};
    for (int at = 0; at < tile.n; at += kLanes) {
      Axis<TAPS> axis;
      const Vec coord = load_first(call.coords[D - 1] + tile.first + at, tile.n - at);
      fill_axis(axis, above(coord), levels[level], D - 1, Kernel(shape.kernel), 0);
      std::memcpy(start + at, &axis.term[0], sizeof(UintVec));
      for (int tap = 0; tap < TAPS; ++tap) store(weight[tap] + at, axis.weight[tap]);
    }
    std::fill_n(start + tile.n, kLanes, start[tile.n - 1]);  // the last vector's lanes past the end are computed, not written
    place_nodes(tile, tile.pieces[level], start);
    IntVec point, feature, places;
    for (int i = 0; i < kLanes; ++i) point[i] = std::min(i / n_features, per_vector - 1), feature[i] = i % n_features;
    for (int at = 0, v = 0; at < tile.n; at += per_vector, ++v) {
      View<TAPS>& view = tile.views[size_t(v) * n_levels + level];
      view.base = std::min(start[at], start[at + per_vector - 1]);  // the first place, if the coordinates rise or fall
      std::memcpy(&places, start + at, sizeof places);
      view.lane = as_int(permute(as_float(places), point)) - view.base + feature;
      view.is_near = kPermutes && n_features <= kLanes && !any((view.lane < 0) | (view.lane >= kLanes));
      for (int tap = 0; tap < TAPS; ++tap) view.weight[tap] = permute(load(weight[tap] + at), point);
    }
  }

  // Turns the points' cells into places in the row of nodes, and says what that row holds: all from the first to the last node
  // or, where points lie so far apart that this would be more, each point's own.
  void place_nodes(const Tile<TAPS>& tile, std::vector<Piece>& pieces, int32_t* cells) const {
    int32_t first = cells[0], last = cells[0];
    for (int p = 1; p < tile.n; ++p) first = std::min(first, cells[p]), last = std::max(last, cells[p]);
    const int32_t n_nodes = last + TAPS - first;
    pieces.clear();
    if (n_nodes <= tile.n * TAPS) {
      pieces.push_back({int64_t(first) * n_features, 0, n_nodes * n_features});
      for (int p = 0; p < tile.n + kLanes; ++p) cells[p] = (cells[p] - first) * n_features;
      return;
    }
    const int32_t width = TAPS * n_features;
    for (int p = 0; p < tile.n; ++p) pieces.push_back({int64_t(cells[p]) * n_features, p * width, width});
    for (int p = 0; p < tile.n + kLanes; ++p) cells[p] = std::min(p, tile.n - 1) * width;
  }

  void read_tile(Tile<TAPS>& tile, int64_t first_row, int n_rows) const {
    sum_leading(tile, first_row, n_rows);
    const float* nodes = tile.nodes[0].values;
    float* sums = tile.sums[0].values;
    for (int at = 0, v = 0; at < tile.n; at += per_vector, ++v) {
      for (int level = 0; level < n_levels; ++level)
        sum_last(sums + level * sum_floats, nodes + level * kRows * row_floats, tile.views[size_t(v) * n_levels + level], n_rows);
      for (int r = 0; r < n_rows; ++r)
        write_points(first_row + r, tile.first + at, std::min(per_vector, tile.n - at), sums + r * n_levels * sum_floats);
    }
  }

  // The rows of nodes of all levels: sums over the nodes of the leading axes.
  void sum_leading(Tile<TAPS>& tile, int64_t first_row, int n_rows) const {
    Vec coords[D]{};
    for (int r = 0; r < n_rows; ++r) {
      int64_t left = first_row + r;
      for (int a = D - 2; a >= 0; --a) coords[a][r] = call.coords[a][left % call.lengths[a]], left /= call.lengths[a];
    }
    for (int level = 0; level < n_levels; ++level) {
      Corners<COUNT> corners;
      find_rows(corners, coords, levels[level]);
      const uint32_t* start = reinterpret_cast<const uint32_t*>(corners.start);
      const float* weight = reinterpret_cast<const float*>(corners.weight);
      for (int r = 0; r < n_rows; ++r) {
        float* to = tile.nodes[0].values + (level * kRows + r) * row_floats;
        for (const Piece& piece : tile.pieces[level])
          sum_rows<TAPS, COUNT>(to + piece.to, call.tables[level] + piece.from, start + r, weight + r, piece.n);
      }
    }
  }

  void find_rows(Corners<COUNT>& corners, const Vec* coords, const Level& level) const {
    if constexpr (D == 1) {
      corners.start[0] = UintVec{};
      corners.weight[0] = Vec{} + 1;
    } else {
      Axis<TAPS> axes[D - 1];
      for (int a = 0; a < D - 1; ++a) fill_axis(axes[a], above(coords[a]), level, a, Kernel(shape.kernel), 0);
      join_corners<D - 1, TAPS>(corners, axes, level, uint32_t(n_features));
    }
  }

  // A level's features of the points of a view, in each row.
  void sum_last(float* sums, const float* nodes, const View<TAPS>& view, int n_rows) const {
    if (!view.is_near) return sum_far(sums, nodes, view, n_rows);
    Vec weight[TAPS];
    for (int tap = 0; tap < TAPS; ++tap) weight[tap] = view.weight[tap];
    const IntVec lane = view.lane;
    nodes += view.base;
    for (int r = 0; r < n_rows; ++r, nodes += row_floats, sums += n_levels * sum_floats) {
      Vec total{};
      for (int tap = 0; tap < TAPS; ++tap) total += weight[tap] * permute(load(nodes + tap * n_features), lane);
      store(sums, total);
    }
  }

  void sum_far(float* sums, const float* nodes, const View<TAPS>& view, int n_rows) const {
    for (int r = 0; r < n_rows; ++r, nodes += row_floats, sums += n_levels * sum_floats)
      for (int p = 0; p < per_vector; ++p) {
        const float* from = nodes + view.base + view.lane[p * n_features];
        by_columns(n_features, [&](auto width, int column) {
          typename Row<width()>::type total{};
          for (int tap = 0; tap < TAPS; ++tap)
            total += view.weight[tap][p * n_features] * Row<width()>::load(from + tap * n_features + column);
          Row<width()>::store(sums + p * n_features + column, total);
        });
      }
  }

  void write_points(int64_t row, int64_t first, int n, const float* sums) const {
    float* to = call.features + (row * n_points + first) * n_levels * n_features;
    if (is_zipped && n == per_vector) return four_levels.interleave(to, sums);
    by_columns(n_features, [&](auto width, int column) {
      interleave<width()>(to + column, sums + column, n, n_levels, n_features, sum_floats);
    });
  }
};

template <int D, int TAPS>
void read_axes(const AxesPass<D, TAPS>& pass) {
  int64_t n_rows = 1;
  for (int a = 0; a < D - 1; ++a) n_rows *= pass.call.lengths[a];
  const int64_t n_groups = (n_rows + kRows - 1) / kRows;
  const int64_t n_tiles = n_groups * ((pass.n_points + pass.block_points - 1) / pass.block_points);
  std::atomic<int64_t> next{0};
  parallel(int(std::min<int64_t>(pass.call.n_threads, n_tiles)), [&](int) {
    Tile<TAPS> tile;
    for (int64_t at; (at = next++) < n_tiles;) {
      if (tile.block != at / n_groups) pass.view_block(tile, at / n_groups);
      const int64_t first_row = at % n_groups * kRows;
      pass.read_tile(tile, first_row, int(std::min<int64_t>(kRows, n_rows - first_row)));
    }
  });
}

}  // namespace grid

// Features on the grid of the given axis coordinates, of a grid of dense levels whose last axis is contiguous.
UNGRID_EXPORT int ungrid_grid_read_axes(const grid::Shape* shape, const grid::Level* levels, const grid::AxesCall* call) {
  return guarded([&] {
    grid::dispatch(*shape, [&](auto d, auto taps) { grid::read_axes(grid::AxesPass<d(), taps()>{*shape, levels, *call}); });
  });
}
