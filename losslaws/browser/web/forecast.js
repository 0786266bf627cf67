// What a run is expected to reach under a schedule, as losslaws/forecast: `new Forecaster(curves, optimiser, numbers)`, `.forecast(schedule)`.
// A curve is {name, step, loss, lr, warmup, tokens, size, notes, fitted}; `lr` holds the rate of every step up to the last that was seen.
// `fitted` is {step, loss}, the points that are fitted, where `step` and `loss` are not all that was logged. A schedule is {lr, warmup}.

const last = (values) => values[values.length - 1];
const pickedAt = (values, places) => places.map((i) => values[i]);

function settledOf(curve, share, numbers) {
  const first = Math.max(numbers.runs.FIRST * curve.warmup, share * last(curve.step)), start = place(curve.step, first);
  if (start === curve.step.length) throw new Error(`${originOf(curve)}: has no loss after ${numbers.runs.FIRST} times its warm-up of ${curve.warmup} steps; log on`);
  return { step: curve.step.slice(start), loss: curve.loss.slice(start) };
}

// The points that are fitted: without the beginning, at most POINTS.
function fittedPoints(curve, numbers) {
  if (curve.fitted) return curve.fitted;
  const { step, loss } = settledOf(curve, numbers.prior.FIRST, numbers), keep = spaced(0, step.length - 1, numbers.prior.POINTS);
  return { step: pickedAt(step, keep), loss: pickedAt(loss, keep) };
}

const falls = ({ lr, warmup, peak }, steps) => { for (let t = warmup; t < Math.min(steps, lr.length); t++) if (lr[t] < 0.95 * peak) return true; return false; };
const withPeak = (schedule) => ({ ...schedule, peak: schedule.peak ?? largest(schedule.lr) });

// What a line through other models says of one more value at `x`, and how far off that may be.
const expected = ({ coefficients, scale }, x) => [dot(coefficients, x), scale];

// What is known of a model, and the keys of prior.json for it.
function knownOf(curve, optimiser, numbers) {
  const rate = numbers.prior.ADAM.includes(optimiser) ? curve.peak : null, { size = null, tokens: batch = null } = curve;
  const known = { size, batch, rate, steps: last(curve.step), noise: rate && batch ? rate / Math.sqrt(batch) : null };
  known.key = rate ? `${known.noise ? "noise" : "rate"} ${size ? "size" : ""}`.trim() : batch ? "batch steps" : "steps";
  known.at = (key) => [1, ...key.split(" ").filter(Boolean).map((name) => Math.log(known[name]))];
  return known;
}

// The law for a model of which this is known: larger ones saturate at lower rates, of another unit it is not known at which.
function lawFor({ rate, size }, { law }) {
  const { high, saturation } = law.settings, share = (size || law.size) / law.size;
  return { ...law, settings: { ...law.settings, high: rate ? high * share ** -saturation : Infinity } };
}

function priorFor(final, peak, form, known, early, { law, learned }) {
  const { share, alpha } = learned.forms[form], [mean, scale] = expected(share[known.key], known.at(known.key)), [middle, wide] = expected(alpha, [1]);
  return { mean: { K: mean + Math.log(final / levelAt(law, peak)), alpha: middle }, scale: { K: scale, alpha: wide }, points: early ? learned.early : learned.points };
}

// What each form weighs before the run was seen.
function weightsBefore(known, numbers) {
  const key = known.size ? "size" : "", [mean, scale] = expected(numbers.learned.memory[key], known.at(key));
  const share = numbers.law.memories.map((steps) => Math.exp(-(((Math.log(steps) - mean) / scale) ** 2) / 2)), all = sum(share);
  return share.map((value) => value / all);
}

// Runs of one model, fitted with every form of the law.
class Fitted {
  constructor(curves, optimiser, numbers) {
    Object.assign(this, { curves, numbers });
    const { FEWEST } = numbers.fitted, { POINTS, ENDS, WEIGHT, ADAM } = numbers.prior;
    const furthest = (some) => some.reduce((a, b) => (last(b.step) > last(a.step) ? b : a));
    const longest = furthest(curves), known = knownOf(longest, optimiser, numbers);
    this.law = lawFor(known, numbers);
    this.factor = ADAM.includes(optimiser) ? 1 : numbers.law.stated_at / longest.peak;
    this.steps = last(longest.step);
    const seen = curves.map((curve) => ({ ...fittedPoints(curve, numbers), curve })), count = sum(seen.map(({ step }) => step.length));
    if (count < FEWEST) throw new Error(`${originOf(curves[0])}: has only ${count} losses after the warm-up; a forecast needs ${FEWEST}`);
    this.meanSeen = curves.map((curve) => Math.log(meanShares(curve)[last(curve.step) - 1]));
    this.decayed = curves.some((curve) => falls(curve, last(curve.step)));
    this.speeds = numbers.law.forms.map(({ rho }) => rho);
    for (const one of seen) Object.assign(one, this.read(one.curve, one.step), { weight: POINTS / one.step.length });
    const tail = (values) => values.slice(-ENDS);
    const ends = seen.filter(({ curve }) => falls(curve, last(curve.step))).map((one) => ({
      loss: tail(one.loss), progress: tail(one.progress), noise: one.noise.map(tail), weight: WEIGHT,
    }));
    // by which intervals are calibrated, as `stage` of fitted.py
    const early = !curves.some(({ lr, peak, step }) => lr[last(step) - 1] <= numbers.learned.fallen * peak);
    this.stage = early ? "early" : "decayed";
    const stacked = (pick) => Float64Array.from([...seen, ...ends].flatMap((one) => Array.from(pick(one))));
    const furthestSeen = furthest(seen), final = last(furthestSeen.loss), peak = furthestSeen.curve.peak * this.factor;
    const progress = stacked((one) => one.progress), loss = stacked((one) => one.loss), weight = stacked((one) => one.loss.map(() => one.weight));
    this.fits = numbers.law.forms.map(({ name }, i) => new Problem({ progress, loss, weight, noise: stacked((one) => one.noise[i]) }, priorFor(final, peak, name, known, early, numbers), numbers).fit());
    // the likelihood of each form, for a noise of unknown size, times what it weighed before
    const measurements = sum(Array.from(weight)) / POINTS, least = Math.min(...this.fits.map(({ objective }) => objective));
    const before = weightsBefore(known, numbers), share = this.fits.map(({ objective }, i) => (objective / least) ** (-measurements / 2) * before[i]), all = sum(share);
    this.weights = share.map((value) => value / all);
    this.r2 = this.explained(seen);
    this.removed = this.average(this.fits.map(({ theta }) => theta[SCALE_OF_DECAY] * levelAt(numbers.law, curves[0].peak * this.factor)));
    this.doubts = this.fits[this.weights.indexOf(Math.max(...this.weights))].doubts;
  }

  read({ lr }, step) {
    const { factor, law } = this;
    return readRun(law, factor === 1 ? lr : lr.map((rate) => rate * factor), step, this.speeds);
  }

  average(values) {
    return sum(values.map((value, i) => this.weights[i] * value));
  }

  explained(seen) {
    let left = 0, total = 0;
    const losses = seen.flatMap(({ loss }) => Array.from(loss)), middle = sum(losses) / losses.length;
    for (const { progress, noise, loss } of seen) {
      const each = this.fits.map(({ theta }, i) => evaluate(theta, progress, noise[i]).loss);
      loss.forEach((value, k) => { left += (this.average(each.map((one) => one[k])) - value) ** 2; total += (value - middle) ** 2; });
    }
    return 1 - left / total;
  }

  // Of each form the losses at `step` and their derivatives, a column for each parameter.
  byForm(schedule, step) {
    const { progress, noise } = this.read(schedule, step);
    return this.fits.map(({ theta }, i) => evaluate(theta, progress, noise[i]));
  }

  // The variance of an average over the forms: of each by its slopes [p], and between them.
  variance(each, slopes) {
    const middle = this.average(each), within = slopes.map((slope, i) => dot(slope, times(this.fits[i].covariance, slope)));
    return this.average(within) + this.average(each.map((value) => (value - middle) ** 2));
  }

  // Losses at `step`, their relative spread, and what the forms say of the last one.
  losses(schedule, step) {
    const forms = this.byForm(schedule, step), loss = new Float64Array(step.length), spread = new Float64Array(step.length);
    const { FLOOR, FORM, UNLIKE } = this.numbers.fitted, least = Math.min(schedule.lr.length, this.steps);
    const shares = meanShares(schedule);
    let end = null;
    for (let k = 0; k < step.length; k++) {
      const each = forms.map((form) => form.loss[k]), slopes = forms.map(({ columns }) => columns.map((column) => column[k]));
      loss[k] = this.average(each);
      const at = Math.max(step[k], least), mean = Math.log(shares[at - 1]);
      // of a run longer or shorter than what was seen, or of another mean rate
      const form = Math.hypot(FORM * Math.log(at / this.steps), UNLIKE * Math.min(...this.meanSeen.map((one) => Math.abs(mean - one))));
      spread[k] = Math.sqrt(this.variance(each, slopes) / loss[k] ** 2 + FLOOR ** 2 + form ** 2);
      end = { each, slopes, share: last(shares) };
    }
    return { loss, spread, end };
  }

  // By how much one end lies above another, and the spread of that, as shares of the latter.
  difference(a, b) {
    const level = this.average(b.each), apart = a.each.map((value, i) => value - b.each[i]);
    const slopes = a.slopes.map((slope, i) => slope.map((value, j) => value - b.slopes[i][j]));
    const { FLOOR, UNLIKE } = this.numbers.fitted, form = UNLIKE * Math.log(a.share / b.share);
    return [this.average(apart) / level, Math.sqrt(this.variance(apart, slopes) / level ** 2 + FLOOR ** 2 + form ** 2)];
  }
}

// The mean rate up to every step, as a share of the peak.
function meanShares({ lr, peak }) {
  let area = 0;
  return Float64Array.from(lr, (rate, i) => (area += rate) / ((i + 1) * peak));
}

class Forecaster {
  constructor(curves, optimiser, numbers) {
    this.curves = curves.map(withPeak);
    this.numbers = numbers;
    const { KNOWN, POOR, SIZES, SIZES_APART } = numbers.predict, { ADAM, RELATIVE } = numbers.prior;
    const usual = this.curves.every(({ peak }) => KNOWN[0] <= peak && peak <= KNOWN[1]);
    refuse(this.curves, optimiser || "unknown", numbers);
    const sizes = [...new Set(this.curves.map(({ size }) => size).filter(Boolean))].sort((a, b) => a - b);
    if (sizes.length > 1) throw new Error(`${originOf(this.curves[0])}: the logs are of ${sizes.length} sizes (${sizes.map(grouped).join(", ")}); tick logs of one model`);
    if (sizes.length) this.curves = this.curves.map((curve) => ({ ...curve, size: sizes[0] })); // what one says of its size holds for all
    this.given = optimiser;
    this.optimiser = optimiser || (usual ? "adamw" : "unknown");
    this.adam = [...ADAM, RELATIVE].includes(this.optimiser);
    this.far = sizes.filter((size) => !(SIZES[0] / SIZES_APART <= size && size <= SIZES[1] * SIZES_APART));
    this.apart = Math.max(this.far.length ? numbers.strange : 1, this.adam ? 1 : numbers.unrelated);
    this.fitted = new Fitted(this.curves, this.optimiser, numbers);
    const { r2 } = this.fitted, name = originOf(this.curves[0]);
    if (Number.isNaN(r2)) throw new Error(`${name}: its losses are all the same; check the column`);
    if (!(r2 >= POOR)) throw new Error(`${name}: the law explains only ${(100 * Math.max(r2, 0)).toFixed(0)} % of the variance of the losses, so nothing is forecast; give a longer log, validation losses, or the part of it that is sound${noted(this.curves)}`);
    const wide = this.widening(this.fitted.stage);
    for (const curve of this.curves) {
      const { loss, spread } = this.fitted.losses(curve, curve.step.slice(-numbers.refusals.STRETCH));
      refuseEnd(curve, loss, spread.map((value) => wide * value), numbers);
    }
    this.warnings = [...this.curves.flatMap(({ name: one, notes = [] }) => notes.map((note) => `${one}: ${note}`)), ...this.unknown(), ...this.fitted.doubts.map((line) => `the law failed a check: ${line}`)];
  }

  widening(stage) {
    return this.numbers.spreads[stage] * this.apart;
  }

  // What is not known and makes intervals wider, or forecasts doubtful.
  unknown() {
    const { KNOWN, SIZES } = this.numbers.predict, { LATE } = this.numbers.refusals, found = [];
    for (const { name, peak, warmup, step } of this.curves) {
      const odd = !(KNOWN[0] <= peak && peak <= KNOWN[1]), first = step[0], end = last(step);
      const said = `${name}: its peak rate, ${general(peak)}, lies outside those of the public runs, ${general(KNOWN[0])} to ${general(KNOWN[1])}`;
      if (!this.given && !this.adam) found.push(`${said}: the optimiser is taken as unknown, rates count up to their unit, and intervals are wider; choose AdamW to take them as they are`);
      if (this.given && this.adam && odd) found.push(`${said}, that say how much steps at lower rates gain`);
      if (first > Math.max(LATE * end, 2 * warmup)) found.push(`${name}: its losses begin at step ${first} of ${end}, so that its power law is known less well`);
    }
    const [least, most] = SIZES;
    if (this.far.length) found.push(`no public model of about ${this.far.map(grouped).join(" or ")} parameters, theirs have ${grouped(least)} to ${grouped(most)}: intervals are ${general(this.apart)} times as wide`);
    if (this.given && !this.adam) found.push(`no public run with rates like those of ${this.given} says what a decay removes: intervals are ${general(this.apart)} times as wide`);
    return found;
  }

  newPeak({ peak }) {
    return this.curves.every((curve) => Math.abs(peak / curve.peak - 1) > 10 * this.numbers.predict.CLOSE);
  }

  // Whether the seen rates of the longest run are, after the warm-up, those of the schedule.
  continues({ lr }) {
    const seen = this.curves.reduce((a, b) => (last(b.step) > last(a.step) ? b : a)), near = this.numbers.predict.CLOSE * seen.peak;
    if (lr.length < seen.lr.length) return false;
    for (let t = seen.warmup; t < seen.lr.length; t++) if (!(Math.abs(seen.lr[t] - lr[t]) <= near)) return false;
    return true;
  }

  doubts(schedule) {
    const { LONGER, SHORTER } = this.numbers.predict, { steps, decayed, removed } = this.fitted, long = schedule.lr.length, ratio = long / steps, found = [];
    if (ratio > LONGER) found.push(`beyond the horizon seen: ${long} steps are ${general(ratio, 2)} times the ${steps} in the log`);
    if (ratio < SHORTER) found.push(`far shorter than what was seen: ${long} of ${steps} steps; the law fits late losses better than early ones`);
    if (this.newPeak(schedule)) {
      const seen = [...new Set(this.curves.map(({ peak }) => peak))].sort((a, b) => a - b).map((peak) => general(peak)).join(", ");
      found.push(`a peak rate never seen: ${general(schedule.peak)}, the log has ${seen}; what the peak changes is what other models say`);
    }
    if (!decayed && falls(schedule, long)) found.push(`no decay in the data: that a whole decay removes ${removed.toFixed(3)} nats is what other models say`);
    return found;
  }

  // {step, loss, low, high, continues, warnings, end}: losses and 90 % interval at `step`, by default as many as the command gives.
  forecast(given, step = null) {
    const schedule = withPeak(given), { FAR, DRAWN } = this.numbers.predict, steps = schedule.lr.length;
    if (this.curves.every(({ peak }) => !(1 / FAR <= schedule.peak / peak && schedule.peak / peak <= FAR))) {
      throw new Error(`its peak rate is ${general(schedule.peak)}, the log's ${this.curves.map(({ peak }) => general(peak)).join(", ")}; beyond ${FAR} times as much or as little nothing is forecast`);
    }
    const at = step ?? spaced(Math.min(2 * schedule.warmup + 1, steps), steps, DRAWN);
    const { loss, spread, end } = this.fitted.losses(schedule, at), continues = this.continues(schedule), wide = this.widening(this.fitted.stage);
    const half = spread.map((value) => Math.min(value * wide, 1));
    return {
      step: at, loss, low: loss.map((value, i) => value * (1 - half[i])), high: loss.map((value, i) => value * (1 + half[i])),
      continues, warnings: [...this.warnings, ...this.doubts(schedule)], end,
    };
  }

  // Of every forecast by how much it ends above the lowest: {loss, low, high, steps}.
  compare(forecasts) {
    const ends = forecasts.map(({ loss }) => last(loss)), lowest = ends.indexOf(Math.min(...ends)), wide = this.widening("difference"), slope = this.slope();
    return forecasts.map(({ end }, i) => {
      const [share, spread] = this.fitted.difference(end, forecasts[lowest].end), loss = share * ends[lowest], half = i === lowest ? 0 : spread * wide * ends[lowest];
      return { loss, low: loss - half, high: loss + half, steps: slope > 0 ? Math.exp(loss / slope) : NaN };
    });
  }

  // By how much the loss falls for every e-fold of steps at the peak rate, at the end of what was seen.
  slope() {
    const seen = this.curves.reduce((a, b) => (last(b.step) > last(a.step) ? b : a)), { steps } = this.fitted;
    const lr = new Float64Array(2 * steps).fill(seen.peak);
    lr.set(seen.lr.subarray(0, seen.warmup));
    const { loss } = this.fitted.losses({ lr, peak: seen.peak }, [steps, 2 * steps]);
    return (loss[0] - loss[1]) / Math.log(2);
  }
}
