// Softmax regression on digits: ten linear classifiers over 784 pixels,
// trained by gradient descent in mini-batches. No dependency, no randomness:
// same arguments, same result, in the driver and in a task alike. It never
// writes to the digits it is given.

import type { Digits } from "./digits.ts";

/** A weight per pixel and class and a bias per class; also a gradient. */
export interface Model {
  /** 784 × 10, the ten classes of one pixel side by side. */
  readonly weights: Float64Array;
  readonly bias: Float64Array;
}

/** Trains a model on `digits`, with an L2 penalty on the weights. */
export function fit(digits: Digits, l2: number): Model {
  const model = newModel();
  const count = digits.labels.length;
  let step = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (let first = 0; first < count; first += BATCH) {
      const last = Math.min(first + BATCH, count);
      const rate = FIRST_RATE / (1 + 0.01 * step++);
      descend(model, gradientOf(model, digits, first, last), rate, l2);
    }
  }
  return model;
}

/** The share of `digits` that `model` gets right, 0 to 1. */
export function accuracyOf(model: Model, digits: Digits): number {
  const count = digits.labels.length;
  const scores = new Float64Array(CLASSES);
  let correct = 0;
  for (let i = 0; i < count; i++) {
    score(model, digits, i, scores);
    if (indexOfMax(scores) === digits.labels[i]) correct++;
  }
  return correct / count;
}

/** A model that knows nothing yet. */
export function newModel(): Model {
  return {
    weights: new Float64Array(PIXELS * CLASSES),
    bias: new Float64Array(CLASSES),
  };
}

/** The mean gradient of the loss over the digits `first` to `last - 1`. */
export function gradientOf(
  model: Model,
  digits: Digits,
  first: number,
  last: number,
): Model {
  const gradient = newModel();
  const { weights, bias } = gradient;
  const errors = new Float64Array(CLASSES);
  for (let i = first; i < last; i++) {
    score(model, digits, i, errors);
    softmax(errors);
    errors[digits.labels[i]!]! -= 1;
    for (let c = 0; c < CLASSES; c++) {
      errors[c]! /= last - first;
      bias[c]! += errors[c]!;
    }
    for (let p = 0; p < PIXELS; p++) {
      const ink = digits.pixels[i * PIXELS + p]!;
      if (ink === 0) continue; // Four pixels of five are blank paper.
      const x = ink / 255;
      const at = p * CLASSES;
      for (let c = 0; c < CLASSES; c++) weights[at + c]! += x * errors[c]!;
    }
  }
  return gradient;
}

/** Moves `model` one step of size `rate` down the gradient. */
export function descend(
  model: Model,
  gradient: Model,
  rate: number,
  l2 = 0,
): void {
  // The penalty's part of the step is solved for the new weights: this is
  // stable for any strength, where subtracting its gradient overshoots.
  const shrink = 1 / (1 + rate * l2);
  const { weights, bias } = model;
  for (let w = 0; w < weights.length; w++) {
    weights[w] = shrink * (weights[w]! - rate * gradient.weights[w]!);
  }
  for (let c = 0; c < CLASSES; c++) bias[c]! -= rate * gradient.bias[c]!;
}

const PIXELS = 784;
const CLASSES = 10;
const EPOCHS = 4;
const BATCH = 10;
const FIRST_RATE = 2;

/** Writes the ten class scores of digit `i` into `scores`. */
function score(
  model: Model,
  digits: Digits,
  i: number,
  scores: Float64Array,
): void {
  const { weights, bias } = model;
  for (let c = 0; c < CLASSES; c++) scores[c] = bias[c]!;
  for (let p = 0; p < PIXELS; p++) {
    const ink = digits.pixels[i * PIXELS + p]!;
    if (ink === 0) continue;
    const x = ink / 255;
    const at = p * CLASSES;
    for (let c = 0; c < CLASSES; c++) scores[c]! += x * weights[at + c]!;
  }
}

/** Turns scores into probabilities, in place. */
function softmax(scores: Float64Array): void {
  const max = scores[indexOfMax(scores)]!;
  let sum = 0;
  for (let c = 0; c < CLASSES; c++) {
    scores[c] = Math.exp(scores[c]! - max);
    sum += scores[c]!;
  }
  for (let c = 0; c < CLASSES; c++) scores[c]! /= sum;
}

function indexOfMax(scores: Float64Array): number {
  let best = 0;
  for (let c = 1; c < CLASSES; c++) {
    if (scores[c]! > scores[best]!) best = c;
  }
  return best;
}
