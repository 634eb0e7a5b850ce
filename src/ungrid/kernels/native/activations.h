// The pointwise functions between the layers of a network, each with its way back. Those that differentiate cheaply from
// their result keep the result for the backward pass ("kept") and have `back`: the gradient of what went in, out of that of
// the result. The others keep what went in and have `recall`. A `light` one costs less than to store its result.
#pragma once
#include "sine.h"

enum Activation { kSine, kRelu, kLeakyRelu, kTanh, kSigmoid, kSilu };  // in Python: mlp_native.ACTIVATIONS
enum OutputActivation { kNone, kSigmoidOutput };                      // in Python: mlp_native.OUTPUT_ACTIVATIONS

// exp(x) for x ≤ 0, relative error below 2e-7.
static inline Vec exp_of_negative(Vec x) {
  x = select(x < broadcast(-87.0f), broadcast(-87.0f), x);  // not a number stays so
  const Vec shifted = fma(x, broadcast(1.442695041f), broadcast(sine_parts::kRound));
  const Vec power = shifted - broadcast(sine_parts::kRound);
  const Vec r = fma(power, broadcast(2.1219444e-4f), fma(power, broadcast(-0.693359375f), x));  // log 2 in two parts
  Vec p = fma(r, broadcast(1.395052415e-3f), broadcast(8.368908428e-3f));
  p = fma(p, r, broadcast(4.166620597e-2f));
  p = fma(p, r, broadcast(1.666651815e-1f));
  p = fma(p, r, broadcast(0.5f));
  p = fma(p, r * r, r) + 1.0f;
  return p * as_float((as_int(shifted) << 23) + as_int(broadcast(1.0f)));  // 2ᵖ, in the exponent's bits
}

static inline Vec sigmoid(Vec x) {
  const Vec e = exp_of_negative(-abs(x)), p = 1.0f / (1.0f + e);
  return select(x < Vec{}, e * p, p);
}

static inline Vec tanh(Vec x) {
  const Vec square = x * x;
  Vec p = fma(square, broadcast(1.645874791e-2f), broadcast(-5.268413946e-2f));
  p = fma(p, square, broadcast(1.332094222e-1f));
  p = fma(p, square, broadcast(-3.333295882e-1f));
  const Vec e = exp_of_negative(-2.0f * abs(x)), far = (1.0f - e) / (1.0f + e);
  return select(abs(x) < broadcast(0.55f), fma(p * square, x, x), select(x < Vec{}, -far, far));
}

// What the backward pass needs of one element.
struct Recalled {
  Vec result, slope;
};

template <Activation kind>
struct Pointwise;

template <>
struct Pointwise<kSine> {
  static constexpr bool keeps_result = false, light = false;
  static Vec apply(Vec x) { return sine(x); }
  static Recalled recall(Vec x) {
    const SineCosine both = sine_cosine(x);
    return {both.sine, both.cosine};
  }
};

template <>
struct Pointwise<kRelu> {
  static constexpr bool keeps_result = true, light = true;
  static Vec apply(Vec x) { return select(x < Vec{}, Vec{}, x); }  // not a number stays so, as in torch
  static Vec back(Vec grad, Vec y) { return select(y <= Vec{}, Vec{}, grad); }
};

template <>
struct Pointwise<kLeakyRelu> {
  static constexpr bool keeps_result = true, light = true;
  static Vec apply(Vec x) { return select(x < Vec{}, 0.01f * x, x); }
  static Vec back(Vec grad, Vec y) { return select(y > Vec{}, grad, 0.01f * grad); }
};

template <>
struct Pointwise<kTanh> {
  static constexpr bool keeps_result = true, light = false;
  static Vec apply(Vec x) { return tanh(x); }
  static Vec back(Vec grad, Vec y) { return grad * (1.0f - y * y); }
};

template <>
struct Pointwise<kSigmoid> {
  static constexpr bool keeps_result = true, light = false;
  static Vec apply(Vec x) { return sigmoid(x); }
  static Vec back(Vec grad, Vec y) { return grad * (y * (1.0f - y)); }
};

template <>
struct Pointwise<kSilu> {
  static constexpr bool keeps_result = false, light = false;
  static Vec apply(Vec x) { return x * sigmoid(x); }
  static Recalled recall(Vec x) {
    const Vec s = sigmoid(x), y = x * s;
    return {y, s + y * (1.0f - s)};
  }
};

// Calls body with the Pointwise of an activation that is known at run time.
template <class Body>
static inline void with_activation(int64_t kind, Body&& body) {
  switch (kind) {
    case kSine: return body(Pointwise<kSine>{});
    case kRelu: return body(Pointwise<kRelu>{});
    case kLeakyRelu: return body(Pointwise<kLeakyRelu>{});
    case kTanh: return body(Pointwise<kTanh>{});
    case kSigmoid: return body(Pointwise<kSigmoid>{});
    default: return body(Pointwise<kSilu>{});
  }
}
