// The squared error of a grid with a perceptron at points, and all its gradients.
#pragma once
#include "grid.h"
#include "mlp.h"

// What a call needs; step_native.CStep in Python has the same fields in the same order.
struct StepCall {
  const grid::Shape* shape;
  const grid::Level* levels;
  grid::Call read;       // coords, tables, features
  grid::Call scatter;    // coords, the features' gradient, the tables' gradients
  MlpCall network;       // features → values and back to the features' gradient
  const float* targets;  // [n, c]
  const float* scale;    // [c]: of the network's values
  const float* offset;   // [c]: added to them
  int64_t n_values;      // c
  double factor;         // of the mean over samples and channels
  double loss;           // comes back: factor · mean of (scale · value + offset - target)²
};

extern "C" int ungrid_step(StepCall* call);
