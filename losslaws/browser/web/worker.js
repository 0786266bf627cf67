// What the page computes, away from its own thread, so that it never stands still. Messages: {id, kind, ...} in, {id, ...} or {id, error} out.

let numbers = null, names = null, defaults = null, fittedTo = "", forecaster = null;
const runs = new Map();

const DRAWN_RATES = 800, DRAWN_LOSSES = 1500;

function started(message) {
  ({ numbers, defaults } = message);
  names = new Names(numbers.names);
  return { schedules: Object.keys(SHAPES).filter((name) => name in defaults), shapes: [...Object.keys(DECAYS), "exponential"] };
}

async function read({ file, name, key, options }) {
  const bytes = new Uint8Array(await file.arrayBuffer()), wide = { "255,254": "utf-16le", "254,255": "utf-16be" }[bytes.slice(0, 2).join()];
  return added({ key, run: readLog(new TextDecoder(wide ?? "utf-8").decode(bytes), name, options, numbers, names) });
}

// Keep a run, and say what of it is shown.
function added({ key, run }) {
  const lr = ratesOf(run.schedule, defaults, numbers.schedule.LONGEST), keep = spaced(0, run.step.length - 1, DRAWN_LOSSES);
  runs.set(key, { ...run, lr, warmup: run.schedule.warmup, peak: largest(lr) });
  return {
    run: {
      ...run, schedule: { ...run.schedule, knots: Boolean(run.schedule.knots) }, fitted: undefined, // the page needs no rate of every step
      key, peak: largest(lr), steps: lr.length, warmup: run.schedule.warmup, lastRate: lr[lr.length - 1], count: run.step.length, seen: run.step[run.step.length - 1],
      final: run.loss[run.loss.length - 1], step: keep.map((i) => run.step[i]), loss: keep.map((i) => run.loss[i]), rates: drawnRates(lr),
    },
  };
}

function drawnRates(lr) {
  const step = spaced(1, lr.length, DRAWN_RATES);
  return { step, rate: step.map((t) => lr[t - 1]) };
}

// The law that answers: {forecaster}, fitted to the runs that are ticked, or {params, rule} of the annealing law.
function lawOf({ law, seen, optimiser, tokens, size }) {
  if (law) return law;
  const said = JSON.stringify([seen, optimiser, tokens, size]);
  if (said !== fittedTo) {
    fittedTo = "";
    if (!seen.length) throw new Error("no run is fitted; drop a log into the page, or tick one of the runs");
    const curves = seen.map((key) => { const run = runs.get(key); return { ...run, tokens: tokens ?? run.tokens, size: size ?? run.size }; });
    forecaster = new Forecaster(curves, optimiser, numbers);
    fittedTo = said;
  }
  return { forecaster };
}

function lossesBy(law, schedule, step = null) {
  if (law.forecaster) return law.forecaster.forecast(schedule, step);
  const at = step ?? spaced(Math.min(2 * schedule.warmup + 1, schedule.lr.length), schedule.lr.length, numbers.predict.DRAWN);
  const { loss, S1, S2 } = annealingAt(law.params, schedule.lr, schedule.warmup, law.rule, at);
  if (!(loss[loss.length - 1] > 0)) throw new Error("the law gives no possible loss here");
  return { step: at, loss, low: null, high: null, continues: false, warnings: [], S1: last(S1), S2: last(S2) };
}

// Every schedule under the law, and every run beside what the law says of it.
function forecast(message) {
  const found = { schedules: [], measured: [], differences: null, fit: null };
  let law = null;
  try {
    law = lawOf(message);
    if (law.forecaster) {
      const { fitted, optimiser } = law.forecaster;
      found.fit = {
        optimiser, r2: fitted.r2, decayed: fitted.decayed, steps: fitted.steps,
        forms: fitted.fits.map(({ theta }, i) => ({ name: numbers.law.forms[i].name, weight: fitted.weights[i], theta })),
      };
    }
  } catch (error) {
    found.problem = error.message;
  }
  for (const spec of message.schedules) found.schedules.push(oneSchedule(spec, law));
  const whole = found.schedules.filter((one) => one.end);
  if (law?.forecaster && whole.length > 1) law.forecaster.compare(whole).forEach((one, i) => { whole[i].above = one; });
  for (const one of found.schedules) delete one.end;
  for (const key of message.shown) found.measured.push(oneRun(key, law));
  return found;
}

function oneSchedule(spec, law) {
  try {
    const lr = ratesOf(spec, defaults, numbers.schedule.LONGEST), rates = drawnRates(lr);
    const about = { rates, peak: largest(lr), steps: lr.length };
    return law ? { ...about, ...lossesBy(law, { lr, warmup: spec.warmup }) } : about;
  } catch (error) {
    return { error: error.message };
  }
}

// What the law says of a run's own points under its own rates: per cent by which the measured loss lies above.
function oneRun(key, law) {
  const run = runs.get(key), first = place(run.step, numbers.runs.FIRST * run.warmup), late = spaced(first, run.step.length - 1, DRAWN_LOSSES);
  if (!law || first >= run.step.length) return { key };
  try {
    const step = late.map((i) => run.step[i]), measured = late.map((i) => run.loss[i]), { loss, low, high } = lossesBy(law, run, step);
    const share = (values) => values && Array.from(values, (value, i) => 100 * (value / loss[i] - 1));
    return { key, step, law: loss, residual: share(measured), low: share(low), high: share(high) };
  } catch {
    return { key };
  }
}

// Every step of a schedule, for schedule=file of train.py.
function table({ schedule }) {
  const lr = ratesOf(schedule, defaults, numbers.schedule.LONGEST), parts = ["step,lr\n"];
  for (let i = 0; i < lr.length; i += 10000) parts.push(Array.from(lr.subarray(i, i + 10000), (rate, k) => `${i + k + 1},${rate}\n`).join(""));
  return { file: new Blob(parts, { type: "text/csv" }) };
}

const DOES = { start: started, read, add: added, forecast, table };

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ id: data.id, ...(await DOES[data.kind](data)) });
  } catch (error) {
    self.postMessage({ id: data.id, error: error.message });
  }
};
