// The sizes that follow from a call, the memory of one thread, and a group's weights as the products want them.
#pragma once
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "mlp.h"
#include "narrow.h"

// Floats at a multiple of 64 bytes, uninitialized.
class Floats {
 public:
  explicit Floats(int64_t n = 0) : at_(static_cast<float*>(std::aligned_alloc(64, (n * sizeof(float) / 64 + 1) * 64))) {
    if (!at_) throw std::bad_alloc();
  }
  float* get() const { return at_.get(); }

 private:
  struct Free {
    void operator()(float* at) const { std::free(at); }
  };
  std::unique_ptr<float, Free> at_;
};

struct Layer {
  int64_t fan_in, fan_out;
  int64_t columns;     // fan_out, padded to whole vectors
  int64_t row;         // floats from one point's results to the next's
  bool narrow;         // whether its sums come from narrow.h; so the last layer's only
  bool narrow_back;    // whether the gradients of what it sees do; so the first layer's only
  int64_t kept;        // where its part of a point's kept floats begins; the last layer has none
  int64_t grad_row;    // columns of its weights' gradient in scratch, and its rows: the first layer's is transposed, since
  int64_t grad_rows;   // its fan_in is often 2 or 3, a waste of a vector's lanes
  int64_t forward_at, backward_at, bias_at, grad_at, grad_bias_at;  // where its parts of a group's memory begin
};

struct Plan {
  std::vector<Layer> layers;
  int64_t tile;                         // points that go through all layers together
  int64_t widest = 0;                   // of the layers' rows, and the padded points'
  int64_t kept = 0, packed = 0, grads = 0;

  explicit Plan(const MlpCall& call) {
    for (int64_t l = 0; l < call.n_layers; ++l) {
      Layer layer;
      layer.fan_in = call.sizes[l];
      layer.fan_out = call.sizes[l + 1];
      layer.columns = padded(layer.fan_out);
      layer.row = layer.columns % 128 ? layer.columns : layer.columns + 16;  // rows 2ᵏ apart would share few cache lines
      layer.narrow = l + 1 == call.n_layers && is_narrow(layer.fan_out, layer.fan_in);
      layer.narrow_back = l == 0 && is_narrow(layer.fan_in, layer.fan_out);
      layer.kept = kept;
      if (l + 1 < call.n_layers) kept += layer.row;
      layer.grad_row = l == 0 ? layer.columns : padded(layer.fan_in);
      layer.grad_rows = l == 0 ? layer.fan_in : layer.fan_out;
      layer.forward_at = take(packed, std::max(layer.fan_in * layer.columns, narrow_size(layer.fan_out, layer.fan_in)));
      layer.backward_at = take(packed, std::max(layer.fan_out * padded(layer.fan_in), narrow_size(layer.fan_in, layer.fan_out)));
      layer.bias_at = take(packed, std::max(layer.columns, narrow_vecs(layer.fan_out) * kLanes));
      layer.grad_at = take(grads, layer.grad_rows * layer.grad_row);
      layer.grad_bias_at = take(grads, layer.columns);
      widest = std::max({widest, layer.row, padded(layer.fan_in)});
      layers.push_back(layer);
    }
    // One layer's results take at most about 100 KB, so that a few of them fit the second-level cache.
    tile = std::clamp<int64_t>(24576 / widest / kBlockRows, 8, 64) * kBlockRows;
  }

  const Layer& operator[](int64_t l) const { return layers[l]; }
  int64_t n_layers() const { return static_cast<int64_t>(layers.size()); }

 private:
  static int64_t take(int64_t& total, int64_t n) {
    const int64_t start = total;
    total += (n + 15) / 16 * 16;
    return start;
  }
};

// A group's weights, ω multiplied in, as panels for each direction.
static inline void pack(const MlpCall& call, const Plan& plan, int64_t group, bool backward, float* to) {
  for (int64_t l = 0; l < plan.n_layers(); ++l) {
    const Layer& layer = plan[l];
    const float* weights = call.weights[l] + group * layer.fan_out * layer.fan_in;
    if (backward) {
      if (layer.narrow_back)
        pack_narrow(weights, layer.fan_out, layer.fan_in, layer.fan_in, 1, call.omegas[l], to + layer.backward_at);
      else if (l > 0 || call.grad_points)
        pack_rows(weights, layer.fan_out, layer.fan_in, layer.fan_in, call.omegas[l], to + layer.backward_at);
      continue;
    }
    const float* biases = call.biases[l] + group * layer.fan_out;
    if (layer.narrow) {
      pack_narrow(weights, layer.fan_in, layer.fan_out, 1, layer.fan_in, call.omegas[l], to + layer.forward_at);
      pack_narrow_base(biases, layer.fan_out, call.omegas[l], to + layer.bias_at);
    } else {
      pack_transposed(weights, layer.fan_in, layer.fan_out, layer.fan_in, call.omegas[l], to + layer.forward_at);
      pack_rows(biases, 1, layer.fan_out, layer.fan_out, call.omegas[l], to + layer.bias_at);
    }
  }
}
