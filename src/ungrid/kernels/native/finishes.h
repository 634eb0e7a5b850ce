// What becomes of a product's sums while they are still in registers: see Unchanged in gemm.h.
#pragma once
#include <type_traits>

#include "activations.h"
#include "gemm.h"

// A layer's sums. The bias comes last, because sums that start at something large round every product to its precision.
struct Biased : Unchanged {
  const float* bias;

  explicit Biased(const float* bias) : bias(bias) {}
  Biased right(int64_t columns) const { return Biased(bias + columns); }
  Vec operator()(Vec sum, int64_t j, const float*) const { return sum + load(bias + j); }
};

// A hidden layer's results out of its sums.
template <class F>
struct Activated : Biased {
  using Biased::Biased;
  Activated right(int64_t columns) const { return Activated(bias + columns); }
  Vec operator()(Vec sum, int64_t j, const float*) const { return F::apply(sum + load(bias + j)); }
};

// The way back through a function whose slopes are known.
struct TimesKnown {
  static Vec back(Vec grad, Vec slope) { return grad * slope; }
};

// Gradients of a layer's results → of its sums, which are added up over the rows: the gradients of the biases.
template <class F>
struct SlopeApplied {
  static constexpr bool collects = true;
  const float* known;   // the results or, for TimesKnown, the slopes …
  const float* origin;  // … in the places that the gradients have from here on
  float* totals;                // one for each column, or null

  SlopeApplied right(int64_t columns) const { return {known, origin, totals ? totals + columns : nullptr}; }
  Vec operator()(Vec grad, int64_t, const float* to) const { return F::back(grad, load(known + (to - origin))); }
  void collect(Vec column, int64_t j) const {
    if (totals) store(totals + j, load(totals + j) + column);
  }
};

template <class F>
using WayBack = SlopeApplied<std::conditional_t<F::keeps_result, F, TimesKnown>>;
