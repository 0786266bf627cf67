// Least squares with the Huber loss within bounds, as losslaws/fitting/huber.py, whose comments give the reasons.
// A Jacobian is an array of columns, [p][n]; `delta` is that of every row, Infinity for plain squares.

const psi = (r, delta) => Math.min(Math.max(r, -delta), delta);

function huberCost(weight, r, delta) {
  let total = 0;
  for (let i = 0; i < r.length; i++) {
    const absolute = Math.abs(r[i]), inside = Math.min(absolute, delta[i]);
    total += weight[i] * inside * (absolute - inside / 2);
  }
  return total;
}

// Minimise from `start` [p] within bounds; residual(theta) gives {r, columns}; `linear` are the places of the linear parameters.
function minimise({ residual, start, lower, upper, weight, delta, linear }, settings) {
  const { ITERATIONS, FTOL, ROUNDING, DAMPING: [least, first, most] } = settings;
  const state = (theta) => {
    const { r, columns } = residual(theta);
    return { theta, r, columns, cost: huberCost(weight, r, delta) };
  };
  const enough = sum(Array.from(weight)) * ROUNDING ** 2, zeros = (n) => Array.from({ length: n }, () => new Array(n).fill(0));
  const refitted = (now) => { // the linear parameters fitted anew, where that is better
    const pick = (values) => linear.map((i) => values[i]), at = now.theta;
    const model = new Model(now.r, pick(now.columns), weight, delta, zeros(linear.length), least, settings);
    const { step, promise } = model.minimum(now.cost, pick(lower.map((low, i) => low - at[i])), pick(upper.map((high, i) => high - at[i])));
    if (promise <= FTOL * now.cost + enough) return now;
    const trial = [...at];
    linear.forEach((i, k) => { trial[i] = clip(at[i] + step[k], lower[i], upper[i]); });
    const refit = state(trial);
    return refit.cost < now.cost ? refit : now;
  };

  let now = state(start.map((value, i) => clip(value, lower[i], upper[i]))), damping = first, second = zeros(start.length);
  for (let turn = 0; turn < ITERATIONS; turn++) {
    const { theta, r, columns, cost } = now;
    const model = new Model(r, columns, weight, delta, second, damping, settings);
    const { step, promise } = model.minimum(cost, lower.map((low, i) => low - theta[i]), upper.map((high, i) => high - theta[i]));
    if (promise <= FTOL * cost + enough) return { ...now, converged: true };
    let trial = state(theta.map((value, i) => clip(value + step[i], lower[i], upper[i])));
    if (linear.length && cost - trial.cost < 0.75 * promise) trial = refitted(trial);
    const gain = (cost - trial.cost) / promise;
    if (gain > 0) {
      const scores = trial.r.map((value, i) => weight[i] * psi(value, delta[i]));
      const change = columns.map((column, j) => { let total = 0; for (let i = 0; i < column.length; i++) total += scores[i] * (trial.columns[j][i] - column[i]); return total; });
      second = secant(second, trial.theta.map((value, i) => value - theta[i]), change);
      now = trial;
    } else if (damping >= most) return { ...now, converged: true };
    damping = Math.max(damping * (gain > 0.75 ? 0.1 : gain > 0.25 ? 1 : 10), least);
  }
  return { ...now, converged: false };
}

// A symmetric matrix after the rank-one update with which matrix x step = change, where that is well defined.
function secant(matrix, step, change) {
  const product = times(matrix, step), miss = change.map((value, i) => value - product[i]), along = dot(miss, step);
  if (along ** 2 <= 1e-16 * dot(miss, miss) * dot(step, step)) return matrix;
  return matrix.map((row, i) => row.map((value, j) => value + (miss[i] * miss[j]) / along));
}

// The cost around the present parameters: Huber of the linearised residuals, plus a quadratic; steps in units of the columns' lengths.
class Model {
  constructor(r, columns, weight, delta, second, damping, settings) {
    Object.assign(this, { r, weight, delta, settings });
    const squares = this.squares(r);
    this.scale = columns.map((column) => { let total = 0; for (let i = 0; i < column.length; i++) total += squares[i] * column[i] ** 2; return Math.sqrt(total) || 1; });
    this.scaled = columns.map((column, j) => column.map((value) => value / this.scale[j]));
    this.curvature = this.curved(r);
    const damped = this.scale.map((_, i) => this.scale.map((_, j) => (i === j ? damping : 0)));
    this.quadratic = damped;
    if (second.some((row) => row.some((value) => value !== 0))) {
      this.quadratic = damped.map((row, i) => row.map((value, j) => value + second[i][j] / (this.scale[i] * this.scale[j])));
      if (!positiveDefinite(this.curvature.map((row, i) => row.map((value, j) => value + this.quadratic[i][j])))) this.quadratic = damped;
    }
  }

  squares(r) {
    return Float64Array.from(r, (value, i) => this.weight[i] * Math.min(1, this.delta[i] / Math.max(Math.abs(value), Number.MIN_VALUE)));
  }

  inside(r) {
    return Array.from(r, (value, i) => Math.abs(value) <= this.delta[i]);
  }

  curved(r) {
    const inside = this.inside(r), few = inside.filter(Boolean).length < this.scale.length;
    const weight = few ? this.squares(r) : Float64Array.from(this.weight, (value, i) => (inside[i] ? value : 0));
    return this.scaled.map((a) => this.scaled.map((b) => { let total = 0; for (let i = 0; i < a.length; i++) total += weight[i] * a[i] * b[i]; return total; }));
  }

  scores(r) {
    return Float64Array.from(r, (value, i) => this.weight[i] * psi(value, this.delta[i]));
  }

  // The step to the least cost of the model within the bounds of the step, and by how much the cost falls.
  minimum(cost, lower, upper) {
    lower = lower.map((value, i) => value * this.scale[i]);
    upper = upper.map((value, i) => value * this.scale[i]);
    let step = this.scale.map(() => 0), r = this.r, inside = this.inside(r), curvature = this.curvature, scores = this.scores(r);
    for (let turn = 0; turn < this.settings.ITERATIONS; turn++) {
      const bent = times(this.quadratic, step), gradient = this.scaled.map((column, j) => dot(column, scores) + bent[j]);
      const whole = curvature.map((row, i) => row.map((value, j) => value + this.quadratic[i][j]));
      const direction = boundedStep(whole, gradient, lower.map((low, i) => low - step[i]), upper.map((high, i) => high - step[i]));
      const slope = dot(gradient, direction);
      if (-slope <= this.settings.FTOL * cost) break;
      const found = this.search(r, slope, step, direction);
      r = found.r;
      scores = found.scores;
      step = step.map((value, i) => value + found.length * direction[i]);
      const before = inside;
      inside = this.inside(r);
      const exact = found.length === 1 && inside.every((value, i) => value === before[i]) && inside.filter(Boolean).length >= step.length;
      if (exact && step.every((value, i) => lower[i] < value && value < upper[i])) break;
      curvature = this.curved(r);
    }
    const reached = huberCost(this.weight, r, this.delta) + dot(step, times(this.quadratic, step)) / 2;
    return { step: step.map((value, i) => value / this.scale[i]), promise: cost - reached };
  }

  // Where the cost along `direction` from `step` is least, within (0, 1].
  search(r, slope, step, direction) {
    const change = new Float64Array(r.length);
    this.scaled.forEach((column, j) => { for (let i = 0; i < change.length; i++) change[i] += direction[j] * column[i]; });
    const product = times(this.quadratic, direction), constant = dot(product, step), rising = dot(product, direction);
    const at = (length) => {
      const there = Float64Array.from(r, (value, i) => value + length * change[i]), scores = this.scores(there);
      return { rise: dot(scores, change) + constant + length * rising, length, r: there, scores };
    };
    let low = 0, below = slope, found = at(1);
    while (found.rise > 0.01 * -slope && found.length - low > 1e-3 * found.length && found.length > 1e-9) {
      const next = at(low + (found.length - low) * clip(below / (below - found.rise), 0.1, 0.9));
      if (next.rise > 0) found = next; else [low, below] = [next.length, next.rise];
    }
    return found;
  }
}

// A step within its bounds that lowers the quadratic model: to its minimum, where no bound is met.
function boundedStep(curvature, gradient, lower, upper) {
  let step = solved(curvature, gradient.map((value) => -value));
  if (step.every((value, i) => lower[i] <= value && value <= upper[i])) return step;
  step = gradient.map(() => 0);
  let free = gradient.map((value, i) => !((lower[i] >= 0 && value > 0) || (upper[i] <= 0 && value < 0)));
  while (free.some(Boolean)) {
    const rows = [...free.keys()].filter((i) => free[i]), move = gradient.map(() => 0);
    solved(rows.map((i) => rows.map((j) => curvature[i][j])), rows.map((i) => -gradient[i])).forEach((value, k) => { move[rows[k]] = value; });
    const end = step.map((value, i) => value + move[i]);
    const beyond = rows.filter((i) => end[i] < lower[i] || end[i] > upper[i]);
    if (!beyond.length) return end;
    const room = beyond.map((i) => ((move[i] > 0 ? upper[i] : lower[i]) - step[i]) / move[i]), length = Math.min(...room);
    step = step.map((value, i) => clip(value + length * move[i], lower[i], upper[i]));
    const turned = times(curvature, move);
    gradient = gradient.map((value, i) => value + length * turned[i]);
    beyond.forEach((i, k) => { if (room[k] <= length) free[i] = false; });
  }
  return step;
}
