// The filter bank and the local DCT on grids of every small size: their normal operators are symmetric and not negative.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "selfcheck.h"

namespace {

struct BankCall {  // filter_bank::Call of filter_bank.cpp
  const float *values, *weights, *taps;
  float* result;
  int64_t n_channels, height, width, n_threads;
};

struct BankMixture {  // filter_bank::Mixture of filter_bank.cpp
  float* energies;
  const float* taps;
  int64_t radius, height, width, n_threads;
  float noise;
};

struct DctCall {  // local_dct::Call of local_dct.cpp
  const float* values;
  float *spectrum, *result;
  int64_t n_channels, shape[3], block[3], n_threads;
};

struct BlurCall {  // Blur of blur.h
  float* data;
  const float* taps;
  int64_t radius, n_outer, n, n_inner, n_threads;
};

extern "C" int ungrid_filter_bank_energies(const BankCall*);
extern "C" int ungrid_filter_bank_normal(const BankCall*);
extern "C" int ungrid_filter_bank_diagonal(const BankCall*);
extern "C" int ungrid_filter_bank_weigh(const BankMixture*);
extern "C" int ungrid_local_dct_energies(const DctCall*);
extern "C" int ungrid_local_dct_normal(const DctCall*);
extern "C" int ungrid_local_dct_diagonal(const DctCall*);
extern "C" int ungrid_blur_axis(const BlurCall*);

using Numbers = std::vector<float>;

Numbers numbers(int64_t n) {
  Numbers all(n);
  std::generate(all.begin(), all.end(), any_number);
  return all;
}

Numbers magnitudes(int64_t n) {
  Numbers all = numbers(n);
  for (float& x : all) x = std::fabs(x) + 0.1f;
  return all;
}

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
  return sum;
}

// Aᵀ = A, and vᵀA v ≥ 0, of an operator that is called with values and a result.
template <class Operator>
void expect_normal(int64_t size, Operator&& apply) {
  const Numbers a = numbers(size), b = numbers(size);
  Numbers of_a(size), of_b(size);
  apply(a.data(), of_a.data());
  apply(b.data(), of_b.data());
  const double scale = 1e-4 * (std::sqrt(dot(of_a, of_a) * dot(b, b)) + 1e-3);
  expect(std::fabs(dot(of_a, b) - dot(a, of_b)) < scale, "the normal operator is symmetric");
  expect(dot(of_a, a) > -scale, "the normal operator is not negative");
}

void check_bank(int64_t channels, int64_t height, int64_t width, int64_t n_threads) {
  const int64_t size = height * width;
  const Numbers taps = numbers(25 * 13), squares = magnitudes(25 * 13), average(13, 1 / 13.0f);
  Numbers weights = magnitudes(13 * size), result(channels * size), energies(13 * size);
  expect_normal(channels * size, [&](const float* values, float* to) {
    const BankCall call{values, weights.data(), taps.data(), to, channels, height, width, n_threads};
    expect(ungrid_filter_bank_normal(&call) == 0, "the filter bank runs");
  });
  const BankCall energy{result.data(), nullptr, taps.data(), energies.data(), channels, height, width, n_threads};
  const BankCall diagonal{nullptr, weights.data(), squares.data(), result.data(), 1, height, width, n_threads};
  const BankMixture mixture{energies.data(), average.data(), 6, height, width, n_threads, 0.1f};
  const int status = ungrid_filter_bank_energies(&energy) | ungrid_filter_bank_diagonal(&diagonal) | ungrid_filter_bank_weigh(&mixture);
  expect(status == 0, "energies, diagonal and weights run");
  for (float weight : energies) expect(weight > 0 && weight < 1.0f / 13 / 0.1f * 1.01f, "equal filters share a weight");
}

void check_dct(std::vector<int64_t> shape, std::vector<int64_t> block, int64_t channels, int64_t n_threads) {
  int64_t size = 1, places = 1, coefficients = 1;
  for (int a = 0; a < 3; ++a) size *= shape[a], places *= shape[a] - block[a] + 1, coefficients *= block[a];
  Numbers weights = magnitudes(places * (coefficients - 1)), spectrum(weights.size()), result(channels * size);
  const auto call = [&](const float* values, float* spectrum_at, float* to) {
    return DctCall{values, spectrum_at, to, channels, {shape[0], shape[1], shape[2]}, {block[0], block[1], block[2]}, n_threads};
  };
  expect_normal(channels * size, [&](const float* values, float* to) {
    const DctCall normal = call(values, weights.data(), to);
    expect(ungrid_local_dct_normal(&normal) == 0, "the local DCT runs");
  });
  const DctCall energies = call(result.data(), spectrum.data(), nullptr), diagonal = call(nullptr, weights.data(), result.data());
  expect((ungrid_local_dct_energies(&energies) | ungrid_local_dct_diagonal(&diagonal)) == 0, "energies and diagonal run");
  const Numbers taps(7, 1 / 7.0f);
  const BlurCall blur{spectrum.data(), taps.data(), 3, 1, 1, int64_t(spectrum.size()), n_threads};
  expect(ungrid_blur_axis(&blur) == 0, "the blur runs");
}

const Check filters("filter bank and local DCT", [] {
  for (int64_t n_threads : {1, 3}) {
    for (int64_t height : {1, 2, 7, 40})
      for (int64_t width : {1, 3, 16, 37}) check_bank(2, height, width, n_threads);
    check_dct({1, 1, 16}, {1, 1, 16}, 1, n_threads);
    check_dct({1, 1, 50}, {1, 1, 16}, 2, n_threads);
    check_dct({4, 5, 21}, {4, 4, 4}, 2, n_threads);
    check_dct({9, 4, 7}, {4, 4, 4}, 1, n_threads);
  }
});

}  // namespace
