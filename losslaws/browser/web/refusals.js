// Logs from which nothing should be forecast, as losslaws/forecast/refusals.py.

function refuse(curves, optimiser, numbers) {
  curves.forEach((b, i) => {
    for (const a of curves.slice(0, i)) {
      if (sameRun(a, b, numbers)) throw new Error(`${originOf(b)}: holds the losses of ${originOf(a)}, step by step; give each run once`);
    }
  });
  for (const curve of curves) {
    const reason = doubtOf(curve, optimiser, numbers);
    if (reason) throw new Error(`${originOf(curve)}: ${reason}`);
  }
}

// Whether two logs hold one run: equal losses wherever both have one, to the end of the shorter.
function sameRun(a, b, numbers) {
  const { STRETCH, ENDS, SAME } = numbers.refusals, at = new Map(Array.from(a.step, (step, i) => [step, a.loss[i]])), common = Array.from(b.step.keys()).filter((k) => at.has(b.step[k]));
  if (common.length < STRETCH || b.step[last(common)] < (1 - ENDS) * Math.min(last(a.step), last(b.step))) return false;
  return common.every((k) => Math.abs(at.get(b.step[k]) / b.loss[k] - 1) < SAME);
}

function doubtOf(curve, optimiser, numbers) {
  const { RATES, LATER, STRETCH, BLOWN } = numbers.refusals, { peak } = curve, first = curve.step[0], end = last(curve.step);
  if (numbers.prior.ADAM.includes(optimiser) && !(RATES[0] <= peak && peak <= RATES[1])) {
    return `its peak rate is ${general(peak)}, which ${optimiser} does not train with; check the column and its unit, or choose an unknown optimiser where rates are in a unit of their own`;
  }
  if (first > LATER * end) return `its losses begin at step ${first} of ${end}; a forecast needs them from the beginning of the run on`;
  if (curve.fitted) return ""; // only a part of its losses is here; the command looked at all of them
  const late = settledOf(curve, 0, numbers), some = mediansOf(late.loss, STRETCH), least = some.reduce((a, b) => Math.min(a, b)), ended = median(late.loss.slice(-STRETCH));
  if (ended > beyond(BLOWN, late.loss, numbers) * least) {
    const at = late.step[some.indexOf(least) + (Math.min(STRETCH, late.loss.length) >> 1)];
    return `has blown up: its last losses are about ${general(ended, 3)}, after ${general(least, 3)} at step ${at}; cut the log where it was sound, or give the run that was restarted`;
  }
  const up = jumpOf(late, curve.lr, numbers), down = up ? 0 : dropOf(late, curve.lr, numbers);
  if (up) return `its loss jumps up at step ${up} though the rate does not rise; the pieces of the log may not belong together`;
  return down ? `its loss jumps down at step ${down} though the rate stays; the pieces of the log may not belong together` : "";
}

// The median of every `many` losses in a row, of fewer where there are no more.
function mediansOf(loss, many) {
  const width = Math.min(many, loss.length);
  return Array.from({ length: loss.length - width + 1 }, (_, i) => median(loss.slice(i, i + width)));
}

// `factor`, or the one that the scatter of the losses from one to the next does not reach, if that is more.
function beyond(factor, loss, numbers) {
  const steps = loss.slice(1).map((value, i) => Math.log(value) - Math.log(loss[i]));
  if (!steps.length) return factor;
  const middle = median(steps), scatter = (1.4826 * median(steps.map((step) => Math.abs(step - middle)))) / Math.SQRT2;
  return Math.max(factor, Math.exp(numbers.refusals.NOISE * scatter));
}

// The step at which the median of STRETCH losses lies JUMP above that of those before, while the rate does not rise; 0: nowhere.
function jumpOf({ step, loss }, lr, numbers) {
  const { STRETCH, JUMP } = numbers.refusals, n = loss.length - 2 * STRETCH + 1, rate = (i) => lr[step[i] - 1];
  if (n < 1) return 0;
  const medians = mediansOf(loss, STRETCH), factor = beyond(JUMP, loss, numbers);
  for (let i = 0; i < n; i++) {
    if (!(medians[i + STRETCH] > factor * medians[i])) continue;
    let before = Infinity;
    for (let k = 0; k < STRETCH; k++) before = Math.min(before, rate(i + k));
    if (!(rate(i + 2 * STRETCH - 1) > 1.01 * before)) return step[i + STRETCH];
  }
  return 0;
}

// The step at which the median of STRETCH losses lies JUMP below what the fall before lets expect, half of it from one loss to the next, while the rate stays; 0: nowhere.
function dropOf({ step, loss }, lr, numbers) {
  const { STRETCH, JUMP, LATE } = numbers.refusals, n = loss.length - 3 * STRETCH + 1, medians = mediansOf(loss, STRETCH), least = Math.log(beyond(JUMP, loss, numbers));
  const age = (i) => Math.log(step[i + (STRETCH >> 1)]), fall = (i) => Math.log(medians[i]) - Math.log(medians[i + STRETCH]);
  for (let i = 0; i < n; i++) {
    const expected = Math.max(fall(i) / (age(i + STRETCH) - age(i)), 0) * (age(i + 2 * STRETCH) - age(i + STRETCH)), k = i + 2 * STRETCH;
    if (!(fall(i + STRETCH) - expected > least && Math.log(loss[k - 1]) - Math.log(loss[k]) > least / 2 && step[i + STRETCH] > LATE * last(step))) continue;
    const rates = Array.from({ length: 3 * STRETCH }, (_, j) => lr[step[i + j] - 1]);
    if (Math.min(...rates) > 0.99 * Math.max(...rates)) return step[k];
  }
  return 0;
}

// Throw where the law is not how the run ends, so that no interval would hold its last losses.
function refuseEnd(curve, law, half, numbers) {
  const { JUMP, APART } = numbers.refusals, seen = curve.loss.slice(-law.length), apart = Array.from(law, (value, i) => seen[i] / value - 1);
  let end, said;
  if (last(apart) > beyond(JUMP, curve.loss, numbers) - 1) [end, said] = [last(seen), last(law)];
  else if (Math.abs(median(apart)) > beyond(1 + APART * median(half), curve.loss, numbers) - 1) [end, said] = [median(seen), median(law)];
  else return;
  throw new Error(`${originOf(curve)}: its last losses are about ${general(end, 4)}, where the law fitted to all of them says ${general(said, 4)}, so nothing is forecast; cut the log where it was sound, or log on${noted([curve])}`);
}

// What an error calls a run: the log that it was read from, else its name.
const originOf = ({ file, name }) => file ?? name;

// What was noted when the logs were read, which may be why the law does not describe them.
function noted(curves) {
  const notes = curves.flatMap(({ notes: some = [] }) => some);
  return notes.length ? `; noted when it was read: ${notes.join("; ")}` : "";
}
