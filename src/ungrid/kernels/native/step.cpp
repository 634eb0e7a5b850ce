// One crossing into native code for all that a step of a small fit computes before its optimizer.
#include "step.h"

#include "library.h"

// The network's values → their gradients, and the loss.
static void compare(StepCall& call) {
  const int64_t n = call.read.n, c = call.n_values;
  const double share = call.factor / static_cast<double>(n * c);
  float* grad = const_cast<float*>(call.network.grad_values);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    float row = 0;
    for (int64_t j = 0; j < c; ++j) {
      const float error = call.scale[j] * call.network.values[i * c + j] + call.offset[j] - call.targets[i * c + j];
      grad[i * c + j] = static_cast<float>(2 * share) * call.scale[j] * error;
      row += error * error;
    }
    sum += row;
  }
  call.loss = share * sum;
}

UNGRID_EXPORT int ungrid_step(StepCall* call) {
  int code = ungrid_grid_read(call->shape, call->levels, &call->read);
  if (!code) code = ungrid_mlp_forward(&call->network);
  if (code) return code;
  compare(*call);
  code = ungrid_mlp_backward(&call->network);
  return code ? code : ungrid_grid_scatter(call->shape, call->levels, &call->scatter);
}
