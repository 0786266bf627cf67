// One form of the law fitted to points, as losslaws/fitting: `points` are {progress, noise, loss, weight}, [n] each, stacked over runs.
// Parameters are [L0, A, alpha, K]; rho is held by the form.

const LINEAR = [0, 1, 3], ALPHA = 2, SCALE_OF_DECAY = 3;

class Problem {
  constructor(points, prior, numbers) {
    Object.assign(this, points);
    this.prior = prior;
    this.numbers = numbers;
    this.logLoss = this.loss.map(Math.log);
    const free = numbers.law.parameters.filter(({ name }) => name !== "rho");
    this.lower = free.map(({ bounds: [low] }) => low ?? -Infinity);
    this.upper = free.map(({ bounds: [, high] }) => high ?? Infinity);
    this.free = free;
    this.delta = new Float64Array(this.loss.length).fill(numbers.delta);
  }

  // log Lhat - log L, [n], and its derivatives, a column for each parameter.
  residual(theta) {
    const { loss, columns } = evaluate(theta, this.progress, this.noise), floor = this.numbers.lowest;
    const kept = loss.map((value) => Math.max(value, floor));
    return { r: kept.map((value, i) => Math.log(value) - this.logLoss[i]), columns: columns.map((column) => column.map((value, i) => value / kept[i])) };
  }

  objective(theta) {
    return huberCost(this.weight, this.residual(theta).r, this.delta);
  }

  // The distances from the prior, times the root of its stiffness, of [alpha, K], with their derivatives.
  distances(theta) {
    const { mean, scale, points } = this.prior;
    return ["alpha", "K"].map((name) => {
      const i = name === "K" ? SCALE_OF_DECAY : ALPHA, value = Math.max(theta[i], this.numbers.lowest), stiff = Math.sqrt(points) / scale[name];
      return { i, distance: stiff * (Math.log(value) - mean[name]), slope: stiff / value };
    });
  }

  // The linear parameters that fit best at `alpha`, in weighted squares of the relative error.
  project(alpha) {
    const { columns } = evaluate([0, 1, alpha, 0], this.progress, this.noise), root = this.weight.map(Math.sqrt);
    const scaled = LINEAR.map((k) => columns[k].map((value, i) => (value * root[i]) / this.loss[i]));
    const size = scaled.map((column) => Math.sqrt(Math.max(dot(column, column), Number.MIN_VALUE)));
    const unit = scaled.map((column, k) => column.map((value) => value / size[k])), right = unit.map((column) => dot(column, root));
    const gram = unit.map((a, i) => unit.map((b, j) => dot(a, b) + (i === j ? this.numbers.problem.RIDGE : 0)));
    let best = solved(gram, right);
    if (best.some((value) => value < 0)) best = this.withinBounds(unit, root);
    const theta = [0, 0, alpha, 0];
    LINEAR.forEach((k, i) => { theta[k] = best[i] / size[i]; });
    return theta;
  }

  // Least squares with no negative parameter: the best of all choices of those that are 0.
  withinBounds(unit, root) {
    let found = unit.map(() => 0), least = Infinity;
    for (let held = 0; held < 2 ** unit.length; held++) {
      const rows = [...unit.keys()].filter((k) => !(held & (1 << k)));
      const part = rows.length ? solved(rows.map((i) => rows.map((j) => dot(unit[i], unit[j]))), rows.map((i) => dot(unit[i], root))) : [];
      if (part.some((value) => !(value >= 0))) continue;
      const left = root.map((value, i) => value - sum(rows.map((k, j) => part[j] * unit[k][i]))), cost = dot(left, left);
      if (cost < least) [found, least] = [unit.map((_, k) => (rows.includes(k) ? part[rows.indexOf(k)] : 0)), cost];
    }
    return found;
  }

  // The best start over the grid of alpha, and between its points.
  start() {
    const grid = this.free[ALPHA].starts, tried = grid.map((alpha) => this.project(alpha)), cost = tried.map((theta) => this.objective(theta));
    const least = cost.indexOf(Math.min(...cost)), near = vertex(grid, cost, least);
    if (near === grid[least]) return tried[least];
    const other = this.project(near);
    return this.objective(other) < cost[least] ? other : tried[least];
  }

  fit() {
    const n = this.loss.length, delta = this.numbers.delta;
    const found = minimise({
      residual: (theta) => {
        const { r, columns } = this.residual(theta), known = this.distances(theta);
        const row = (column, j) => Float64Array.from([...column, ...known.map(({ i, slope }) => (i === j ? slope : 0))]);
        return { r: Float64Array.from([...r, ...known.map(({ distance }) => distance)]), columns: columns.map(row) };
      },
      start: this.start(), lower: this.lower, upper: this.upper, linear: LINEAR,
      weight: Float64Array.from([...this.weight, delta ** 2, delta ** 2]),
      delta: Float64Array.from([...this.delta, Infinity, Infinity]),
    }, this.numbers.huber);
    const theta = found.theta;
    return { theta, objective: this.objective(theta), converged: found.converged, covariance: this.covariance(theta), doubts: this.doubts(theta, found.converged, n) };
  }

  // The covariance of the parameters, so many points counting as one independent measurement.
  covariance(theta) {
    const { r, columns } = this.residual(theta), { delta } = this.numbers, points = this.numbers.prior.POINTS;
    const weight = r.map((value, i) => this.weight[i] / Math.max(Math.abs(value), delta) / delta / points);
    const gram = columns.map((a) => columns.map((b) => { let total = 0; for (let i = 0; i < a.length; i++) total += weight[i] * a[i] * b[i]; return total; }));
    for (const { i, slope } of this.distances(theta)) gram[i][i] += slope ** 2 / this.prior.points;
    return pseudoInverse(gram);
  }

  // A line for everything that makes the fitted numbers doubtful.
  doubts(theta, converged, n) {
    const found = converged ? [] : ["not converged: the optimiser reached its iteration limit"], p = theta.length;
    if (n < p + 3) found.push(`too few points: ${n} for ${p} free parameters; at least ${p + 3} are needed`);
    const { ON_BOUND, FLAT } = this.numbers.problem;
    this.free.forEach(({ name }, i) => {
      for (const bound of [this.lower[i], this.upper[i]]) {
        if (Number.isFinite(bound) && Math.abs(theta[i] - bound) <= ON_BOUND * Math.max(Math.abs(bound), 1)) found.push(`${name} is on its bound, ${general(bound)}`);
      }
    });
    const { columns } = this.residual(theta), gram = columns.map((a) => columns.map((b) => { let total = 0; for (let i = 0; i < n; i++) total += this.weight[i] * a[i] * b[i]; return total; }));
    for (const { i, slope } of this.distances(theta)) gram[i][i] += (this.numbers.delta * slope) ** 2;
    const size = gram.map((row, i) => Math.sqrt(Math.max(row[i], Number.MIN_VALUE)));
    const { values, vectors } = eigen(gram.map((row, i) => row.map((value, j) => value / (size[i] * size[j]))));
    this.free.forEach(({ name, needs }, i) => {
      if (values.some((value, k) => value < FLAT && Math.abs(vectors[i][k]) > 0.1)) found.push(`${name} is not identified by these curves: it needs ${needs}`);
    });
    return found;
  }
}

// Where the parabola through the points i - 1, i and i + 1, of which i is the lowest, has its vertex.
function vertex(x, y, i) {
  if (!(i > 0 && i < x.length - 1)) return x[i];
  const left = x[i] - x[i - 1], right = x[i + 1] - x[i], rise = y[i - 1] - y[i], fall = y[i + 1] - y[i];
  return x[i] + (rise * right ** 2 - fall * left ** 2) / (rise * right + fall * left) / 2;
}
