// A stack of multilayer perceptrons of equal sizes ("groups"), each with its own weights and its own run of points.
#pragma once
#include <cstdint>

// Everything a call needs; mlp_native.Call in Python has the same fields in the same order. All arrays are contiguous.
struct MlpCall {
  int64_t n_layers, n_groups, n_threads;
  int64_t activation, output_activation;  // numbers of activations.h
  const int64_t* sizes;                   // [n_layers + 1]: of the points, of each hidden layer, of the values
  const int64_t* offsets;                 // [n_groups + 1]: group g has the points offsets[g] … offsets[g + 1] - 1
  const float* omegas;                    // [n_layers]: what multiplies each layer's Wx + b; 1 but for sines
  const float* const* weights;            // [n_layers] of [groups, fan_out, fan_in]
  const float* const* biases;             // [n_layers] of [groups, fan_out]
  const float* points;                    // [n, in_dim]
  float* values;                          // [n, out_dim]; the backward pass reads them
  float* kept;                            // [n · ungrid_mlp_kept()], for the backward pass, or null
  const float* grad_values;               // [n, out_dim]
  float* const* grad_weights;             // as weights; null: not wanted, then neither are those of the biases
  float* const* grad_biases;              // as biases
  float* grad_points;                     // as points; null: not wanted
};

// Floats kept for each point.
extern "C" int64_t ungrid_mlp_kept(const MlpCall* call);
// Points → values, and `kept` where it is not null.
extern "C" int ungrid_mlp_forward(const MlpCall* call);
// grad_values → the gradients that are wanted, written and not added. Needs `kept` and the values of the forward pass.
extern "C" int ungrid_mlp_backward(const MlpCall* call);
