// A bank of kFilters symmetric filters of 7 × 7 taps on a picture that is mirrored about its border samples: mean squared
// responses, weights from them, the operator Σ Hᵀ (w · H v), and its diagonal. A filter is 25 numbers, since h(-d) = h(d): the samples at d and
// -d are added first, and each filter then costs 25 multiplications a sample instead of 49.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "library.h"
#include "pool.h"
#include "vec.h"

namespace filter_bank {

constexpr int kFilters = 13, kRadius = 3, kTaps = 25;  // taps[0] is the center's
constexpr int64_t kBandRows = 16;                      // rows that one job adds up; at least 2 · kRadius

struct Call {
  const float* values;   // [n_channels, height, width]
  const float* weights;  // [kFilters, height, width]
  const float* taps;     // [kTaps, kFilters]: center, then (0, 1) … (0, 3), (1, -3) … (3, 3)
  float* result;
  int64_t n_channels, height, width, n_threads;
};

struct Offsets {
  int64_t at[kTaps];
  explicit Offsets(int64_t stride) {
    int k = 0;
    at[k++] = 0;
    for (int64_t dy = 0; dy <= kRadius; ++dy)
      for (int64_t dx = dy ? -kRadius : 1; dx <= kRadius; ++dx) at[k++] = dy * stride + dx;
  }
};

// A picture with kRadius samples more on each side, and room for whole vectors at the end of its rows.
class Padded {
 public:
  Padded(int64_t height, int64_t width)
      : height_(height), width_(width), stride(padded(width) + 2 * kRadius + kLanes), data_((height + 2 * kRadius) * stride) {}

  float* row(int64_t y) { return data_.data() + (y + kRadius) * stride + kRadius; }
  const float* row(int64_t y) const { return data_.data() + (y + kRadius) * stride + kRadius; }

  void mirror(const float* values) {
    for (int64_t y = -kRadius; y < height_ + kRadius; ++y) {
      const float* from = values + mirrored(y, height_) * width_;
      float* to = row(y);
      std::copy(from, from + width_, to);
      for (int64_t x = 1; x <= kRadius; ++x) {
        to[-x] = from[mirrored(-x, width_)];
        to[width_ - 1 + x] = from[mirrored(width_ - 1 + x, width_)];
      }
    }
  }

  void clear() { std::fill(data_.begin(), data_.end(), 0.0f); }

  // The adjoint of `mirror`: what lies outside is added to the samples that it mirrors.
  void fold(float* values) const {
    std::fill(values, values + height_ * width_, 0.0f);
    for (int64_t y = -kRadius; y < height_ + kRadius; ++y) {
      const float* from = row(y);
      float* to = values + mirrored(y, height_) * width_;
      for (int64_t x = 0; x < width_; ++x) to[x] += from[x];
      for (int64_t x = 1; x <= kRadius; ++x) {
        to[mirrored(-x, width_)] += from[-x];
        to[mirrored(width_ - 1 + x, width_)] += from[width_ - 1 + x];
      }
    }
  }

 private:
  static int64_t mirrored(int64_t i, int64_t n) {
    if (n == 1) return 0;
    const int64_t period = 2 * n - 2;
    i = std::abs(i) % period;
    return i < n ? i : period - i;
  }

  int64_t height_, width_;

 public:
  const int64_t stride;

 private:
  std::vector<float> data_;
};

inline void respond(const float* at, const Offsets& offsets, const float* taps, Vec* responses) {
  Vec first = load(at);
  for (int j = 0; j < kFilters; ++j) responses[j] = broadcast(taps[j]) * first;
  for (int k = 1; k < kTaps; ++k) {
    const Vec pair = load(at + offsets.at[k]) + load(at - offsets.at[k]);
    const float* tap = taps + k * kFilters;
    for (int j = 0; j < kFilters; ++j) responses[j] = fma(broadcast(tap[j]), pair, responses[j]);
  }
}

inline void add(float* to, Vec values) { store(to, load(to) + values); }

// Adds Hᵀ of some rows' samples to the picture.
inline void spread(const Vec* samples, const Offsets& offsets, const float* taps, float* at) {
  for (int k = 0; k < kTaps; ++k) {
    const float* tap = taps + k * kFilters;
    Vec even = broadcast(tap[0]) * samples[0], odd = broadcast(tap[1]) * samples[1];
    for (int j = 2; j + 1 < kFilters; j += 2) {
      even = fma(broadcast(tap[j]), samples[j], even);
      odd = fma(broadcast(tap[j + 1]), samples[j + 1], odd);
    }
    if (kFilters % 2) even = fma(broadcast(tap[kFilters - 1]), samples[kFilters - 1], even);
    add(at + offsets.at[k], even + odd);
    if (k) add(at - offsets.at[k], even + odd);
  }
}

// Rows are added up band by band, first the even bands and then the odd ones: no two threads touch one row, and the order of
// the sums does not depend on the number of threads.
template <class Row>
void by_bands(const Call& call, Row&& row) {
  const int64_t n_bands = (call.height + kBandRows - 1) / kBandRows;
  for (int parity = 0; parity < 2; ++parity) {
    const int64_t n = (n_bands - parity + 1) / 2;
    const int n_parts = int(std::max<int64_t>(1, std::min(call.n_threads, n)));
    parallel(n_parts, [&](int part) {
      for (int64_t i = part * n / n_parts; i < (part + 1) * n / n_parts; ++i) {
        const int64_t first = (2 * i + parity) * kBandRows;
        for (int64_t y = first; y < std::min(first + kBandRows, call.height); ++y) row(y);
      }
    });
  }
}

void energies(const Call& call) {
  const int64_t size = call.height * call.width;
  std::fill(call.result, call.result + kFilters * size, 0.0f);
  Padded picture(call.height, call.width);
  const Offsets offsets(picture.stride);
  const Vec share = broadcast(1.0f / float(call.n_channels));
  for (int64_t c = 0; c < call.n_channels; ++c) {
    picture.mirror(call.values + c * size);
    by_bands(call, [&](int64_t y) {
      for (int64_t x = 0; x < call.width; x += kLanes) {
        Vec responses[kFilters];
        respond(picture.row(y) + x, offsets, call.taps, responses);
        for (int j = 0; j < kFilters; ++j) {
          float* to = call.result + j * size + y * call.width + x;
          const Vec sum = load_first(to, call.width - x) + share * responses[j] * responses[j];
          store_first(to, sum, call.width - x);
        }
      }
    });
  }
}

void normal(const Call& call) {
  const int64_t size = call.height * call.width;
  Padded picture(call.height, call.width), sums(call.height, call.width);
  const Offsets offsets(picture.stride);
  for (int64_t c = 0; c < call.n_channels; ++c) {
    picture.mirror(call.values + c * size);
    sums.clear();
    by_bands(call, [&](int64_t y) {
      for (int64_t x = 0; x < call.width; x += kLanes) {
        Vec responses[kFilters];
        respond(picture.row(y) + x, offsets, call.taps, responses);
        const float* weights = call.weights + y * call.width + x;
        for (int j = 0; j < kFilters; ++j) responses[j] *= load_first(weights + j * size, call.width - x);
        spread(responses, offsets, call.taps, sums.row(y) + x);
      }
    });
    sums.fold(call.result + c * size);
  }
}

// `taps` are the squared ones here.
void diagonal(const Call& call) {
  const int64_t size = call.height * call.width;
  Padded sums(call.height, call.width);
  const Offsets offsets(sums.stride);
  by_bands(call, [&](int64_t y) {
    for (int64_t x = 0; x < call.width; x += kLanes) {
      Vec samples[kFilters];
      const float* weights = call.weights + y * call.width + x;
      for (int j = 0; j < kFilters; ++j) samples[j] = load_first(weights + j * size, call.width - x);
      spread(samples, offsets, call.taps, sums.row(y) + x);
    }
  });
  sums.fold(call.result);
}

struct Mixture {
  float* energies;     // [kFilters, height, width], replaced by the weights
  const float* taps;   // [2 · radius + 1] of the average
  int64_t radius, height, width, n_threads;
  float noise;         // added to each average
};

// The weighted sum of neighbors along a row, or of rows; beyond the ends the last value goes on.
void average_plane(const Mixture& mixture, float* plane, std::vector<float>& rows, std::vector<float>& wide) {
  const int64_t radius = mixture.radius, height = mixture.height, width = mixture.width;
  for (int64_t y = 0; y < height; ++y) {
    const float* from = plane + y * width;
    std::fill_n(wide.begin(), radius, from[0]);
    std::copy_n(from, width, wide.begin() + radius);
    std::fill_n(wide.begin() + radius + width, radius, from[width - 1]);
    for (int64_t x = 0; x < width; x += kLanes) {
      Vec sum = {};
      for (int64_t k = 0; k <= 2 * radius; ++k) sum = fma(broadcast(mixture.taps[k]), load(&wide[x + k]), sum);
      store_first(&rows[y * width + x], sum, width - x);
    }
  }
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; x += kLanes) {
      Vec sum = {};
      for (int64_t k = -radius; k <= radius; ++k) {
        const int64_t row = std::min(std::max<int64_t>(y + k, 0), height - 1);
        sum = fma(broadcast(mixture.taps[k + radius]), load_first(&rows[row * width + x], width - x), sum);
      }
      store_first(plane + y * width + x, sum, width - x);
    }
  }
}

// Averages s_j of the energies, and from them the weights s_j^-3 / Σ s_i^-2.
void weigh(const Mixture& mixture) {
  const int64_t size = mixture.height * mixture.width;
  const int n_parts = int(std::max<int64_t>(1, std::min<int64_t>(mixture.n_threads, kFilters)));
  parallel(n_parts, [&](int part) {
    std::vector<float> rows(size), wide(mixture.width + 2 * mixture.radius + kLanes);
    for (int j = part; j < kFilters; j += n_parts) average_plane(mixture, mixture.energies + j * size, rows, wide);
  });
  parallel(n_parts, [&](int part) {
    for (int64_t i = part * size / n_parts, end = (part + 1) * size / n_parts; i < end; i += kLanes) {
      const int64_t n = std::min<int64_t>(kLanes, end - i);
      Vec scales[kFilters], total = {}, least = broadcast(3e38f);
      for (int j = 0; j < kFilters; ++j) {
        scales[j] = load_first(mixture.energies + j * size + i, n) + broadcast(mixture.noise);
        least = select(scales[j] < least, scales[j], least);
      }
      for (int j = 0; j < kFilters; ++j) {
        const Vec ratio = least / scales[j];  // at most 1: no power of it overflows
        total += ratio * ratio;
      }
      for (int j = 0; j < kFilters; ++j) {
        const Vec ratio = least / scales[j];
        store_first(mixture.energies + j * size + i, ratio * ratio / (total * scales[j]), n);
      }
    }
  });
}

}  // namespace filter_bank

UNGRID_EXPORT int ungrid_filter_bank_energies(const filter_bank::Call* call) {
  return guarded([&] { filter_bank::energies(*call); });
}

UNGRID_EXPORT int ungrid_filter_bank_normal(const filter_bank::Call* call) {
  return guarded([&] { filter_bank::normal(*call); });
}

UNGRID_EXPORT int ungrid_filter_bank_diagonal(const filter_bank::Call* call) {
  return guarded([&] { filter_bank::diagonal(*call); });
}

UNGRID_EXPORT int ungrid_filter_bank_weigh(const filter_bank::Mixture* mixture) {
  return guarded([&] { filter_bank::weigh(*mixture); });
}
