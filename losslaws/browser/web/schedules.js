// Schedules, as losslaws/curves/schedules: a shape takes (steps, warmup, options) and gives the rate at step t in units of the peak, as if
// there were no warm-up. A schedule is {name, steps, peak, warmup, options}, or {name, steps, warmup, knots: [steps, rates]}: straight lines
// between known rates.

const share = (x) => Math.min(Math.max(x, 0), 1);
const halfCosine = (x) => (1 - Math.cos(Math.PI * x)) / 2;
const edgesOf = (milestones, steps) => milestones.map((m) => roundEven(m * steps));
const stageOf = (edges, t) => edges.filter((edge) => edge < t).length;

function checkStages(milestones, values) {
  if (milestones.some((m, i) => !(m > (i ? milestones[i - 1] : 0) && m < 1))) throw new Error("milestones must rise strictly between 0 and 1");
  if (values.length !== milestones.length + 1) throw new Error(`${milestones.length} milestones need ${milestones.length + 1} values, got ${values.length}`);
}

const DECAYS = {
  linear: (x) => 1 - x,
  cosine: (x) => (1 + Math.cos(Math.PI * x)) / 2,
  "1-sqrt": (x) => 1 - Math.sqrt(x),
  power: (x, power) => (1 - x) ** power,
};

const SHAPES = {
  constant: () => () => 1,

  cosine: (steps, warmup, { cycle, final }) => {
    const length = Math.max((cycle || steps) - warmup, 1);
    return (t) => 1 - (1 - final) * halfCosine(share((t - warmup) / length));
  },

  linear: (steps, warmup, { final }) => {
    const length = Math.max(steps - warmup, 1);
    return (t) => 1 - (1 - final) * share((t - warmup) / length);
  },

  wsd: (steps, warmup, { decay, shape, final, power }) => {
    if (decay > 1 && decay !== Math.trunc(decay)) throw new Error("a decay is a share of all steps, at most 1, or a whole number of them");
    const length = Math.trunc(decay <= 1 ? decay * steps : decay);
    if (!(length >= 1 && length <= steps - warmup)) throw new Error(`a decay of ${length} steps does not fit into the ${steps - warmup} after the warm-up`);
    if (shape === "exponential") {
      if (!(final > 0)) throw new Error("an exponential decay needs a final rate above 0");
    } else if (!DECAYS[shape]) throw new Error(`there is no shape '${shape}' of a decay`);
    return (t) => {
      const x = share((t - (steps - length)) / length);
      return shape === "exponential" ? final ** x : 1 - (1 - final) * (1 - DECAYS[shape](x, power));
    };
  },

  two_stage: (steps, warmup, { switch: at, ratio }) => (t) => (t <= roundEven(at * steps) ? 1 : ratio),

  multistep: (steps, warmup, { milestones, values }) => {
    checkStages(milestones, values);
    const edges = edgesOf(milestones, steps);
    return (t) => values[stageOf(edges, t)];
  },

  multistep_cosine: (steps, warmup, { milestones, values }) => {
    checkStages(milestones, values);
    const inner = edgesOf(milestones, steps), edges = [warmup, ...inner, steps];
    return (t) => {
      const stage = stageOf(inner, t), high = stage ? values[stage - 1] : 1, length = Math.max(edges[stage + 1] - edges[stage], 1);
      return high - (high - values[stage]) * halfCosine(share((t - edges[stage]) / length));
    };
  },

  cyclic: (steps, warmup, { cycles, rewarm, final, peaks }) => {
    if (!(cycles >= 1 && cycles <= steps && Number.isInteger(cycles))) throw new Error(`cycles must be a whole number between 1 and the ${steps} steps`);
    const heights = peaks ?? new Array(cycles).fill(1);
    if (!(rewarm >= 0 && rewarm < 1) || heights.length !== cycles) throw new Error("a re-warm-up is a share of its cycle below 1, and peaks are one for each cycle");
    const edges = Array.from({ length: cycles + 1 }, (_, i) => roundEven(i === cycles ? steps : i * (steps / cycles)));
    let cycle = 0; // steps are asked for in order, so the search goes on where it was
    return (t) => {
      if (t <= edges[cycle]) cycle = 0;
      while (cycle < cycles - 1 && edges[cycle + 1] < t) cycle++;
      const length = edges[cycle + 1] - edges[cycle], since = t - edges[cycle], high = heights[cycle];
      const rise = cycle === 0 ? warmup : rewarm * length;
      if (cycle > 0 && since < rise) return final + ((high - final) * since) / Math.max(rise, 1);
      return high - (high - final) * halfCosine(share((since - rise) / Math.max(length - rise, 1)));
    };
  },

  inverse_sqrt: (steps, warmup, { hold }) => (t) => Math.sqrt(Math.min((hold || Math.max(warmup, 1)) / t, 1)),

  polyline: (steps, warmup, { points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    if (points.length < 2 || points.some((p, i) => i && !(p[0] > points[i - 1][0])) || first[0] !== 0 || last[0] !== 1) {
      throw new Error("positions must rise strictly from 0 to 1");
    }
    const at = between(points.map((p) => p[0]), points.map((p) => p[1]));
    return (t) => at(t / steps);
  },
};

// As np.interp: straight lines between points, level beyond; made to be asked in rising order.
function between(x, y) {
  let k = 1;
  const last = x.length - 1;
  return (at) => {
    if (at <= x[0]) return y[0];
    if (at >= x[last]) return y[last];
    if (at < x[k - 1]) k = 1;
    while (x[k] <= at) k++;
    return ((y[k] - y[k - 1]) / (x[k] - x[k - 1])) * (at - x[k - 1]) + y[k - 1];
  };
}

// The rate of every step of a schedule, Float64Array [steps]. Throws an Error that says what is wrong.
function ratesOf({ name, steps, peak, warmup, options, knots }, defaults, longest) {
  const many = (value) => Number(value).toLocaleString("en");
  if (!Number.isInteger(steps) || steps < 1 || steps > longest) throw new Error(`steps must be a whole number from 1 to ${many(longest)}`);
  if (!Number.isInteger(warmup) || warmup < 0 || warmup > steps) throw new Error(`the warm-up must be a whole number of steps, at most the ${many(steps)} of the run`);
  const rate = new Float64Array(steps);
  if (knots) {
    const at = between(...knots);
    for (let i = 0; i < steps; i++) rate[i] = at(i + 1);
  } else {
    if (!(peak > 0 && peak < 1e300)) throw new Error("the peak rate must be a number above 0");
    if (!SHAPES[name]) throw new Error(`there is no schedule '${name}'`);
    const shape = SHAPES[name](steps, warmup, { ...defaults[name], ...options });
    for (let i = 0; i < steps; i++) rate[i] = peak * (i + 1 < warmup ? (i + 1) / warmup : 1) * shape(i + 1);
  }
  const odd = rate.findIndex((value) => !(value >= 0 && value < Infinity));
  if (odd >= 0) throw new Error(`the rate of step ${odd + 1} is ${rate[odd]}; rates must be finite and not negative`);
  return rate;
}
