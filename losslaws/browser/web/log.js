// A table as a curve, as losslaws/curves/logs: which column is what, the order of rows, losses and rates. What the command asks, or what takes
// more than a table to tell, is refused here too, in one line.

const ROLES = ["step", "lr", "val_loss", "train_loss"];
const READ_ELSEWHERE = "`losslaws page LOG` reads it";

// The columns by role. `named`: {role: column}, as chosen by the reader.
function pick(table, file, named, numbers, names) {
  const known = {}, others = {}, unit = {}, all = [...new Set([...Object.keys(table.columns), ...Object.keys(table.odd)])];
  for (const name of all) { const role = names.role(name); if (role) known[name] = role; }
  const rates = Object.values(known).filter(({ kind }) => kind === "lr");
  if (rates.length && rates.every(({ rank }) => rank === 2)) { // beside rates of other groups, "lr_decay" is that of the group with weight decay
    for (const name of all) if (names.decayed(name)) known[name] = { kind: "lr", side: "", rank: 2, name: "decay" };
  }
  const kinds = (kind, side = "") => all.filter((name) => known[name]?.kind === kind && known[name].side === side);
  const steps = named.step ? [named.step] : kinds("step").sort((a, b) => known[a].rank - known[b].rank);
  others.step = steps.slice(1);
  const found = { lr: named.lr ?? best(table, file, kinds("lr"), known, "lr", others, numbers, false) };
  for (const side of ["val", "train"]) {
    const role = `${side}_loss`;
    for (const [kind, called] of [["loss", "nats"], ["bits", "bits"], ["perplexity", "perplexity"]]) {
      if (named[role] || found[role]) break;
      found[role] = best(table, file, kinds(kind, side), known, role, others, numbers, Boolean(found.val_loss));
      unit[role] = called;
    }
    if (named[role]) {
      found[role] = named[role];
      unit[role] = ["bits", "perplexity"].includes(known[named[role]]?.kind) ? known[named[role]].kind : "nats";
    }
  }
  if (!found.val_loss && !found.train_loss) throw new Error(`${file}: no column is a loss among ${all.slice(0, 8).join(", ")}; choose it`);
  const valSteps = kinds("step", "val");
  if (!steps.length && !valSteps.length) throw new Error(`${file}: no column counts the steps among ${all.slice(0, 8).join(", ")}; choose it`);
  return { ...found, step: steps[0] ?? valSteps[0], counters: steps.length ? steps : valSteps, epoch: kinds("epoch")[0], others, unit, known };
}

// The best of columns that may play a role, or undefined. Throws where several are as good, and differ.
function best(table, file, columns, known, role, others, numbers, soft) {
  const full = columns.filter((name) => table.columns[name]);
  if (!full.length) return columns[0];
  const size = (name) => table.columns[name].row.length, most = Math.max(...full.map(size)), rank = Math.min(...full.map((name) => known[name].rank));
  const ranked = full.filter((name) => known[name].rank === rank), alike = ranked.filter((name) => size(name) >= numbers.roles.SOME * most);
  let some = alike.length ? alike : ranked;
  const label = (name) => known[name].name, run = (name) => name.slice(0, Math.max(name.lastIndexOf(" - "), 0));
  some.sort((a, b) => (label(a) < label(b) ? -1 : label(a) > label(b) ? 1 : size(b) - size(a)));
  if (role === "train_loss" && new Set(some.map(run)).size === 1) {
    some.sort((a, b) => size(b) - size(a));
    const rows = new Set(table.columns[some[0]].row);
    some = [some[0], ...(soft ? [] : some.slice(1).filter((name) => table.columns[name].row.some((i) => rows.has(i))))];
  }
  const [first, ...rest] = some;
  if (rest.some((name) => differ(table.columns[first], table.columns[name], numbers.roles[role === "lr" ? "EQUAL_RATES" : "EQUAL"]))) {
    throw new Error(`${file}: ${some.length} columns may be the ${role}: ${some.slice(0, 8).join(", ")}; choose one`);
  }
  others[role] = columns.filter((name) => name !== first);
  return first;
}

const close = (a, b, share) => a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= share * Math.abs(b);

function differ(a, b, share) {
  const values = new Map(a.row.map((row, i) => [row, a.value[i]])), both = b.row.flatMap((row, i) => (values.has(row) ? [[values.get(row), b.value[i]]] : []));
  return !both.length || both.some(([x, y]) => !close(x, y, share));
}

// The step of every row, NaN where none is known.
function stepsOf(table, picked, file, numbers, notes) {
  const { CALLS, MICRO, EACH } = numbers.steps, longest = numbers.schedule.LONGEST;
  const dense = ({ row, value }) => { const every = new Float64Array(table.rows).fill(NaN); row.forEach((at, i) => { every[at] = value[i]; }); return every; };
  const whole = (values) => { const some = values.filter((v) => !Number.isNaN(v)); return some.filter((v) => v === Math.floor(v)).length > some.length / 2; };
  const counters = picked.counters.filter((name) => table.columns[name]), name = counters.find((one) => whole(dense(table.columns[one]))) ?? counters[0];
  if (!name) throw new Error(`${file}: column '${picked.step}' holds ${table.odd[picked.step] ?? "nothing"}, which is no step; correct the row`);
  picked.step = name;
  const step = dense(table.columns[name]), rank = picked.known[name]?.rank ?? 0, calls = rank === CALLS || (table.chart && name.toLowerCase() === "step");
  if (calls && picked.val_loss && table.columns[picked.val_loss]) {
    const at = [...new Set(table.columns[picked.val_loss].row.map((row) => step[row]).filter(Number.isFinite))].sort((a, b) => a - b);
    if (at.length >= EACH && at.every((value, i) => !i || value - at[i - 1] === 1)) throw new Error(`${file}: column '${name}' counts calls of log, one for each validation; with --step-unit N, the updates from one to the next, ${READ_ELSEWHERE}`);
  }
  if (rank === MICRO) notes.push(`'${name}' counts batches; if several make one update, read the log by the command with --step-unit 1/N`);
  for (const value of step) {
    if (!Number.isNaN(value) && !(value >= 0 && value <= longest && value === Math.floor(value))) {
      throw new Error(`${file}: column '${name}' holds ${general(value)}; steps are whole numbers from 0 to ${longest}, counted in updates of the optimiser; of other counts, the command's --step-unit says how many updates one is`);
    }
  }
  let before = NaN, back = false, carried = 0;
  for (let i = 0; i < step.length; i++) {
    if (Number.isNaN(step[i])) { step[i] = before; carried += 1; } else { back ||= step[i] < before; before = step[i]; }
  }
  if (carried) notes.push(`${carried} rows name no step and count at the step last named`);
  if (back && picked.epoch) throw new Error(`${file}: its steps go back, and it counts epochs; whether they begin anew in every epoch the command finds out: ${READ_ELSEWHERE}`);
  return step;
}

// Whether the numbers that `of` gives never fall; NaN is passed over.
function rising(values, of) {
  let before = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = of(values[i], i);
    if (value < before) return false;
    if (value > before) before = value;
  }
  return true;
}

// Which values count where steps go back: what an abandoned branch logged is dropped.
function purge(step, columns, file, numbers, notes) {
  const { MIXED, RUN, FALSE_START, EQUAL } = numbers.steps, restarts = [];
  let dropped = 0;
  for (const column of Object.values(columns)) column.alive = column.row.map((row) => !Number.isNaN(step[row]));
  const order = Object.values(columns).sort((a, b) => b.row.length - a.row.length);
  order.forEach((column, place) => {
    if (rising(column.row, (row, i) => (column.alive[i] ? step[row] : NaN))) return; // as of most logs
    const rows = column.row.filter((_, i) => column.alive[i]), at = rows.map((row) => step[row]), values = column.value.filter((_, i) => column.alive[i]);
    const back = [...at.keys()].slice(1).filter((i) => at[i] < at[i - 1]);
    if (back.length > MIXED * at.length) return notes.push(`the rows of '${column.name}' are not in the order of their steps, by which they are sorted`);
    let single = 0;
    for (const i of back) {
      if (i < 2 || at[i - 2] < at[i] || i + 1 >= at.length || at[i + 1] > at[i - 1]) { single += 1; continue; }
      const earlier = at.slice(0, i);
      if (at[i] <= earlier.reduce((a, b) => Math.min(a, b)) && place === 0 && i >= RUN && at.length - i >= RUN && largest(earlier) >= FALSE_START * largest(at.slice(i))) {
        const first = new Map(earlier.map((s, k) => [s, values[k]])), both = at.slice(i).flatMap((s, k) => (first.has(s) ? [[first.get(s), values[i + k]]] : []));
        if (!both.length || both.some(([x, y]) => !close(x, y, EQUAL))) throw new Error(`${file}: begins anew in row ${rows[i] + 1}, at step ${at[i]} after ${at[i - 1]}: two runs, or one that was started afresh; with --part 1, 2, ... or last ${READ_ELSEWHERE}`);
      }
      const dead = rows[earlier.findIndex((s) => s >= at[i])];
      if (!restarts.some(([a, b]) => a === at[i - 1] && b === at[i])) restarts.push([at[i - 1], at[i]]);
      for (const other of order) {
        other.row.forEach((row, k) => {
          if (other.alive[k] && row >= dead && row < rows[i] && step[row] >= at[i]) { other.alive[k] = false; dropped += 1; }
        });
      }
    }
    if (single) notes.push(`${single} rows of '${column.name}' stand too early or too late, by their steps; they are sorted in`);
  });
  if (restarts.length) notes.push(`the step goes back ${restarts.slice(0, 3).map(([a, b]) => `from ${a} to ${b}`).join(", ")}, read as a resumed run: ${dropped} values that were logged before from there on are dropped`);
}

// Steps and values of a column; of equal steps the last value counts. Throws for a `loss` that has several values at many steps.
function seriesOf(step, column, numbers, notes, file, loss = false) {
  const places = column.row.map((_, i) => i).filter((i) => column.alive[i]);
  if (!rising(places, (i) => step[column.row[i]])) places.sort((a, b) => step[column.row[a]] - step[column.row[b]] || a - b);
  const at = [], value = [];
  const changes = new Set();
  for (const i of places) {
    const here = step[column.row[i]];
    if (at.length && at[at.length - 1] === here) {
      if (!close(value[value.length - 1], column.value[i], numbers.steps.EQUAL)) changes.add(here);
      value[value.length - 1] = column.value[i];
    } else { at.push(here); value.push(column.value[i]); }
  }
  const changed = changes.size;
  if (loss && changed > numbers.steps.SEVERAL * at.length && changed >= numbers.steps.RUN) throw new Error(`${file}: column '${column.name}' holds several values at ${changed} of ${at.length} steps: of micro-batches, ranks, sets or runs; with --repeats mean, first or last ${READ_ELSEWHERE}`);
  if (changed) notes.push(`column '${column.name}' has other values at ${changed} steps that it holds again; the last ones count`);
  return { step: at, value };
}

const chosen = ({ step, value }, keep) => ({ step: step.filter((_, i) => keep(step[i], value[i])), value: value.filter((_, i) => keep(step[i], value[i])) });

// Note rows that lack a loss which stands at equal distances, before and behind them too; `others`: steps at which none is due.
function noteEmpty({ step }, rows, others, column, { EMPTY, FAR, SHORT, SHOWN }, notes) {
  const apart = step.slice(1).map((s, i) => s - step[i]), usual = apart.length >= SHORT ? median(apart) : 0, due = [];
  apart.forEach((d, i) => {
    if (d > usual && d <= FAR * usual && apart[i - 1] === usual && apart[i + 1] === usual) for (let t = step[i] + usual; t < step[i + 1]; t += usual) due.push(t);
  });
  const regular = due.length > 2 && due.every((t, i) => i < 2 || t - due[i - 1] === due[1] - due[0]); // rows of another kind, that never hold it
  if (!due.length || due.length > EMPTY * step.length || regular) return;
  const there = new Set(rows), empty = due.filter((t) => there.has(t) && !others.has(t));
  if (empty.length) notes.push(`'${column}' is empty in ${empty.length} of ${step.length + empty.length} rows that should hold it (steps ${listed(empty, SHOWN)}), which are left out`);
}

const listed = (step, shown) => step.slice(0, shown).join(", ") + (step.length > shown ? ` and ${step.length - shown} more` : "");

// Losses after step 0, in nats where the unit is known. Throws for impossible ones.
function checkedLosses(series, column, unit, file, numbers, notes) {
  const { LEAST, MOST, LOW, HIGH, HALF, SHOWN } = numbers.losses;
  const after = chosen(series, (s) => s > 0), all = after.value.length, stop = after.value[all - 1];
  let end = 0, longest = 0; // losses up to the last finite one, and the most in a row that were none before
  after.value.forEach((v, i) => { if (Number.isFinite(v)) { longest = end ? Math.max(longest, i - end) : 0; end = i + 1; } });
  after.value.fill(NaN, end);
  const lost = after.step.filter((_, i) => Number.isNaN(after.value[i]));
  if (all - end > longest) {
    notes.push(`'${column}' is ${Number.isNaN(stop) ? "NaN" : "NaN or inf"} from step ${after.step[end]} on, in the last ${all - end} of ${all} losses: the run has diverged; what is used ends before`);
  } else if (lost.length && lost.length < HALF * all) notes.push(`'${column}' is NaN at ${lost.length} of ${all} steps (${listed(lost, SHOWN)}), which are left out`);
  let { step, value } = chosen(after, (_, v) => !Number.isNaN(v));
  if (unit === "perplexity") {
    ({ step, value } = chosen({ step, value }, (_, v) => v !== Infinity));
    const odd = value.findIndex((v) => !(v > 1));
    if (odd >= 0) throw new Error(`${file}: column '${column}' holds ${general(value[odd])} at step ${step[odd]}, which is no perplexity; correct the row`);
    notes.push(`'${column}' is a perplexity; its logarithm is used, in nats`);
    value = value.map(Math.log);
  }
  const odd = value.findIndex((v) => !(v >= LEAST && v <= MOST));
  if (odd >= 0) throw new Error(`${file}: column '${column}' holds ${general(value[odd])} at step ${step[odd]}; a loss is a finite positive number of a size that occurs, so cut the log before it, or correct the row`);
  if (unit === "bits") notes.push(`'${column}' is in bits, and so are the forecasts`);
  if (unit === "nats" && value.length) {
    const ended = median(value.slice(-Math.max(Math.floor(value.length / 10), 1)));
    if (ended > HIGH || median(value) > HIGH) notes.push(`'${column}' ends at ${general(ended, 4)}: more than nats per token of a language model; a perplexity, or a sum over micro-batches or tokens, of which all forecasts are then multiples`);
    else if (ended < LOW) notes.push(`'${column}' ends at ${general(ended, 2)}: less than language models reach per token; is it the loss?`);
  }
  return { step, loss: value };
}

// Validation losses without those that only repeat the last evaluation in row after row.
function withoutStays({ step, loss }, train, column, numbers, notes) {
  const { SHORT, STAYS, MOVES } = numbers.losses;
  if (loss.length < 2 * SHORT || loss.length < STAYS * train.length) return { step, loss };
  const fresh = loss.map((value, i) => !i || value !== loss[i - 1]), count = fresh.filter(Boolean).length;
  const moves = train.slice(1).filter((value, i) => value !== train[i]).length / (train.length - 1);
  if (count / loss.length > STAYS || count < 2 || moves < MOVES) return { step, loss };
  notes.push(`'${column}' repeats its last value in ${loss.length - count} of ${loss.length} rows; the first of each counts`);
  return { step: step.filter((_, i) => fresh[i]), loss: loss.filter((_, i) => fresh[i]) };
}

// A noisy training loss as means of blocks of rows, without the highest and lowest.
function blocksOf({ step, loss }, warmup, numbers, notes) {
  const { BLOCKS, CUT, DRAG } = numbers.smoothing, from = step.findIndex((s) => s > warmup);
  if (from > 0) [step, loss] = [step.slice(from), loss.slice(from)];
  const size = Math.ceil(step.length / BLOCKS);
  if (size < DRAG) {
    notes.push("the training loss is used as it was logged");
    return { step, loss };
  }
  const cut = Math.floor(CUT * size), found = { step: [], loss: [] };
  for (let i = step.length % size; i < step.length; i += size) {
    const middle = roundEven(sum(step.slice(i, i + size)) / size), kept = Float64Array.from(loss.slice(i, i + size)).sort().subarray(cut, size - cut);
    if (found.step.length && found.step[found.step.length - 1] === middle) continue;
    found.step.push(middle);
    found.loss.push(kept.reduce((a, b) => a + b, 0) / kept.length);
  }
  notes.push(`the training loss is used, means of ${size} rows without the ${100 * CUT} % highest and lowest`);
  return found;
}

// The rates as {knots: [steps, rates], steps, warmup}: straight lines between the logged ones.
function loggedRates({ step, value: rate }, steps, given, file, numbers, notes) {
  const { MOST, SPARSE } = numbers.rates, odd = rate.findIndex((r) => !(r >= 0 && r < Infinity));
  if (odd >= 0) throw new Error(`${file}: the learning rate at step ${step[odd]} is ${general(rate[odd])}; it must be finite and >= 0`);
  [step, rate] = withoutSpikes(step, rate, numbers.rates, notes);
  const peak = rate.length ? largest(rate) : 0;
  if (peak > MOST) throw new Error(`${file}: the learning rate is ${general(peak)} somewhere; no optimiser takes it, so correct the row`);
  if (!(peak > 0)) throw new Error(`${file}: the learning rate is never above 0; choose the column of the rates`);
  if (given !== null && !(given >= 0 && given <= steps)) throw new Error(`${file}: the warm-up is ${given}; it must lie between 0 and the ${steps} logged steps`);
  const plateau = rate.slice(-1 - numbers.rates.SIDE, -1), [before, end] = rate.slice(-2);
  if (rate.length > numbers.rates.FEW && end * numbers.rates.LEAP < before && largest(plateau) - Math.min(...plateau) <= numbers.rates.NEAR * before) {
    notes.push(`the last rate, ${general(end)} at step ${step.at(-1)}, lies far below the ${general(before)} before it; if no step ran at it, leave that row out`);
  }
  let apart = step[0];
  step.forEach((s, i) => { if (i) apart = Math.max(apart, s - step[i - 1]); });
  if (apart > Math.max(SPARSE * steps, 1)) notes.push(`the learning rate was logged at ${step.length} steps only; between them it follows straight lines`);
  const warmup = given ?? endOfWarmup(step, rate, numbers);
  if (given === null) noteBeginning(step, rate, steps, warmup, numbers, notes);
  if (!warmup) return { knots: [step, rate], steps, warmup };
  // the rates rise in a line through the logged ones from 0 to their height at the end of the warm-up
  const from = step.findIndex((s) => s > 0), behind = place(step, warmup), at = behind < step.length && step[behind] === warmup ? behind + 1 : behind;
  const top = behind < step.length ? rate[behind] : rate[rate.length - 1], begin = from < 0 ? behind : from;
  return {
    knots: [[0, ...step.slice(begin, behind), warmup].concat(step.slice(at)), [0, ...rate.slice(begin, behind), top].concat(rate.slice(at))],
    steps, warmup: Math.min(warmup, steps),
  };
}

// Rates whose column names a unit without it, where they are in it.
function inUnit({ step, value }, column, { NEAR, LARGE }, names, notes) {
  const unit = names.unit(column), some = value.filter((r) => r > 0), middle = some.length ? median(some) : 0;
  if (unit === 1 || middle <= unit * (1 + NEAR)) return { step, value };
  if (middle < LARGE) {
    notes.push(`'${column}' names a unit of ${general(unit)}; its values, about ${general(middle, 2)}, are taken as rates as they stand`);
    return { step, value };
  }
  notes.push(`'${column}' is in units of ${general(unit)}, by its name; the rates are its values times that`);
  return { step, value: value.map((r) => r * unit) };
}

// The logged rates without single ones, or two in a row, that stand out from their neighbours, which agree.
function withoutSpikes(step, rate, { NEAR, SPIKE, SPIKES, ALIKE, COUPLE, LEAP, FALLEN, FEW, ...smooth }, notes) {
  const rows = (values) => [...values.keys()].slice(1, -1);
  const single = (at, r) => {
    const high = (i) => Math.max(r[i - 1], r[i + 1]), low = (i) => Math.min(r[i - 1], r[i + 1]);
    const above = new Set(rows(r).filter((i) => r[i] > SPIKE * high(i))), below = new Set(rows(r).filter((i) => r[i] * SPIKE < low(i)));
    if (above.size + below.size > 2 * SPIKES) return [];
    const elsewhere = largest(r.filter((_, i) => !above.has(i)));
    return rows(r).filter((i) => {
      const alike = high(i) <= ALIKE * low(i), atEnd = i < smooth.SIDE || i + smooth.SIDE >= r.length;
      if (!above.has(i) && !below.has(i)) return false;
      return (alike && r[i] > SPIKE * elsewhere) || (atEnd && high(i) > 0 && high(i) <= (1 + NEAR) * low(i)) || inSmooth(at, r, i, 1, smooth);
    });
  };
  const couple = (at, r) => rows(r).filter((i) => Math.min(r[i], r[i + 1]) / COUPLE > Math.max(r[i - 1], r[i + 2]) && inSmooth(at, r, i, 2, smooth)).flatMap((i) => [i, i + 1]);
  const leap = (at, r) => {
    const top = r.length ? r.indexOf(largest(r)) : 0;
    if (top < FALLEN) return [];
    const near = at.slice(top - 1, top + 2).map((s) => Math.max(s, 1)), share = Math.max(...near.slice(1).map((s, i) => s / near[i]));
    const least = largest(r.filter((_, i) => i !== top)) * share;
    return least > 0 && r[top] / LEAP > least ? [top] : [];
  };
  if (rate.length <= FEW) return [step, rate];
  let kept = [...rate.keys()];
  for (const find of [single, couple, ...Array(SPIKES).fill(leap)]) {
    const out = new Set(find(kept.map((i) => step[i]), kept.map((i) => rate[i])));
    kept = kept.filter((_, k) => !out.has(k));
  }
  const stay = new Set(kept), out = [...rate.keys()].filter((i) => !stay.has(i));
  if (!out.length || out.length > SPIKES) return [step, rate];
  for (const i of out) {
    const beside = [kept.findLast((k) => k < i), kept.find((k) => k > i)].filter((k) => k !== undefined).map((k) => general(rate[k])).join(" and ");
    notes.push(`the learning rate ${general(rate[i])} at step ${step[i]} stands out from its neighbours, ${beside}, and is left out`);
  }
  return [kept.map((i) => step[i]), kept.map((i) => rate[i])];
}

// Whether the neighbours of `width` rates from row i on agree to the slope.
function inSmooth(step, rate, i, width, { SMOOTH, SIDE }) {
  if (i < SIDE || i + width + SIDE > rate.length) return false;
  const off = (left, row, right) => {
    const share = (step[row] - step[left]) / (step[right] - step[left]);
    return Math.abs(rate[row] - (1 - share) * rate[left] - share * rate[right]);
  };
  const around = Array.from({ length: 2 * SIDE }, (_, k) => i + k - SIDE + (k < SIDE ? 0 : width));
  const rough = Math.max(...around.slice(2).map((row, k) => off(around[k], around[k + 1], row)));
  const apart = Math.min(...Array.from({ length: width }, (_, k) => off(i - 1, i + k, i + width)));
  return apart / SMOOTH > rough;
}

// The last step of the warm-up with which the log begins; 0 for none.
function endOfWarmup(step, rate, numbers) {
  const peak = largest(rate), first = rate.findIndex((r) => r >= peak * (1 - numbers.rates.NEAR));
  if (first === 0 || rate.slice(0, first + 1).some((r, i) => i && r < rate[i - 1])) return 0;
  const end = first - 1, [x, y] = end ? [step[end - 1], rate[end - 1]] : [0, 0], slope = (rate[end] - y) / Math.max(step[end] - x, 1);
  const reached = slope > 0 ? step[end] + (rate[first] - rate[end]) / slope : step[first];
  return Math.trunc(clip(roundEven(reached), Math.max(step[end], 1), step[first]));
}

function noteBeginning(step, rate, steps, warmup, numbers, notes) {
  const { LATE, NEAR } = numbers.rates, first = step[0], apart = step.length > 1 ? Math.trunc(median(step.slice(1).map((s, i) => s - step[i]))) : 1;
  if (first > Math.max(LATE * steps, 2 * apart)) notes.push(`the log begins late, at step ${first}: the rates before, and with them a warm-up, are not known and taken as ${general(rate[0])}`);
  else if (!warmup && first > 1 && rate[0] >= largest(rate) * (1 - NEAR)) notes.push(`no warm-up is seen: the first logged rate, at step ${first}, is the peak; give the warm-up if there was one`);
}

// Throw for what more than one run, rank or set wrote in turn: the command tells them apart.
function refuseSeveral(table, file, names) {
  const sides = new Set([...names.SIDES]);
  const about = Object.keys({ ...table.columns, ...table.words }).map((name) => names.split(name).join(" "));
  if (["state", "created", "runtime", "start time"].filter((word) => about.includes(word)).length > 1) throw new Error(`${file}: is a table of runs, one row each, and no history; give the history of one run, e.g. an exported chart`);
  for (const [name, said] of Object.entries(table.words)) {
    const words = names.split(name), label = words.join(" "), kind = words[words.length - 1];
    const several = said.size > 1 && ["run", "run name", "run id", "name", "experiment", "trial", "id", "exp", "experiment name", "metric", "tag", "key", "variable", "series"].includes(label);
    const told = (word) => names.split(word).some((one) => sides.has(one)), flag = words.every((word) => sides.has(word) || ["is", "in", "mode"].includes(word));
    const split = [...said].some(told) && (said.size > 1 || ["split", "mode", "phase", "stage", "subset", "partition", "set", "kind", "type", "dataset"].includes(kind)) || (flag && said.size > 1);
    if (several || split) throw new Error(`${file}: column '${name}' says in each row whose losses it holds (${[...said].slice(0, 3).join(", ")}); ${READ_ELSEWHERE}`);
  }
  for (const [name, { value }] of Object.entries(table.columns)) {
    const label = names.split(name).join(" "), several = () => new Set(value).size > 1;
    const flag = names.split(name).every((word) => sides.has(word) || ["is", "in", "mode"].includes(word)) && value.every((v) => v === 0 || v === 1);
    if (flag && several()) throw new Error(`${file}: column '${name}' says in each row whose losses it holds; ${READ_ELSEWHERE}`);
    if ((names.role(name)?.kind === "rank" || ["run", "run id", "trial", "seed", "experiment"].includes(label)) && several()) throw new Error(`${file}: column '${name}' tells several runs or ranks apart; ${READ_ELSEWHERE}`);
  }
}

// A curve from the text of a CSV file. options: {columns: {role: name}, warmup, unit}.
function readLog(content, file, options, numbers, names) {
  const table = tableOf(content, file, numbers, names), notes = [...table.notes], { columns: named = {}, warmup = null } = options;
  refuseSeveral(table, file, names);
  const picked = pick(table, file, named, numbers, names), step = stepsOf(table, picked, file, numbers, notes), columns = {};
  for (const role of ["val_loss", "train_loss", "lr"]) {
    const name = picked[role];
    if (!name) continue;
    if (table.odd[name]) throw new Error(`${file}: column '${name}' holds ${table.odd[name]}, which is not a number; correct the row`);
    columns[role] = { ...table.columns[name], name };
  }
  if (!columns.lr) throw new Error(`${file}: has no column for the learning rate; choose it, or give the schedule to the command (--ran)`);
  purge(step, columns, file, numbers, notes);
  const losses = {}, evaluated = new Set(columns.val_loss?.row.map((row) => step[row])); // where no training loss need stand
  for (const role of ["train_loss", "val_loss"]) {
    if (!columns[role]) continue;
    const series = seriesOf(step, columns[role], numbers, notes, file, true);
    noteEmpty(series, step, role === "train_loss" ? evaluated : new Set(), picked[role], numbers.losses, notes);
    const found = checkedLosses(series, picked[role], options.unit || picked.unit[role], file, numbers, notes);
    if (found.step.length) losses[role] = found;
  }
  if (losses.train_loss && losses.val_loss) losses.val_loss = withoutStays(losses.val_loss, losses.train_loss.loss, picked.val_loss, numbers, notes);
  if (!losses.train_loss && !losses.val_loss) throw new Error(`${file}: no row after step 0 has a loss; give a log with losses`);
  const end = Math.max(...Object.values(losses).map(({ step: at }) => at[at.length - 1]));
  const rates = inUnit(chosen(seriesOf(step, columns.lr, numbers, notes), (_, r) => !Number.isNaN(r)), picked.lr, numbers.rates, names, notes);
  const schedule = loggedRates(rates, end, warmup, file, numbers, notes);
  const usable = ({ step: at }) => at.filter((s) => s >= Math.max(numbers.losses.FIRST * schedule.warmup, numbers.losses.SHARE * end)).length;
  let used = losses.val_loss ? "val_loss" : "train_loss";
  if (losses.val_loss && losses.train_loss && usable(losses.val_loss) < numbers.losses.SHORT && usable(losses.train_loss) >= numbers.losses.SHORT && !named.val_loss) {
    notes.push(`${usable(losses.val_loss)} validation losses behind the warm-up are too few for a forecast, so the training loss is used`);
    used = "train_loss";
  }
  let series = losses[used];
  if (used === "train_loss") {
    if (!losses.val_loss) notes.push("the log has no validation loss");
    series = blocksOf(series, schedule.warmup, numbers, notes);
  }
  return {
    name: file.replace(/\.(csv|tsv|txt)$/i, ""), file, ...series, schedule, notes, used,
    columns: { step: picked.step, lr: picked.lr, val_loss: picked.val_loss, train_loss: picked.train_loss }, choices: Object.keys(table.columns),
  };
}
