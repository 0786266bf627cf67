// The law of the forecasts, L = L0 + A P^-alpha + K n, as losslaws/laws/relaxation.py, at the speeds of relaxation of all its forms at once.

// What the law reads of a run at `steps` (from 1, rising): the progress P, and for each speed the noise n, [steps] each.
function readRun(law, lr, steps, speeds) {
  const { p, high: setting, q, aging } = law.settings, peak = largest(lr), h = peak / law.stated_at;
  const high = Math.max(setting, peak), top = 1 + (peak / high) ** 2;
  const worth = ((2 * h) / (1 + h)) ** p, level = h ** q;
  const progress = new Float64Array(steps.length), noise = speeds.map(() => new Float64Array(steps.length));
  const lag = new Float64Array(speeds.length), relaxed = (steps) => law.age ** aging * steps ** (1 - aging) / (1 - aging);
  let total = 0, age = 0, time = 0, target = 0, rate = NaN, part = 0, x = 0, k = 0;
  for (let t = 0; k < steps.length; t++) {
    const before = target;
    if (lr[t] !== rate) { // at a rate that stays, so do all powers
      rate = lr[t];
      part = rate / peak;
      x = part ** p * Math.sqrt(top / (1 + (rate / high) ** 2));
    }
    total += worth * x;
    age += part;
    const passed = relaxed(age) - time;
    time += passed;
    target = level * x;
    for (let i = 0; i < speeds.length; i++) lag[i] = (lag[i] + (target - before)) * Math.exp(-speeds[i] * passed);
    if (t + 1 === steps[k]) {
      if (k === 0 && !(time > 0)) throw new Error(`the rates up to step ${steps[0]} are 0, where the law is not defined`);
      progress[k] = total;
      for (let i = 0; i < speeds.length; i++) noise[i][k] = target - lag[i];
      k++;
    }
  }
  return { progress, noise };
}

// The noise left under a constant rate, in units of that at the rate where the law is stated.
const levelAt = (law, peak) => (peak / law.stated_at) ** law.settings.q;

// Losses at the parameters [L0, A, alpha, K], and their derivatives as a column for each, [n].
function evaluate([L0, A, alpha, K], progress, noise) {
  const n = progress.length, loss = new Float64Array(n), forward = new Float64Array(n), slope = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const log = Math.log(progress[i]), value = Math.exp(-alpha * log);
    forward[i] = value;
    slope[i] = -A * log * value;
    loss[i] = L0 + A * value + K * noise[i];
  }
  return { loss, columns: [new Float64Array(n).fill(1), forward, slope, noise] };
}
