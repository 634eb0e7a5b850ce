// Forward and backward passes of multilayer perceptrons, tile by tile: a few hundred points go through all layers while
// their activations stay in the cache.
#include <atomic>

#include "finishes.h"
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

// The same where few lanes would be used: values straight from the products.
void narrow_values(const MlpCall& call, const Layer& layer, const float* packed, Tile tile, Left seen) {
  const float* bias = packed + layer.bias_at;
  float* to = call.values + tile.first * layer.fan_out;
  const auto run = [&](auto finish) {
    multiply_narrow(tile.count, layer.fan_out, layer.fan_in, seen, packed + layer.forward_at, to, finish);
  };
  if (call.output_activation == kSigmoidOutput)
    run([bias](Vec sum, int v) { return sigmoid(sum + load(bias + v * kLanes)); });
  else
    run([bias](Vec sum, int v) { return sum + load(bias + v * kLanes); });
}

// A hidden layer: what it sees → results, and `sums`, which are the results where those are kept.
template <class F>
Left forward_layer(F, const Layer& layer, const float* packed, Tile tile, Left seen, float* sums, float* spare) {
  const auto product = [&](auto finish) {
    multiply(tile.count, layer.columns, layer.fan_in, seen, {packed + layer.forward_at, 0}, sums, layer.row, finish);
  };
  if constexpr (F::light) {
    product(Activated<F>(packed + layer.bias_at));
    return {sums, layer.row};
  } else {
    float* results = F::keeps_result ? sums : spare;
    product(Biased(packed + layer.bias_at));
    activate(F{}, tile.count, layer, sums, results);
    return {results, layer.row};
  }
}

void forward_tile(const MlpCall& call, const Plan& plan, const float* packed, Tile tile, float* scratch) {
  float* spare = scratch + plan.tile * plan.widest;
  Left seen{call.points + tile.first * plan[0].fan_in, plan[0].fan_in};
  with_activation(call.activation, [&](auto f) {
    for (int64_t l = 0; l + 1 < plan.n_layers(); ++l) {
      seen = forward_layer(f, plan[l], packed, tile, seen, call.kept ? kept(call, plan, plan[l], tile) : scratch, scratch);
      std::swap(scratch, spare);
    }
  });
  const Layer& last = plan.layers.back();
  if (last.narrow) return narrow_values(call, last, packed, tile, seen);
  const Biased finish(packed + last.bias_at);
  multiply(tile.count, last.columns, last.fan_in, seen, {packed + last.forward_at, 0}, scratch, last.row, finish);
  finish_values(call, last, tile, scratch);
}

// ---- backward

// Adds rows without gaps of fewer than kLanes columns: those of kLanes rows fill as many vectors as there are columns.
void add_dense_rows(int64_t rows, int64_t columns, const float* from, float* to) {
  const auto add = [&](int64_t n, const float* more) {
    for (int64_t i = 0; i < n; ++i, more += columns)
      for (int64_t j = 0; j < columns; ++j) to[j] += more[j];
  };
  float sums[kLanes * kLanes] = {};
  for (; rows >= kLanes; rows -= kLanes, from += columns * kLanes)
    for (int64_t v = 0; v < columns * kLanes; v += kLanes) store(sums + v, load(sums + v) + load(from + v));
  add(kLanes, sums);
  add(rows, from);
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

// The gradient of the last layer's sums, and what it gives to that of the biases. It comes to `spare`, unless it is that of
// the values as they are; a network of one layer needs it padded.
Left start_backward(const MlpCall& call, const Plan& plan, Tile tile, float* spare, float* totals) {
  const Layer& layer = plan.layers.back();
  const float* grads = call.grad_values + tile.first * layer.fan_out;
  const float* values = call.values + tile.first * layer.fan_out;
  if (plan.n_layers() > 1 && layer.fan_out < kLanes && call.output_activation == kNone) {
    if (totals) add_dense_rows(tile.count, layer.fan_out, grads, totals + layer.grad_bias_at);
    return {grads, layer.fan_out};
  }
  float* to = spare;
  for (int64_t i = 0; i < tile.count; ++i, to += layer.row, grads += layer.fan_out, values += layer.fan_out)
    for (int64_t j = 0; j < layer.fan_out; j += kLanes) {
      Vec grad = load_first(grads + j, layer.fan_out - j);
      if (call.output_activation == kSigmoidOutput) grad = Pointwise<kSigmoid>::back(grad, load_first(values + j, layer.fan_out - j));
      store(to + j, grad);
    }
  if (totals) add_rows(tile.count, layer, spare, totals + layer.grad_bias_at);
  return {spare, layer.row};
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

// The gradient of the points, out of that of the first layer's sums.
void finish_points(const MlpCall& call, const Layer& layer, const float* packed, Tile tile, Left grads, float* scratch) {
  const float* weights = packed + layer.backward_at;
  const int64_t row = padded(layer.fan_in);
  float* to = call.grad_points + tile.first * layer.fan_in;
  if (layer.narrow_back)
    return multiply_narrow(tile.count, layer.fan_in, layer.fan_out, grads, weights, to, [](Vec sum, int) { return sum; });
  if (row == layer.fan_in) return multiply(tile.count, row, layer.fan_out, grads, {weights, 0}, to, row);
  multiply(tile.count, row, layer.fan_out, grads, {weights, 0}, scratch, row);
  for (int64_t i = 0; i < tile.count; ++i)
    for (int64_t j = 0; j < layer.fan_in; j += kLanes)
      store_first(to + i * layer.fan_in + j, load(scratch + i * row + j), layer.fan_in - j);
}

constexpr int kBackwardParts = 4;  // results, slopes, and two layers' gradients of a tile

// The gradients of a layer's weights, and those of the sums, which come to `next`, and of the biases of the layer before it.
template <class F>
void backward_layer(F f, const MlpCall& call, const Plan& plan, int64_t l, const float* packed, Tile tile, Left grads, float* next,
                    float* spare, float* totals) {
  const Layer &layer = plan[l], &before = plan[l - 1];
  const float *results = kept(call, plan, before, tile), *known = results;
  if constexpr (!F::keeps_result) {
    float* slopes = spare + plan.tile * plan.widest;
    recall(f, tile.count, before, results, spare, slopes);
    results = spare, known = slopes;
  }
  const Right seen{results, before.row};
  if (totals) add_transposed(layer.fan_out, layer.grad_row, tile.count, grads, seen, totals + layer.grad_at, layer.grad_row);
  const WayBack<F> finish{known, next, totals ? totals + before.grad_bias_at : nullptr};
  multiply(tile.count, before.columns, layer.fan_out, grads, {packed + layer.backward_at, 0}, next, before.row, finish);
}

// `totals` are the sums of the gradients of the parameters, or null.
void backward_tile(const MlpCall& call, const Plan& plan, const float* packed, Tile tile, float* scratch, float* totals) {
  const int64_t part = plan.tile * plan.widest;
  float *spare = scratch + 2 * part, *next = scratch + part;
  Left grads = start_backward(call, plan, tile, scratch, totals);
  with_activation(call.activation, [&](auto f) {
    for (int64_t l = plan.n_layers() - 1; l > 0; --l) {
      backward_layer(f, call, plan, l, packed, tile, grads, next, spare, totals);
      grads = {next, plan[l - 1].row};
      std::swap(scratch, next);
    }
  });
  const Layer& first = plan[0];
  const Left points{call.points + tile.first * first.fan_in, first.fan_in};
  const Right at_sums{grads.at, grads.row};
  if (totals) add_transposed(first.fan_in, first.grad_row, tile.count, points, at_sums, totals + first.grad_at, first.grad_row);
  if (call.grad_points) finish_points(call, first, packed, tile, grads, next);
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
        backward_tile(call, plan, space.packed.get(), tile, scratch, sums ? space.sums.get() + part * plan.grads : nullptr);
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
