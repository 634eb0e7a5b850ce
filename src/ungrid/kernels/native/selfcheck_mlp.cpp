// Networks of odd sizes, with empty batches and groups, on one and more threads, in memory of exactly the right size.
#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include "mlp.h"
#include "selfcheck.h"

namespace {

using Numbers = std::vector<float>;

struct Problem {
  std::vector<int64_t> sizes, offsets;
  std::vector<Numbers> weights, biases;
  Numbers points, values, kept, grad_values, grad_points, omegas;
  std::vector<Numbers> grad_weights, grad_biases;
  std::vector<const float*> weight_at, bias_at;
  std::vector<float*> grad_weight_at, grad_bias_at;
  MlpCall call{};

  static Numbers any(int64_t n) {
    Numbers numbers(n);
    std::generate(numbers.begin(), numbers.end(), any_number);
    return numbers;
  }

  Problem(std::vector<int64_t> sizes_, std::vector<int64_t> offsets_, int activation, int threads)
      : sizes(std::move(sizes_)), offsets(std::move(offsets_)) {
    const int64_t n = offsets.back(), groups = static_cast<int64_t>(offsets.size()) - 1;
    call.n_layers = static_cast<int64_t>(sizes.size()) - 1;
    call.n_groups = groups, call.n_threads = threads;
    call.activation = activation, call.output_activation = activation % 2;
    for (int64_t l = 0; l < call.n_layers; ++l) {
      weights.push_back(any(groups * sizes[l] * sizes[l + 1])), biases.push_back(any(groups * sizes[l + 1]));
      grad_weights.emplace_back(weights[l].size()), grad_biases.emplace_back(biases[l].size());
      omegas.push_back(activation == 0 && l + 1 < call.n_layers ? 3.0f : 1.0f);
    }
    for (int64_t l = 0; l < call.n_layers; ++l) {
      weight_at.push_back(weights[l].data()), bias_at.push_back(biases[l].data());
      grad_weight_at.push_back(grad_weights[l].data()), grad_bias_at.push_back(grad_biases[l].data());
    }
    points = any(n * sizes.front()), grad_values = any(n * sizes.back());
    values.resize(n * sizes.back()), grad_points.resize(points.size());
    call.sizes = sizes.data(), call.offsets = offsets.data(), call.omegas = omegas.data();
    call.weights = weight_at.data(), call.biases = bias_at.data(), call.points = points.data(), call.values = values.data();
    call.grad_values = grad_values.data(), call.grad_points = grad_points.data();
    call.grad_weights = grad_weight_at.data(), call.grad_biases = grad_bias_at.data();
  }

  void run() {
    expect(ungrid_mlp_forward(&call) == 0, "the forward pass for values alone ends well");
    const Numbers alone = values;
    kept.resize(offsets.back() * ungrid_mlp_kept(&call));
    call.kept = kept.data();
    expect(ungrid_mlp_forward(&call) == 0, "the forward pass ends well");
    expect(values == alone, "values do not depend on what is kept");
    expect(ungrid_mlp_backward(&call) == 0, "the backward pass ends well");
  }

  // The sum of the values' gradients is that of the last biases, where the output has no activation.
  void check() const {
    const int64_t c = sizes.back();
    if (call.output_activation) return;
    for (size_t g = 0; g + 1 < offsets.size(); ++g)
      for (int64_t j = 0; j < c; ++j) {
        double sum = 0;
        for (int64_t i = offsets[g]; i < offsets[g + 1]; ++i) sum += grad_values[i * c + j];
        expect(std::abs(sum - grad_biases.back()[g * c + j]) < 1e-4, "the last biases' gradient is the sum over the points");
      }
  }
};

const Check mlp("mlp", [] {
  const std::vector<std::vector<int64_t>> networks = {{1, 1}, {2, 7, 33, 1}, {3, 100, 8}, {17, 16, 16, 5}, {5, 130, 3, 19},
                                                      {8, 32, 32, 3}, {6, 30, 2}, {4, 9, 4}};
  const std::vector<std::vector<int64_t>> batches = {{0, 0}, {0, 1}, {0, 701}, {0, 0, 5, 5, 90, 90}, {0, 3, 500}};
  for (const auto& sizes : networks)
    for (const auto& offsets : batches)
      for (int activation = 0; activation < 6; ++activation)
        for (int threads = 1; threads <= 3; ++threads) {
          Problem problem(sizes, offsets, activation, threads);
          problem.run();
          problem.check();
        }
});

const Check callers("mlp from several threads at once", [] {
  std::vector<Problem> problems;
  for (int i = 0; i < 3; ++i) problems.emplace_back(std::vector<int64_t>{2, 20, 3}, std::vector<int64_t>{0, 900}, 0, 2);
  std::vector<std::thread> threads;
  for (Problem& problem : problems) threads.emplace_back([&] {
    for (int i = 0; i < 20; ++i) problem.run();
  });
  for (std::thread& thread : threads) thread.join();
});

const Check apart("mlp without gradients of points or of weights", [] {
  for (const bool weights : {false, true}) {
    Problem problem({3, 9, 2}, {0, 77}, 5, 2);
    if (weights)
      problem.call.grad_points = nullptr;
    else
      problem.call.grad_weights = problem.call.grad_biases = nullptr;
    problem.run();
  }
});

}  // namespace
