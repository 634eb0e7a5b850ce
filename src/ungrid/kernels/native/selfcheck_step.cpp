// A whole step: its gradients against differences of its loss, one point and many, one thread and two.
#include <cmath>
#include <vector>

#include "grid_corners.h"
#include "selfcheck.h"
#include "step.h"

namespace {

using Numbers = std::vector<float>;

Numbers numbers(int64_t n) {
  Numbers all(n);
  for (float& number : all) number = any_number();
  return all;
}

// One dense level of 5 × 5 nodes with two features, a hidden layer of 3, two values.
struct Step {
  int64_t n;
  int32_t n_threads;
  Numbers coords, targets, table = numbers(50), weights[2] = {numbers(6), numbers(6)}, biases[2] = {numbers(3), numbers(2)};
  Numbers grad_table = Numbers(50), grad_weights[2] = {Numbers(6), Numbers(6)}, grad_biases[2] = {Numbers(3), Numbers(2)};

  Step(int64_t n, int32_t n_threads) : n(n), n_threads(n_threads), coords(numbers(2 * n)), targets(numbers(2 * n)) {}

  double run() {
    grid::Level level{};
    level.n_rows = 25;
    for (int a = 0; a < 2; ++a) level.scale[a] = 2, level.last_cell[a] = 3, level.stride[a] = a ? 1 : 5;
    const grid::Shape shape{2, grid::kLinear, 1, 2};
    const int64_t sizes[] = {2, 3, 2}, offsets[] = {0, n};
    const float omegas[] = {1, 1}, scale[] = {0.5f, 2}, offset[] = {0.1f, -0.2f};
    float *tables[] = {table.data()}, *grads[] = {grad_table.data()};
    const float *w[] = {weights[0].data(), weights[1].data()}, *b[] = {biases[0].data(), biases[1].data()};
    float *gw[] = {grad_weights[0].data(), grad_weights[1].data()}, *gb[] = {grad_biases[0].data(), grad_biases[1].data()};
    MlpCall network{2, 1, n_threads, 5, 0, sizes, offsets, omegas, w, b};
    Numbers features(2 * n), grad_features(2 * n), values(2 * n), grad_values(2 * n), kept(n * ungrid_mlp_kept(&network));
    network.points = features.data(), network.values = values.data(), network.kept = kept.data();
    network.grad_values = grad_values.data(), network.grad_weights = gw, network.grad_biases = gb;
    network.grad_points = grad_features.data();
    StepCall call{&shape, &level, {}, {}, network, targets.data(), scale, offset, 2, 0.7, 0};
    call.read = {coords.data(), nullptr, nullptr, tables, features.data(), nullptr, n, n_threads};
    call.scatter = {coords.data(), nullptr, grad_features.data(), grads, nullptr, nullptr, n, n_threads};
    expect(ungrid_step(&call) == 0, "a step is made");
    return call.loss;
  }

  // Whether a number's gradient is the difference of the loss where the number differs.
  void compare(float& number, const float& gradient, const char* what) {
    run();
    const float expected = gradient, kept = number, step = 1e-2f;
    number = kept + step;
    const double above = run();
    number = kept - step;
    const double below = run();
    number = kept;
    expect(std::abs((above - below) / (2 * step) - expected) < 2e-3, what);
  }
};

const Check check("step", [] {
  for (int64_t n : {1, 5, 700})
    for (int32_t n_threads : {1, 2}) {
      Step step(n, n_threads);
      for (int64_t i = 0; i < 50; i += 7) step.compare(step.table[i], step.grad_table[i], "the table's gradient");
      for (int layer = 0; layer < 2; ++layer) {
        step.compare(step.weights[layer][4], step.grad_weights[layer][4], "a weight's gradient");
        step.compare(step.biases[layer][1], step.grad_biases[layer][1], "a bias's gradient");
      }
    }
});

}  // namespace
