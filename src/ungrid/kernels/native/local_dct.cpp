// The DCT of all overlapping blocks of a grid: mean squares of its coefficients, the operator Fᵀ W F, and its diagonal.
//
// A block starts at every sample that leaves room for it. Along x they go by kLanes, in tiles that stay in the nearest cache.
// Work is shared out by bands of blocks along the outermost axis; samples that two bands reach are summed in their order, so
// the results are the same bits for any number of threads.
#include <algorithm>
#include <array>
#include <atomic>
#include <type_traits>
#include <vector>

#include "blur.h"
#include "dct.h"
#include "library.h"
#include "pool.h"

namespace local_dct {

constexpr int64_t kTile = 256;  // blocks along x: their rows, at most 16, and what they add to the samples are 32 KiB
constexpr int64_t kBand = 16;   // blocks along the outermost axis, at least as many as a block has samples
constexpr int64_t kLargestBlock = 16;
constexpr int64_t kRow = padded(kTile + 2 * kLargestBlock) + kLanes;

// One call's arrays; a grid of fewer than three axes has a size and a block of 1 along the first.
struct Call {
  const float* values;  // [n_channels, *shape]
  float* spectrum;      // [z blocks, y blocks, coefficients but the constant, x blocks]: written by `energies`, else read
  float* result;        // [n_channels, *shape]
  int64_t n_channels;
  int64_t shape[3];
  int64_t block[3];
  int64_t n_threads;
};

template <int NZ, int NY, int NX>
struct Blocks {
  static constexpr int kRows = NZ * NY, kOuter = NZ > 1 ? 0 : 1;  // axis that bands divide
  static constexpr int kOverhang = (NZ > 1 ? NZ : NY) - 1;        // samples along it that a band shares with the next
  explicit Blocks(const Call& which) : call(which) {}

  const Call& call;
  const int64_t blocks[3] = {call.shape[0] - NZ + 1, call.shape[1] - NY + 1, call.shape[2] - NX + 1};
  const int64_t n_bands = (blocks[kOuter] + kBand - 1) / kBand;
  const int64_t per_step = (kOuter == 0 ? call.shape[1] : 1) * call.shape[2];  // samples of a channel at one outer position
  const int64_t n_samples = call.shape[0] * call.shape[1] * call.shape[2];
  std::vector<float> overhangs;  // [bands, channels, kOverhang, per_step]

  // The blocks of a tile: at (z, y) and x … x + n − 1.
  struct Tile {
    int64_t z, y, x, n;
  };
  struct Work {
    alignas(64) float rows[kRows][kRow];
    alignas(64) float parts[NX][kRow]{};  // what coefficients add to the j-th sample of their block, from place kLanes on
    alignas(64) float zeros[kTile]{}, unused[kTile];
  };

  void transform_rows(Work& work, const Tile& tile, int64_t channel) const {
    const float* from = call.values + channel * n_samples + (tile.z * call.shape[1] + tile.y) * call.shape[2] + tile.x;
    const int64_t width = tile.n + NX - 1;
    for (int64_t x = 0; x < padded(width); x += kLanes) {
      Vec a[NZ][NY];
      for (int z = 0; z < NZ; ++z) {
        for (int y = 0; y < NY; ++y) a[z][y] = load_some(from + (z * call.shape[1] + y) * call.shape[2] + x, width - x);
        Dct<NY>::forward(a[z]);
      }
      along_z(a, [](Vec(&column)[NZ]) { Dct<NZ>::forward(column); });
      for (int r = 0; r < kRows; ++r) store(work.rows[r] + x, a[r / NY][r % NY]);
    }
    for (int r = 0; r < kRows; ++r) std::fill_n(work.rows[r] + padded(width), NX + kLanes, 0.f);
  }

  template <class Change>
  static void along_z(Vec (&a)[NZ][NY], Change change) {
    if (NZ == 1) return;
    for (int y = 0; y < NY; ++y) {
      Vec column[NZ];
      for (int z = 0; z < NZ; ++z) column[z] = a[z][y];
      change(column);
      for (int z = 0; z < NZ; ++z) a[z][y] = column[z];
    }
  }

  // Where the coefficients of row r begin. The constant has no place: there is `other`.
  std::array<float*, NX> coefficients_of(const Tile& tile, int r, float* other) const {
    float* first = call.spectrum + (tile.z * blocks[1] + tile.y) * (kRows * NX - 1) * blocks[2] + tile.x;
    std::array<float*, NX> at;
    for (int l = 0; l < NX; ++l) at[l] = r == 0 && l == 0 ? other : first + (r * NX + l - 1) * blocks[2];
    return at;
  }

  // Calls visit(x, how many) for n blocks, kLanes at a time; `how many` is the constant kLanes but for the last.
  template <class Visit>
  static void by_lanes(int64_t n, Visit visit) {
    int64_t x = 0;
    for (; x + kLanes <= n; x += kLanes) visit(x, std::integral_constant<int, kLanes>{});
    if (x < n) visit(x, int(n - x));
  }

  static void load_coefficients(Vec (&a)[NX], const float* row) {
    for (int j = 0; j < NX; ++j) a[j] = load(row + j);
    Dct<NX>::forward(a);
  }

  void add_energies(Work& work, const Tile& tile) const {
    const Vec share = broadcast(1.0f / call.n_channels);
    for (int64_t channel = 0; channel < call.n_channels; ++channel) {
      transform_rows(work, tile, channel);
      for (int r = 0; r < kRows; ++r) {
        const auto to = coefficients_of(tile, r, work.unused);
        by_lanes(tile.n, [&](int64_t x, auto n) {
          Vec a[NX];
          load_coefficients(a, work.rows[r] + x);
          for (int l = 0; l < NX; ++l) {
            const Vec others = channel ? load_some(to[l] + x, n) : Vec{};
            store_some(to[l] + x, fma(share * a[l], a[l], others), n);
          }
        });
      }
    }
  }

  void weigh_row(Work& work, const Tile& tile, int r) const {
    const auto from = coefficients_of(tile, r, work.zeros), next = coefficients_of(tile, std::min(r + 1, kRows - 1), work.zeros);
    by_lanes(tile.n, [&](int64_t x, auto n) {
      Vec a[NX];
      for (int l = 0; l < NX; ++l) __builtin_prefetch(next[l] + x);
      load_coefficients(a, work.rows[r] + x);
      for (int l = 0; l < NX; ++l) a[l] *= load_some(from[l] + x, n);
      Dct<NX>::backward(a);
      for (int j = 0; j < NX; ++j) store(work.parts[j] + kLanes + x, a[j]);
    });
  }

  void square_row(Work& work, const Tile& tile, int r) const {
    const auto from = coefficients_of(tile, r, work.zeros);
    by_lanes(tile.n, [&](int64_t x, auto n) {
      Vec a[NX];
      for (int l = 0; l < NX; ++l) a[l] = load_some(from[l] + x, n);
      Dct<NX>::backward_of_squares(a);
      for (int j = 0; j < NX; ++j) store(work.parts[j] + kLanes + x, a[j]);
    });
  }

  // Row r becomes, at each sample, the sum of what the blocks over it add.
  static void gather_row(Work& work, int r, int64_t n) {
    for (int64_t x = 0; x < n + NX - 1; x += kLanes) {
      Vec sum{};
      for (int j = 0; j < NX; ++j) sum += load(work.parts[j] + kLanes + x - j);
      store(work.rows[r] + x, sum);
    }
  }

  template <class Line>
  void add_rows(Work& work, const Tile& tile, bool squares, Line line) const {
    const int64_t width = tile.n + NX - 1;
    for (int64_t x = 0; x < width; x += kLanes) {
      Vec a[NZ][NY];
      for (int r = 0; r < kRows; ++r) a[r / NY][r % NY] = load(work.rows[r] + x);
      along_z(a, [&](Vec(&column)[NZ]) {
        squares ? Dct<NZ>::backward_of_squares(column) : Dct<NZ>::backward(column);
      });
      for (int z = 0; z < NZ; ++z) {
        squares ? Dct<NY>::backward_of_squares(a[z]) : Dct<NY>::backward(a[z]);
        for (int y = 0; y < NY; ++y) {
          float* at = line(tile.z + z, tile.y + y) + tile.x + x;
          store_some(at, load_some(at, width - x) + a[z][y], width - x);
        }
      }
    }
  }

  // Calls visit(tile) for the blocks of a band, in order.
  template <class Visit>
  void visit_band(int64_t band, Visit visit) const {
    const int64_t first = band * kBand, end = std::min(first + kBand, blocks[kOuter]);
    for (int64_t z = kOuter == 0 ? first : 0; z < (kOuter == 0 ? end : 1); ++z)
      for (int64_t y = kOuter == 0 ? 0 : first; y < (kOuter == 0 ? blocks[1] : end); ++y)
        for (int64_t x = 0; x < blocks[2]; x += kTile) visit(Tile{z, y, x, std::min(kTile, blocks[2] - x)});
  }

  // Where a band adds to the samples of row (z, y): in the result, or beside it where the next band writes.
  float* line(int64_t band, int64_t channel, int64_t z, int64_t y) {
    const int64_t outer = kOuter == 0 ? z : y, inner = kOuter == 0 ? y * call.shape[2] : 0, end = (band + 1) * kBand;
    if (outer < end || band == n_bands - 1) return call.result + channel * n_samples + outer * per_step + inner;
    return &overhangs[((band * call.n_channels + channel) * kOverhang + outer - end) * per_step + inner];
  }

  template <class Row>
  void add_band(Work& work, int64_t band, bool squares, Row row) {
    visit_band(band, [&](const Tile& tile) {
      for (int64_t channel = 0; channel < call.n_channels; ++channel) {
        if (!squares) transform_rows(work, tile, channel);
        for (float* part : work.parts) std::fill_n(part + kLanes + padded(tile.n), NX + kLanes, 0.f);
        for (int r = 0; r < kRows; ++r) {
          row(work, tile, r);
          gather_row(work, r, tile.n);
        }
        add_rows(work, tile, squares, [&](int64_t z, int64_t y) { return line(band, channel, z, y); });
      }
    });
  }

  template <class Body>
  void by_bands(Body body) const {
    std::atomic<int64_t> next{0};
    parallel(int(std::min(call.n_threads, n_bands)), [&](int) {
      Work work;
      for (int64_t band; (band = next++) < n_bands;) body(work, band);
    });
  }

  void add_to_samples(bool squares) {
    std::fill_n(call.result, call.n_channels * n_samples, 0.f);
    overhangs.assign((n_bands - 1) * call.n_channels * kOverhang * per_step, 0.f);
    by_bands([&](Work& work, int64_t band) {
      if (squares) add_band(work, band, true, [this](Work& w, const Tile& tile, int r) { square_row(w, tile, r); });
      else add_band(work, band, false, [this](Work& w, const Tile& tile, int r) { weigh_row(w, tile, r); });
    });
    const int64_t n = kOverhang * per_step;
    for (int64_t part = 0; part < (n_bands - 1) * call.n_channels; ++part) {
      const int64_t band = part / call.n_channels, channel = part % call.n_channels;
      float* to = call.result + channel * n_samples + (band + 1) * kBand * per_step;
      for (int64_t i = 0; i < n; ++i) to[i] += overhangs[part * n + i];
    }
  }

  void energies() const {
    by_bands([&](Work& work, int64_t band) { visit_band(band, [&](const Tile& tile) { add_energies(work, tile); }); });
  }
};

// Calls run(blocks) with the block's size as compile-time constants; throws where there is no code for it.
template <class Run>
void dispatch(const Call& call, Run run) {
  const int64_t code = call.block[0] * 10000 + call.block[1] * 100 + call.block[2];
  switch (code) {
    case 10116: return run(Blocks<1, 1, 16>(call));
    case 10404: return run(Blocks<1, 4, 4>(call));
    case 10505: return run(Blocks<1, 5, 5>(call));
    case 10606: return run(Blocks<1, 6, 6>(call));
    case 10707: return run(Blocks<1, 7, 7>(call));
    case 10808: return run(Blocks<1, 8, 8>(call));
    case 40404: return run(Blocks<4, 4, 4>(call));
    default: throw 0;
  }
}

}  // namespace local_dct

UNGRID_EXPORT int ungrid_local_dct_energies(const local_dct::Call* call) {
  return guarded([&] { local_dct::dispatch(*call, [](auto&& blocks) { blocks.energies(); }); });
}

UNGRID_EXPORT int ungrid_local_dct_normal(const local_dct::Call* call) {
  return guarded([&] { local_dct::dispatch(*call, [](auto&& blocks) { blocks.add_to_samples(false); }); });
}

UNGRID_EXPORT int ungrid_local_dct_diagonal(const local_dct::Call* call) {
  return guarded([&] { local_dct::dispatch(*call, [](auto&& blocks) { blocks.add_to_samples(true); }); });
}

UNGRID_EXPORT int ungrid_blur_axis(const Blur* blur) {
  return guarded([&] { blur->run(); });
}
