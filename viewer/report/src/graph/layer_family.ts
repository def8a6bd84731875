// What type of layer a module or an op is, by its name: "Conv2d",
// "convolution" and "ConvolutionBackward0" are convolutions.

export interface Family {
  name: string;
  pattern: RegExp;
}

// The first that fits. Seven have colours of their own in each palette.
export const families: Family[] = [
  { name: "convolution", pattern: /conv/ },
  { name: "linear, product", pattern: /(?<!bi)linear|addmm|^mm|bmm|matmul|einsum|_mm|^mv/ },
  { name: "normalization", pattern: /norm/ },
  { name: "activation", pattern: /relu|[gsr]elu|^elu|silu|sigmoid|tanh|softm(ax|in)|softplus|mish|hardswish|glu\b|threshold/ },
  { name: "pooling, resampling", pattern: /pool|upsample|interpolate|grid_sampl|pixelshuffle|pixel_shuffle|bilinear/ },
  { name: "attention, recurrence", pattern: /attention|transformer|lstm|gru|rnn/ },
  { name: "embedding", pattern: /embedding/ },
  { name: "dropout", pattern: /dropout/ },
  { name: "loss", pattern: /loss|entropy|criterion/ },
];

const known = new Map<string, number>();

// Into `families`; -1: none of them.
export function familyOf(type: string): number {
  let family = known.get(type);
  if (family === undefined) {
    const name = type.toLowerCase();
    // A loss may be named by what is inside of it: nll_loss, log_softmax.
    family = families[8].pattern.test(name) ? 8 : families.findIndex(({ pattern }) => pattern.test(name));
    known.set(type, family);
  }
  return family;
}
