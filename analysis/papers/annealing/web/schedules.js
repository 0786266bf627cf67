// The shapes of losslaws/curves/schedules: each takes (steps, warmup, options) and gives the rate at step t in units of the peak,
// as if there were no warm-up. tests/analysis/test_explorer.py compares them with Python's, step by step.

// As numpy rounds: halves to the even neighbour.
function roundEven(x) {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

const clip = (x) => Math.min(Math.max(x, 0), 1);
const halfCosine = (x) => (1 - Math.cos(Math.PI * x)) / 2;
const edgesOf = (milestones, steps) => milestones.map((m) => roundEven(m * steps));
const stageOf = (edges, t) => edges.filter((edge) => edge < t).length;

const DECAYS = {
  linear: (x) => 1 - x,
  cosine: (x) => (1 + Math.cos(Math.PI * x)) / 2,
  "1-sqrt": (x) => 1 - Math.sqrt(x),
  power: (x, power) => (1 - x) ** power,
};

const SHAPES = {
  constant: () => () => 1,

  cosine: (steps, warmup, { cycle = null, final = 0 }) => {
    const length = Math.max((cycle || steps) - warmup, 1);
    return (t) => 1 - (1 - final) * halfCosine(clip((t - warmup) / length));
  },

  linear: (steps, warmup, { final = 0 }) => {
    const length = Math.max(steps - warmup, 1);
    return (t) => 1 - (1 - final) * clip((t - warmup) / length);
  },

  wsd: (steps, warmup, { decay = 0.2, shape = "linear", final = 0, power = 2 }) => {
    if (decay > 1 && decay !== Math.trunc(decay)) throw new Error("a decay is a share of all steps, at most 1, or a whole number of them");
    const length = Math.trunc(decay <= 1 ? decay * steps : decay);
    if (length < 1 || length > steps - warmup) throw new Error(`a decay of ${length} steps does not fit after the warm-up`);
    if (shape === "exponential" && final <= 0) throw new Error("an exponential decay needs a final rate above 0");
    return (t) => {
      const x = clip((t - (steps - length)) / length);
      return shape === "exponential" ? final ** x : 1 - (1 - final) * (1 - DECAYS[shape](x, power));
    };
  },

  two_stage: (steps, warmup, { switch: at = 0.5, ratio = 0.3 }) => (t) => (t <= roundEven(at * steps) ? 1 : ratio),

  multistep: (steps, warmup, { milestones = [0.8, 0.9], values = [1, 0.31622776601683794, 0.1] }) => {
    const edges = edgesOf(milestones, steps);
    return (t) => values[stageOf(edges, t)];
  },

  multistep_cosine: (steps, warmup, { milestones = [0.8, 0.9], values = [0.31415926535897931, 0.1, 0] }) => {
    const inner = edgesOf(milestones, steps), edges = [warmup, ...inner, steps];
    return (t) => {
      const stage = stageOf(inner, t), high = stage ? values[stage - 1] : 1, length = Math.max(edges[stage + 1] - edges[stage], 1);
      return high - (high - values[stage]) * halfCosine(clip((t - edges[stage]) / length));
    };
  },

  cyclic: (steps, warmup, { cycles = 3, rewarm = 0.1, final = 0 }) => {
    const edges = Array.from({ length: cycles + 1 }, (_, i) => roundEven(i === cycles ? steps : i * (steps / cycles)));
    return (t) => {
      const cycle = Math.max(edges.findIndex((edge) => edge >= t) - 1, 0);
      const length = edges[cycle + 1] - edges[cycle], since = t - edges[cycle];
      const rise = cycle === 0 ? warmup : rewarm * length;
      if (cycle > 0 && since < rise) return final + ((1 - final) * since) / Math.max(rise, 1);
      return 1 - (1 - final) * halfCosine(clip((since - rise) / Math.max(length - rise, 1)));
    };
  },

  inverse_sqrt: (steps, warmup, { hold = null }) => (t) => Math.sqrt(Math.min((hold || Math.max(warmup, 1)) / t, 1)),

  polyline: (steps, warmup, { points = [[0, 1], [1, 0]] }) => {
    let k = 1;
    return (t) => {
      const x = t / steps;
      while (k > 1 && x < points[k - 1][0]) k--;
      while (k < points.length - 1 && x > points[k][0]) k++;
      const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
      return y0 + ((y1 - y0) / (x1 - x0)) * (x - x0);
    };
  },
};

const MOST_STEPS = 1e6, MOST_CYCLES = 100; // more would stop the page while it computes

// The rate of every step, [T], of {name, steps, peak, warmup, options}. Throws an Error that says what is wrong.
function buildSchedule({ name, steps, peak, warmup, options }) {
  if (!(steps >= 1) || !(peak > 0) || !(warmup >= 0 && warmup < steps)) throw new Error("steps must exceed the warm-up, and the peak must be above 0");
  if (steps > MOST_STEPS) throw new Error(`this page computes at most ${MOST_STEPS.toLocaleString("en")} steps`);
  if (options.cycles !== undefined && !(options.cycles >= 1 && options.cycles <= MOST_CYCLES)) throw new Error(`cycles must lie between 1 and ${MOST_CYCLES}`);
  const shape = SHAPES[name](steps, warmup, options);
  return Float64Array.from({ length: steps }, (_, i) => peak * (warmup ? Math.min((i + 1) / warmup, 1) : 1) * shape(i + 1));
}
