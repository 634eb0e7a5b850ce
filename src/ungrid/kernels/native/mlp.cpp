// Forward and backward passes of multilayer perceptrons, tile by tile: a few hundred points go through all layers while
// their activations stay in the cache.
#include <atomic>

#include "activations.h"
#include "library.h"
#include "mlp_plan.h"
#include "pool.h"

namespace {

// A run of one group's points, at most plan.tile of them.
struct Tile {
  int64_t first, count;
};

// A hidden layer's part of what is kept of a tile's points, layer after layer.
float* kept(const MlpCall& call, const Plan& plan, const Layer& layer, Tile tile) {
  return call.kept + tile.first * plan.kept + tile.count * layer.kept;
}

// ---- forward

// Hidden sums → results, also in place.
template <class F>
void activate(F, int64_t rows, const Layer& layer, const float* sums, float* results) {
  for (int64_t i = 0; i < rows * layer.row; i += layer.row)
    for (int64_t j = i; j < i + layer.columns; j += kLanes) store(results + j, F::apply(load(sums + j)));
}

void finish_values(const MlpCall& call, const Layer& layer, Tile tile, const float* sums) {
  const bool squash = call.output_activation == kSigmoidOutput;
  float* to = call.values + tile.first * layer.fan_out;
  for (int64_t i = 0; i < tile.count; ++i, sums += layer.row, to += layer.fan_out)
    for (int64_t j = 0; j < layer.fan_out; j += kLanes)
      store_first(to + j, squash ? sigmoid(load(sums + j)) : load(sums + j), layer.fan_out - j);
}

void forward_tile(const MlpCall& call, const Plan& plan, const float* packed, Tile tile, float* scratch) {
  float* spare = scratch + plan.tile * plan.widest;
  Left input{call.points + tile.first * plan[0].fan_in, plan[0].fan_in, 1};
  for (int64_t l = 0; l < plan.n_layers(); ++l) {
    const Layer& layer = plan[l];
    const bool last = l + 1 == plan.n_layers();
    float* sums = call.kept && !last ? kept(call, plan, layer, tile) : scratch;
    multiply(tile.count, layer.columns, layer.fan_in, input, {packed + layer.forward_at, 0}, sums, layer.row,
             {packed + layer.bias_at, false});
    if (last) return finish_values(call, layer, tile, sums);
    with_activation(call.activation, [&](auto f) {
      float* results = f.keeps_result ? sums : scratch;
      activate(f, tile.count, layer, sums, results);
      input = {results, layer.row, 1};
    });
    std::swap(scratch, spare);
  }
}

// ---- backward

// The gradient of the last layer's sums.
void start_backward(const MlpCall& call, const Layer& layer, Tile tile, float* to) {
  const float* grads = call.grad_values + tile.first * layer.fan_out;
  const float* values = call.values + tile.first * layer.fan_out;
  for (int64_t i = 0; i < tile.count; ++i, to += layer.row, grads += layer.fan_out, values += layer.fan_out)
    for (int64_t j = 0; j < layer.fan_out; j += kLanes) {
      Vec slope = broadcast(1.0f);
      if (call.output_activation == kSigmoidOutput) slope = Pointwise<kSigmoid>::recall(load_first(values + j, layer.fan_out - j)).slope;
      store(to + j, load_first(grads + j, layer.fan_out - j) * slope);
    }
}

// The results and slopes of a hidden layer, out of the sums that were kept.
template <class F>
void recall(F, int64_t rows, const Layer& layer, const float* sums, float* results, float* slopes) {
  for (int64_t i = 0; i < rows * layer.row; i += layer.row)
    for (int64_t j = i; j < i + layer.columns; j += kLanes) {
      const Recalled both = F::recall(load(sums + j));
      store(results + j, both.result);
      store(slopes + j, both.slope);
    }
}

// Gradients of results → of sums; `known` are the results where they tell the slope, else the slopes.
template <class F>
void times_slope(F, int64_t rows, const Layer& layer, const float* known, float* grads) {
  for (int64_t i = 0; i < rows * layer.row; i += layer.row)
    for (int64_t j = i; j < i + layer.columns; j += kLanes) {
      const Vec x = load(known + j);
      store(grads + j, load(grads + j) * (F::keeps_result ? F::recall(x).slope : x));
    }
}

void add_rows(int64_t rows, const Layer& layer, const float* from, float* to) {
  for (int64_t j = 0; j < layer.columns; j += kLanes) {
    Vec even = load(to + j), odd{};
    for (int64_t i = 0; i + 1 < rows; i += 2) {
      even += load(from + i * layer.row + j);
      odd += load(from + (i + 1) * layer.row + j);
    }
    if (rows % 2) even += load(from + (rows - 1) * layer.row + j);
    store(to + j, even + odd);
  }
}

// Adds a tile's part to the gradients of a layer's weights and biases, given those of its sums and what it saw.
void add_parameters(const Layer& layer, bool first, Tile tile, const float* grads, Right seen, float* totals) {
  float* weights = totals + layer.grad_at;
  const Base add{nullptr, true};
  if (first)
    multiply(layer.fan_in, layer.grad_row, tile.count, {seen.at, 1, seen.row}, {grads, layer.row}, weights, layer.grad_row, add);
  else
    multiply(layer.fan_out, layer.grad_row, tile.count, {grads, 1, layer.row}, seen, weights, layer.grad_row, add);
  add_rows(tile.count, layer, grads, totals + layer.grad_bias_at);
}

void finish_points(const MlpCall& call, const Layer& layer, Tile tile, Left grads, Right weights, float* scratch) {
  const int64_t row = padded(layer.fan_in);
  multiply(tile.count, row, layer.fan_out, grads, weights, scratch, row, {});
  float* to = call.grad_points + tile.first * layer.fan_in;
  for (int64_t i = 0; i < tile.count; ++i)
    for (int64_t j = 0; j < layer.fan_in; j += kLanes)
      store_first(to + i * layer.fan_in + j, load(scratch + i * row + j), layer.fan_in - j);
}

constexpr int kBackwardParts = 4;  // results, slopes, and two layers' gradients of a tile

void backward_tile(const MlpCall& call, const Plan& plan, const float* packed, Tile tile, float* scratch, float* totals) {
  const int64_t part = plan.tile * plan.widest;
  float *grads = scratch, *next = scratch + part;
  start_backward(call, plan.layers.back(), tile, grads);
  for (int64_t l = plan.n_layers() - 1; l > 0; --l) {
    const Layer &layer = plan[l], &before = plan[l - 1];
    with_activation(call.activation, [&](auto f) {
      const float *results = kept(call, plan, before, tile), *known = results;
      if (!f.keeps_result) {
        recall(f, tile.count, before, results, scratch + 2 * part, scratch + 3 * part);
        results = scratch + 2 * part, known = scratch + 3 * part;
      }
      if (call.grad_weights) add_parameters(layer, false, tile, grads, {results, before.row}, totals);
      multiply(tile.count, before.columns, layer.fan_out, {grads, layer.row, 1}, {packed + layer.backward_at, 0}, next, before.row, {});
      times_slope(f, tile.count, before, known, next);
    });
    std::swap(grads, next);
  }
  const float* points = call.points + tile.first * plan[0].fan_in;
  if (call.grad_weights) add_parameters(plan[0], true, tile, grads, {points, plan[0].fan_in}, totals);
  if (call.grad_points) finish_points(call, plan[0], tile, {grads, plan[0].row, 1}, {packed + plan[0].backward_at, 0}, next);
}

// A group's gradients out of the sums of the parts, added in the parts' order.
void finish_grads(const MlpCall& call, const Plan& plan, int64_t group, int64_t n_parts, const float* sums) {
  for (int64_t l = 0; l < plan.n_layers(); ++l) {
    const Layer& layer = plan[l];
    float* weights = call.grad_weights[l] + group * layer.fan_out * layer.fan_in;
    float* biases = call.grad_biases[l] + group * layer.fan_out;
    const auto total = [&](int64_t at) {
      float sum = 0;
      for (int64_t part = 0; part < n_parts; ++part) sum += sums[part * plan.grads + at];
      return sum * call.omegas[l];
    };
    const int64_t across = l == 0 ? layer.grad_row : 1, along = l == 0 ? 1 : layer.grad_row;
    for (int64_t o = 0; o < layer.fan_out; ++o) {
      for (int64_t i = 0; i < layer.fan_in; ++i) weights[o * layer.fan_in + i] = total(layer.grad_at + o * along + i * across);
      biases[o] = total(layer.grad_bias_at + o);
    }
  }
}

// ---- threads

// The memory of one group at a time, worked on by n_parts threads.
struct Workspace {
  int64_t n_parts, part;
  Floats packed, scratch, sums;

  Workspace(const Plan& plan, int64_t n_parts, bool backward)
      : n_parts(n_parts),
        part((backward ? kBackwardParts : 2) * plan.tile * plan.widest),
        packed(plan.packed),
        scratch(n_parts * part),
        sums(backward ? n_parts * plan.grads : 0) {}
};

void clear_grads(const MlpCall& call, const Plan& plan, int64_t group) {
  for (int64_t l = 0; l < plan.n_layers(); ++l) {
    const int64_t n = plan[l].fan_out * plan[l].fan_in;
    std::fill_n(call.grad_weights[l] + group * n, n, 0.0f);
    std::fill_n(call.grad_biases[l] + group * plan[l].fan_out, plan[l].fan_out, 0.0f);
  }
}

void serve_group(const MlpCall& call, const Plan& plan, int64_t group, bool backward, const Workspace& space) {
  const int64_t first = call.offsets[group], end = call.offsets[group + 1];
  const int64_t n_tiles = (end - first + plan.tile - 1) / plan.tile, n_parts = std::min(n_tiles, space.n_parts);
  const bool sums = backward && call.grad_weights;
  if (first == end) return sums ? clear_grads(call, plan, group) : void();
  pack(call, plan, group, backward, space.packed.get());
  if (sums) std::fill_n(space.sums.get(), n_parts * plan.grads, 0.0f);
  parallel(static_cast<int>(n_parts), [&](int part) {
    float* scratch = space.scratch.get() + part * space.part;
    for (int64_t t = part * n_tiles / n_parts; t < (part + 1) * n_tiles / n_parts; ++t) {
      const Tile tile{first + t * plan.tile, std::min(plan.tile, end - first - t * plan.tile)};
      if (backward)
        backward_tile(call, plan, space.packed.get(), tile, scratch, space.sums.get() + part * plan.grads);
      else
        forward_tile(call, plan, space.packed.get(), tile, scratch);
    }
  });
  if (sums) finish_grads(call, plan, group, n_parts, space.sums.get());
}

// Many groups: each belongs to one thread, so that the result does not depend on their number. Few: all threads share each.
void serve(const MlpCall& call, bool backward) {
  const Plan plan(call);
  const bool shared = call.n_groups < call.n_threads;
  std::atomic<int64_t> next{0};
  parallel(shared ? 1 : static_cast<int>(call.n_threads), [&](int) {
    const Workspace space(plan, shared ? call.n_threads : 1, backward);
    for (int64_t group = next++; group < call.n_groups; group = next++) serve_group(call, plan, group, backward, space);
  });
}

}  // namespace

UNGRID_EXPORT int64_t ungrid_mlp_kept(const MlpCall* call) { return Plan(*call).kept; }

UNGRID_EXPORT int ungrid_mlp_forward(const MlpCall* call) {
  return guarded([&] { serve(*call, false); });
}

UNGRID_EXPORT int ungrid_mlp_backward(const MlpCall* call) {
  return guarded([&] { serve(*call, true); });
}
