// The page: runs and schedules in, plots and a table out. `state` holds all that is shown; `update` asks the worker and makes the page agree.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("forecast-data").textContent), defaults = data.schedules;
const COLOURS = ["blue", "vermillion", "green", "purple", "orange", "sky"], DASHES = [null, "8 4", "8 3 2 3", "2 3", "12 3 3 3", "1 3"];
const NAMES = {
  constant: "Constant", cosine: "Cosine", linear: "Linear", wsd: "WSD: warm-up, stable, decay", two_stage: "Two stages", multistep: "Steps",
  multistep_cosine: "Cosine in stages", cyclic: "Cycles with re-warm-up", inverse_sqrt: "Inverse square root", polyline: "Drawn by hand",
};
const LABELS = {
  cycle: "minimum at step (empty: the last)", final: "final rate, share of the peak", decay: "decay, share of all steps (above 1: steps)", shape: "shape of the decay",
  power: "exponent of shape power", switch: "switch, share of all steps", ratio: "second rate, share of the peak", rewarm: "re-warm-up, share of a cycle",
  hold: "held up to step (empty: the warm-up)", peaks: "peak of each cycle (empty: 1)",
};
const HAND = [[0, 1], [0.5, 1], [0.7, 0.75], [0.85, 0.4], [1, 0]];
const PARAMETERS = ["L0", "A", "alpha", "C", "lambda"];
const PLOTS = [
  { key: "loss", title: "Loss, nats per token: forecast with 90 % interval (lines), measured (dots)", brief: "Loss, nats per token", height: 320 },
  { key: "residual", title: "Measured less law, % of the law, with its 90 % interval", brief: "Measured less law, %", height: 150 },
  { key: "rate", title: "Learning rate", height: 180, last: true },
];

const state = {
  group: 0, runs: [], law: "forecast", own: { L0: 2.628, A: 0.43, alpha: 0.55, C: 0.411, lambda: 0.999 }, rule: "as-peak",
  optimiser: "", tokens: null, size: null, schedules: [], picked: 0, logX: false, logY: false, zoom: null,
};
let shown = { schedules: [], measured: [] }, charts = {}, known = { schedules: [], shapes: [] }, count = 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const fixed = (value, digits = 4) => (Number.isFinite(value) ? value.toFixed(digits).replace(/^-(?=0?\.?0*$)/, "").replace("-", "−") : "–");
const colourOf = (i) => COLOURS[i % COLOURS.length];
const group = () => data.groups[state.group] ?? { name: "", runs: [] };
const isSame = (a, b) => Boolean(a && b && a.name && !a.knots) && JSON.stringify([a.name, a.steps, a.peak, a.warmup, optionsOf(a, defaults)]) === JSON.stringify([b.name, b.steps, b.peak, b.warmup, optionsOf(b, defaults)]);

// ---- the worker ----

const worker = new Worker(URL.createObjectURL(new Blob([$("forecast-worker").textContent], { type: "text/javascript" })));
const waiting = new Map();
worker.onmessage = ({ data: { id, ...answer } }) => { waiting.get(id)?.(answer); waiting.delete(id); };
worker.onerror = (event) => failed(event.message || "its code could not be started");

function ask(kind, message = {}) {
  return new Promise((done) => {
    const id = ++count;
    waiting.set(id, done);
    worker.postMessage({ id, kind, ...message });
  });
}

// ---- runs ----

async function add(run, seen, file = null, options = {}) {
  const key = `${++count}`, answer = await (file ? ask("read", { key, file, name: file.name, options }) : ask("add", { key, run }));
  return answer.error ? { key, name: file?.name ?? run.name, problem: answer.error, file, options } : { key, run: answer.run, seen, shown: true, file, options };
}

// Files that a person gave: they take the place of the runs that were here, or stand beside them to be compared.
async function take(files) {
  const beside = $("beside").checked && state.runs.length > 0, fresh = [];
  $("reading").textContent = `Reading ${files.map((file) => file.name).join(", ")} …`;
  for (const file of files) fresh.push(await add(null, !beside, file));
  $("reading").textContent = "";
  state.runs = beside ? [...state.runs, ...fresh] : fresh;
  if (!beside) {
    Object.assign(state, { group: data.groups.length, law: "forecast", zoom: null });
    firstSchedules();
  }
  everything();
}

async function readAgain(one, options) {
  const next = await add(null, one.seen ?? true, one.file, { ...one.options, ...options });
  state.runs = state.runs.map((run) => (run === one ? next : run));
  everything();
}

async function chooseGroup(index, wanted = null) {
  state.group = index;
  const { runs = [], law, optimiser = "", tokens = null, size = null } = group();
  state.runs = [];
  for (const run of runs) state.runs.push({ ...(await add(run, run.seen)), shown: run.seen });
  state.law = law && !wanted ? "annealing" : "forecast";
  Object.assign(state, { optimiser, tokens, size, zoom: null }, wanted);
  if (!state.schedules.length || !wanted) firstSchedules();
  everything();
}

const longest = () => state.runs.filter(({ run, seen }) => run && seen).reduce((a, b) => (!a || b.run.seen > a.run.seen ? b : a), null)?.run;

// Schedules to begin with: those that the page was made for, or measured ones, or the usual ones from where the log is.
function firstSchedules() {
  const { words = [], common } = group(), run = longest();
  state.picked = 0;
  if (words.length) { state.schedules = words.map((word) => parseWord(word, common, defaults)); return; }
  if (!run) { state.schedules = state.schedules.length ? state.schedules : []; return; }
  const measured = ["cosine", "wsd"].map((name) => state.runs.filter(({ run: one }) => one && one.schedule.name === name)).map((some) => some.find(({ run: { steps } }) => steps === run.steps) ?? some[0]);
  const steps = run.lastRate < 0.95 * run.peak ? run.steps : Math.round(1.25 * run.steps), usual = { steps, peak: run.peak, warmup: Math.min(run.warmup, steps) };
  state.schedules = [["cosine", { final: 0.1 }], ["wsd", {}]].map(([name, options], i) => {
    if (group().law && measured[i]) { measured[i].shown = true; return specOf(measured[i].run); }
    return { name, ...usual, options };
  });
}

const specOf = ({ schedule: { name, steps, peak, warmup, options } }) => ({ name, steps, peak, warmup, options: { ...options } });

function runTable() {
  const rows = state.runs.map((one) => {
    if (one.problem) return element("tr", { class: "refused" }, element("td", { colspan: 8 }, element("strong", {}, one.problem), " ", ...chooser(one)));
    const { run } = one, tick = (key, label) => element("input", { type: "checkbox", checked: one[key], "aria-label": `${label} ${run.name}`, onchange: (event) => { one[key] = event.target.checked; if (key === "seen" && one.seen) one.shown = true; everything(); } });
    const cell = (...what) => element("td", {}, ...what);
    return element("tr", {}, cell(tick("seen", "fit to")), cell(tick("shown", "show")), element("th", { scope: "row" }, run.name), cell(grouped(run.count)), cell(grouped(run.seen)), cell(fixed(run.final)), cell(short(run.peak)), cell(grouped(run.warmup)));
  });
  $("runs").replaceChildren(...rows);
  const good = state.runs.filter(({ run }) => run), seen = good.filter(({ seen: ticked }) => ticked).length;
  $("runs-summary").textContent = good.length ? `${good.length} run${good.length > 1 ? "s" : ""}: the law is fitted to ${seen}, ${good.filter(({ shown: ticked }) => ticked).length} shown` : "No run yet";
  $("runs-box").hidden = !state.runs.length;
  if (state.runs.some(({ problem }) => problem)) $("runs-box").open = true;
  const dropped = state.runs.filter(({ run, file }) => run && file);
  $("read-as").replaceChildren(...dropped.map((one) => element("div", { class: "read-as" }, element("p", {}, `${one.run.name} is read as:`), ...chooser(one), ...one.run.notes.map((note) => element("p", { class: "quiet" }, note)))));
}

// Which column is what, to be chosen otherwise.
function chooser(one) {
  if (!one.file) return [];
  const { columns = {}, choices = [] } = one.run ?? {}, said = one.options.columns ?? {};
  const select = (role, label) => element("label", {}, `${label} `, choices.length
    ? element("select", { onchange: (event) => readAgain(one, { columns: { ...said, [role]: event.target.value || undefined } }) }, element("option", { value: "" }, role in said ? "by its name" : columns[role] ?? "none"), ...choices.map((name) => element("option", { value: name, selected: said[role] === name }, name)))
    : element("input", { size: 10, value: said[role] ?? "", placeholder: "column", onchange: (event) => readAgain(one, { columns: { ...said, [role]: event.target.value || undefined } }) }));
  const warmup = element("label", {}, "warm-up ", element("input", { type: "number", min: 0, value: one.run?.warmup ?? "", onchange: (event) => readAgain(one, { warmup: event.target.value === "" ? null : Number(event.target.value) }) }));
  return [element("span", { class: "choices" }, select("step", "step"), select("lr", "rate"), select("val_loss", "validation loss"), select("train_loss", "training loss"), warmup)];
}

// ---- schedules ----

function scheduleTable() {
  const rows = state.schedules.map((spec, i) => {
    const one = shown.schedules[i] ?? {}, ok = one.loss && !one.error, end = ok ? one.loss.length - 1 : 0, above = one.above;
    const button = (text, label, act) => element("button", { type: "button", title: label, "aria-label": `${label} ${labelOf(spec, defaults)}`, onclick: act }, text);
    const name = element("button", { type: "button", class: "pick", "aria-pressed": String(i === state.picked), onclick: () => { state.picked = i; editor(); scheduleTable(); draw(); } }, swatch(i), labelOf(spec, defaults));
    const interval = ok && one.low ? `${fixed(one.low[end])} to ${fixed(one.high[end])}` : "–";
    return element("tr", { class: i === state.picked ? "picked" : null, "data-schedule": i },
      element("th", { scope: "row" }, name), element("td", {}, grouped(spec.steps)), element("td", { class: "final" }, ok ? fixed(one.loss[end]) : "–"), element("td", { class: "interval" }, interval),
      element("td", { class: "above" }, !above ? "–" : above.loss === 0 ? "lowest" : `${fixed(above.loss)} (${fixed(above.low)} to ${fixed(above.high)})${above.low > 0 ? "" : ", not told apart"}`), element("td", { class: "kind" }, !ok ? "–" : one.S1 !== undefined ? `S1 ${fixed(one.S1)}, S2 ${fixed(one.S2)}` : one.continues ? "continues the log" : "a new run"),
      element("td", { class: "acts" }, button("copy", "copy", () => { state.schedules.splice(i + 1, 0, structuredClone(spec)); state.picked = i + 1; everything(); }), button("remove", "remove", () => { state.schedules.splice(i, 1); state.picked = Math.max(0, Math.min(state.picked, state.schedules.length - 1)); everything(); })));
  });
  $("schedules").replaceChildren(...rows);
}

function swatch(i) {
  return drawn("svg", { width: 28, height: 8, "aria-hidden": "true" }, drawn("line", { x1: 0, x2: 28, y1: 4, y2: 4, stroke: `var(--${colourOf(i)})`, "stroke-width": 3, "stroke-dasharray": DASHES[i % DASHES.length] }));
}

// A labelled control; `change` is called with a number, a word, or what JSON says.
function field(id, label, value, change, { choices = null, kind = "number", slide = null, step = "any", min = null, max = null } = {}) {
  const number = kind === "number";
  const input = choices
    ? element("select", { id }, ...choices.map((choice) => element("option", { value: choice }, choice)))
    : element("input", { id, type: number ? "number" : "text", step: number ? step : null, min, max, inputmode: number ? "decimal" : null });
  input.value = value ?? "";
  const set = (raw) => {
    let next = raw;
    try { if (!choices) next = raw === "" ? null : number ? Number(raw) : JSON.parse(raw); } catch { next = undefined; }
    input.toggleAttribute("aria-invalid", next === undefined || Number.isNaN(next));
    if (next !== undefined && !Number.isNaN(next)) change(next);
  };
  input.addEventListener("input", () => set(input.value));
  const parts = [element("label", { for: id }, label), input];
  if (slide) {
    const slider = element("input", { type: "range", min: slide[0], max: slide[1], step: slide[2] ?? "any", "aria-label": `${label}, slider` });
    slider.value = value ?? slide[0];
    slider.addEventListener("input", () => { input.value = Number(Number(slider.value).toPrecision(4)); set(input.value); });
    input.addEventListener("input", () => { slider.value = input.value; });
    parts.push(slider);
  }
  return element("div", { class: slide ? "field slides" : "field" }, ...parts);
}

// The controls of the schedule that is picked.
function editor() {
  const spec = state.schedules[state.picked], box = $("editor");
  if (!spec) { box.replaceChildren(element("p", { class: "quiet" }, "Add a schedule.")); return; }
  const run = longest(), long = Math.max(run?.seen ?? spec.steps, spec.steps, 20), high = run?.peak ?? (spec.peak || 1e-3);
  const set = (key) => (value) => { spec[key] = value ?? 0; update(); };
  const measured = state.runs.filter(({ run: one }) => one && one.schedule.name && !one.schedule.knots);
  const menu = element("select", { id: "schedule" }, element("optgroup", { label: "Schedules" }, ...known.schedules.map((name) => element("option", { value: name }, NAMES[name] ?? name))),
    ...(measured.length ? [element("optgroup", { label: "Measured runs" }, ...measured.map(({ run: one, key }) => element("option", { value: `run:${key}` }, one.name)))] : []));
  const same = measured.find(({ run: one }) => isSame(one.schedule, spec));
  menu.value = same ? `run:${same.key}` : spec.name;
  menu.addEventListener("change", () => choose(menu.value));
  const options = Object.entries(defaults[spec.name] ?? {}).filter(([key]) => key !== "points").map(([key, standard]) => {
    const change = (value) => { if (value === null) delete spec.options[key]; else spec.options[key] = value; update(); }, value = spec.options[key] ?? standard, id = `option-${key}`, label = LABELS[key] ?? key;
    if (key === "shape") return field(id, label, value, change, { choices: known.shapes });
    if (typeof standard === "number") return field(id, label, value, change, { slide: standard <= 1 && value <= 1 ? [0, 1, 0.01] : null });
    if (standard === null && key !== "peaks") return field(id, label, value, change);
    return field(id, label, value === null ? "" : JSON.stringify(value), change, { kind: "text" });
  });
  box.replaceChildren(
    element("div", { class: "field" }, element("label", { for: "schedule" }, "schedule"), menu),
    field("steps", "steps", spec.steps, set("steps"), { step: 1, min: 1, max: data.numbers.schedule.LONGEST, slide: [Math.round(long / 20), 4 * long, 1] }),
    field("peak", "peak rate", spec.peak, set("peak"), { slide: [high / 20, 2 * high, high / 100] }),
    field("warmup", "steps of warm-up", spec.warmup, set("warmup"), { step: 1, min: 0 }),
    ...options, ...(spec.name === "polyline" ? [knotTable(spec)] : []));
}

function choose(name) {
  const spec = state.schedules[state.picked], run = state.runs.find(({ key }) => `run:${key}` === name);
  if (run) {
    run.shown = true;
    state.schedules[state.picked] = specOf(run.run);
  } else state.schedules[state.picked] = { ...spec, name, options: name === "polyline" ? { points: structuredClone(HAND) } : {} };
  everything();
}

const knotsOf = (spec) => (spec.options.points ??= structuredClone(defaults.polyline.points));

// The knots of a drawn schedule as numbers, for the keyboard; with the mouse or a finger they are dragged in the plot of the rate.
function knotTable(spec) {
  const points = knotsOf(spec), end = points.length - 1;
  const cell = (i, axis, name) => {
    const input = element("input", { type: "number", min: 0, step: 1, "aria-label": `${name} of knot ${i + 1}, per cent`, disabled: axis === 0 && (i === 0 || i === end) });
    input.value = Number((100 * points[i][axis]).toFixed(2));
    input.addEventListener("input", () => {
      const value = Number(input.value) / 100, low = axis === 0 ? points[i - 1][0] : -1, high = axis === 0 ? points[i + 1][0] : Infinity, bad = input.value === "" || !(value > low && value < high && value >= 0);
      input.toggleAttribute("aria-invalid", bad);
      if (!bad) { points[i][axis] = value; update(); }
    });
    return element("td", {}, input);
  };
  const button = (label, name, next) => element("button", { type: "button", "aria-label": name, onclick: () => { spec.options.points = next(); editor(); update(); } }, label);
  const middle = (i) => points[i].map((value, axis) => (value + points[i + 1][axis]) / 2);
  const rows = points.map((_, i) => element("tr", {}, cell(i, 0, "position"), cell(i, 1, "rate"), element("td", {},
    ...(i < end ? [button("+", `add a knot after knot ${i + 1}`, () => [...points.slice(0, i + 1), middle(i), ...points.slice(i + 1)])] : []),
    ...(i > 0 && i < end ? [button("−", `remove knot ${i + 1}`, () => points.filter((__, j) => j !== i))] : []))));
  return element("div", { class: "knots" }, element("p", { class: "quiet" }, "Drag the knots in the plot of the learning rate, or set them here."),
    element("table", {}, element("thead", {}, element("tr", {}, ...["position, %", "rate, % of peak", ""].map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...rows)));
}

// A knot that was dropped: it stays between its neighbours, at or above 0.
function movedKnot(i, step, value) {
  const spec = state.schedules[state.picked], points = knotsOf(spec), end = points.length - 1;
  const at = i === 0 ? 0 : i === end ? 1 : clip(step / spec.steps, points[i - 1][0] + 1e-4, points[i + 1][0] - 1e-4);
  points[i] = [Number(at.toFixed(5)), Number(Math.max(value / spec.peak, 0).toFixed(4))];
  editor();
  update();
}

// ---- the law ----

function lawFields() {
  const fitted = group().law, choices = [["forecast", "forecast of `losslaws predict`, with its interval"], ...(fitted ? [["annealing", `annealing law, fitted to ${fitted.fittedTo.join(", ")}`]] : []), ["own", "annealing law with numbers of your own"]];
  $("law").replaceChildren(...choices.map(([value, label]) => element("option", { value }, label)));
  $("law").value = state.law;
  const params = state.law === "annealing" ? fitted.params : state.own, some = state.law !== "forecast";
  $("law-own").hidden = !some;
  $("law-model").hidden = some;
  if (some) {
    $("parameters").replaceChildren(...PARAMETERS.map((key) => {
      const made = field(`law-${key}`, key, state.law === "own" ? params[key] : Number(params[key].toPrecision(6)), (value) => { state.own[key] = value; update(); });
      made.querySelector("input").disabled = state.law !== "own";
      return made;
    }));
    $("rule").value = state.law === "annealing" ? fitted.rule : state.rule;
    $("rule").disabled = state.law !== "own";
    $("paste").hidden = $("paste-label").hidden = state.law !== "own";
  }
  for (const [id, key] of [["optimiser", "optimiser"], ["tokens", "tokens"], ["size", "size"]]) if (document.activeElement !== $(id)) $(id).value = state[key] ?? "";
  if (state.optimiser && $("optimiser").value !== state.optimiser) { // given to the command that wrote the page
    $("optimiser").append(element("option", { value: state.optimiser }, state.optimiser));
    $("optimiser").value = state.optimiser;
  }
}

// Parameters from JSON, or from "L0=2.6, A=0.43, ..." in any order.
function paste(text) {
  const found = [...text.matchAll(/["']?(L0|A|alpha|C|lambda)["']?\s*[:=]\s*([-+]?[\d.]+(?:e[-+]?\d+)?)/gi)].map(([, key, value]) => [PARAMETERS.find((one) => one.toLowerCase() === key.toLowerCase()), Number(value)]);
  $("paste-note").textContent = found.length ? `Read ${found.map(([key]) => key).join(", ")}.` : "Nothing read: write, for example, L0=2.63, A=0.43, alpha=0.55, C=0.41, lambda=0.999.";
  Object.assign(state.own, Object.fromEntries(found));
  lawFields();
  update();
}

// ---- asking, and showing the answer ----

let asked = 0, busy = false, pointed = false;

// Ask the worker for all that is shown. While it computes, later changes wait for one more turn: only the last of them is computed.
async function update() {
  asked += 1;
  remember();
  $("forecast-box").setAttribute("aria-busy", "true");
  if (busy) return;
  busy = true;
  for (let turn = 0; turn !== asked;) {
    turn = asked;
    const law = state.law === "forecast" ? null : state.law === "annealing" ? { params: group().law.params, rule: group().law.rule } : { params: state.own, rule: state.rule };
    const good = state.runs.filter(({ run }) => run), keys = (tick) => good.filter((one) => one[tick]).map(({ key }) => key);
    const slow = setTimeout(() => { $("reading").textContent = "Computing …"; }, 400);
    const answer = await ask("forecast", { law, seen: keys("seen"), shown: keys("shown"), optimiser: state.optimiser || null, tokens: state.tokens, size: state.size, schedules: state.schedules });
    clearTimeout(slow);
    $("reading").textContent = "";
    if (turn === asked) shown = answer.error ? { schedules: [], measured: [], problem: answer.error } : answer;
  }
  busy = false;
  $("forecast-box").removeAttribute("aria-busy");
  scheduleTable();
  said();
  draw();
}

function said() {
  const wrong = state.schedules.flatMap((spec, i) => (shown.schedules[i]?.error ? [`${labelOf(spec, defaults)}: ${shown.schedules[i].error}.`] : []));
  if (shown.problem && state.runs.length) wrong.unshift(`Nothing is forecast: ${shown.problem}.`);
  $("problem").replaceChildren(...wrong.map((line) => element("p", {}, line)));
  const warnings = new Map();
  shown.schedules.forEach((one, i) => { for (const line of one.warnings ?? []) warnings.set(line, [...(warnings.get(line) ?? []), labelOf(state.schedules[i], defaults)]); });
  const lines = [...warnings].map(([line, some]) => element("li", {}, some.length < shown.schedules.length ? `${line} (${some.join(", ")})` : line));
  $("warnings").replaceChildren(...lines);
  $("warnings-box").hidden = !lines.length;
  $("warnings-summary").textContent = `${lines.length} warning${lines.length > 1 ? "s" : ""}`;
  const { fit } = shown, spec = state.schedules[state.picked];
  $("fit-note").textContent = fit ? `Law: relaxation, the average of ${fit.forms.length} forms, which explains ${(100 * fit.r2).toFixed(2)} % of the variance of these losses; rates are read as those of ${fit.optimiser}.` : "";
  $("train-command").textContent = spec ? trainCommand(spec, defaults) : "";
  const files = state.runs.filter(({ run, seen }) => run && seen).map(({ run }) => run.file ?? `${run.name}.csv`);
  $("predict-command").textContent = spec && files.length && state.law === "forecast" ? predictCommand(files, state.schedules, state, defaults) : "";
  $("predict-line").hidden = !$("predict-command").textContent;
}

function dotsOf(one) {
  const at = state.schedules.findIndex((spec) => isSame(one.run.schedule, spec));
  return at < 0 ? (one.seen ? "ink" : "muted") : colourOf(at);
}

function draw() {
  if (!charts.loss) return;
  const good = state.runs.filter(({ run, shown: ticked }) => run && ticked), of = (key) => good.find((one) => one.key === key);
  const lines = shown.schedules.map((one, i) => ({ ...one, colour: colourOf(i), dash: DASHES[i % DASHES.length] })).filter((one) => !one.error);
  const losses = lines.filter(({ loss }) => loss), late = ({ run }) => run.step.findIndex((s) => s >= 2 * run.warmup);
  const measured = shown.measured.filter((one) => one.step && of(one.key)), steps = [...lines.map((one) => one.steps), ...good.map(({ run }) => run.seen)];
  if (!steps.length) { for (const { key } of PLOTS) $(`plot-${key}`).replaceChildren(); charts = {}; makeCharts(); return; }
  const far = largest(steps), begins = Math.min(...[...losses.map(({ step }) => step[0]), ...good.map((one) => one.run.step[Math.max(late(one), 0)])]);
  const x = state.zoom ?? [state.logX ? Math.max(begins, 1) : 0, far], within = (step) => step >= Math.max(x[0], state.zoom ? 0 : far / 12) && step <= x[1];
  const dots = good.map((one) => { const from = Math.max(late(one), 0); return { x: one.run.step.slice(from), y: one.run.loss.slice(from), colour: dotsOf(one) }; });
  const values = [], gather = (step, ...some) => step.forEach((s, i) => { if (within(s)) for (const y of some) if (y && Number.isFinite(y[i])) values.push(y[i]); });
  for (const { step, loss, low, high } of losses) gather(step, loss, low, high);
  for (const { x: step, y } of dots) gather(step, y);
  const room = (some, share) => { if (!some.length) return [0, 1]; const low = some.reduce((a, b) => Math.min(a, b)), high = largest(some); return [low - share * (high - low), high + share * (high - low)]; };
  const yLoss = room(values, 0.03);
  charts.loss.draw({
    lines: [...measured.map((one) => ({ x: one.step, y: one.law, colour: dotsOf(of(one.key)), faint: true })), ...losses.map(({ step, loss, low, high, colour, dash }) => ({ x: step, y: loss, low, high, colour, dash }))],
    dots, range: { x, y: state.logY ? [Math.max(yLoss[0], 1e-6), yLoss[1]] : yLoss, logX: state.logX, logY: state.logY },
  });
  const off = [];
  for (const { step, residual } of measured) step.forEach((s, i) => { if (within(s)) off.push(Math.abs(residual[i])); });
  const wide = off.length ? Float64Array.from(off).sort()[Math.floor(0.98 * (off.length - 1))] * 1.6 + 1e-3 : 1;
  charts.residual.draw({
    lines: measured.filter((one) => one.low).map((one) => ({ x: one.step, y: one.residual.map(() => NaN), low: one.low, high: one.high, colour: "muted" })).slice(0, 1),
    dots: measured.map((one) => ({ x: one.step, y: one.residual, colour: dotsOf(of(one.key)) })), zero: true, range: { x, y: [-wide, wide], logX: state.logX, logY: false },
  });
  const rates = [...lines.map(({ rates: r, colour, dash }) => ({ x: r.step, y: r.rate, colour, dash })), ...good.map((one) => ({ x: one.run.rates.step, y: one.run.rates.rate, colour: dotsOf(one), faint: true }))];
  const peak = largest([0, ...rates.flatMap(({ y }) => largest(y))]), spec = state.schedules[state.picked];
  const knots = spec?.name === "polyline" ? { points: knotsOf(spec).map(([at, share]) => { const step = at * spec.steps; return [step, share * spec.peak * (spec.warmup ? Math.min(step / spec.warmup, 1) : 1)]; }), colour: colourOf(state.picked), moved: movedKnot } : null;
  charts.rate.draw({ lines: rates, knots, range: { x, y: [0, 1.05 * peak || 1], logX: state.logX, logY: false } });
  $("step").max = Math.round(x[1]);
  $("step").min = Math.max(1, Math.round(x[0]));
  if (!pointed) $("step").value = $("step").max;
  $("reset-zoom").hidden = !state.zoom;
  if ($("tip").hidden) point(Number($("step").value), null);
}

// The crosshair: all values at one step, beside the pointer and in the line under the plots.
function point(step, event) {
  for (const { key } of PLOTS) charts[key]?.point(step);
  const tip = $("tip");
  if (step === null) { tip.hidden = true; return; }
  const at = Math.round(step), rows = [];
  shown.schedules.forEach((one, i) => {
    if (one.error || at > one.steps) return;
    const loss = one.loss ? valueAt(one.step, one.loss, at) : NaN, low = one.low ? valueAt(one.step, one.low, at) : NaN, high = one.high ? valueAt(one.step, one.high, at) : NaN;
    rows.push(element("tr", {}, element("th", { scope: "row" }, swatch(i), ` ${labelOf(state.schedules[i], defaults)}`), element("td", {}, fixed(loss)), element("td", {}, Number.isFinite(low) ? `${fixed(low)} to ${fixed(high)}` : "–"), element("td", {}, short(Number(valueAt(one.rates.step, one.rates.rate, at).toPrecision(4))))));
  });
  for (const one of shown.measured) {
    const of = state.runs.find(({ key }) => key === one.key);
    if (!one.step || !of?.run || at > of.run.seen) continue;
    const k = clip(place(one.step, at), 1, one.step.length - 1), near = Math.abs(one.step[k] - at) < Math.abs(one.step[k - 1] - at) ? k : k - 1;
    const { law, residual } = one;
    rows.push(element("tr", {}, element("th", { scope: "row" }, `${of.run.name}, measured at ${grouped(one.step[near])}`), element("td", {}, fixed(law[near] * (1 + residual[near] / 100))), element("td", {}, `${residual[near] >= 0 ? "+" : ""}${fixed(residual[near], 2)} % of the law`), element("td", {}, short(Number(valueAt(of.run.rates.step, of.run.rates.rate, at).toPrecision(4))))));
  }
  const table = () => element("table", {}, element("thead", {}, element("tr", {}, ...[`step ${grouped(at)}`, "loss", "90 % interval", "rate"].map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...rows.map((row) => row.cloneNode(true))));
  $("values").replaceChildren(table());
  if (!event || event.pointerType === "touch") { tip.hidden = true; return; }
  $("step").value = at;
  pointed = true;
  tip.replaceChildren(table());
  tip.hidden = false;
  const box = $("plots").getBoundingClientRect(), left = event.clientX - box.left, width = tip.offsetWidth;
  tip.style.left = `${clip(left + 16 + width > box.width ? left - width - 16 : left + 16, 0, Math.max(box.width - width, 0))}px`;
  tip.style.top = `${clip(event.clientY - box.top + 14, 0, box.height)}px`;
}

function makeCharts() {
  const zoomed = (range) => { state.zoom = range; draw(); };
  for (const about of PLOTS) charts[about.key] = new Plot($(`plot-${about.key}`), about, { moved: point, zoomed });
}

// ---- the link, and files ----

// Write what is shown into the fragment of the page's address.
function remember() {
  const said = new URLSearchParams();
  if (state.group) said.set("runs", state.group);
  if (state.law !== "forecast" || group().law) said.set("law", state.law);
  if (state.law === "own") { said.set("numbers", PARAMETERS.map((key) => state.own[key]).join(" ")); said.set("rule", state.rule); }
  for (const key of ["optimiser", "tokens", "size"]) if (state[key]) said.set(key, state[key]);
  for (const key of ["logX", "logY"]) if (state[key]) said.set(key, "1");
  const ticked = (key) => state.runs.map((one, i) => (one[key] ? i : null)).filter((i) => i !== null).join(".");
  if (!state.runs.some(({ file }) => file) && state.runs.length) { said.set("fit", ticked("seen")); said.set("show", ticked("shown")); }
  for (const spec of state.schedules) said.append("s", wordOf(spec, defaults));
  said.set("picked", state.picked);
  history.replaceState(null, "", `#${said}`);
}

// What the fragment says, as far as it is understood.
async function recall() {
  const said = new URLSearchParams(location.hash.slice(1)), words = said.getAll("s");
  if (!words.length) return chooseGroup(0);
  const schedules = [];
  for (const word of words) try { schedules.push(parseWord(word, { steps: 1000, peak: 1e-3, warmup: 0 }, defaults)); } catch { /* of another version of the page */ }
  const numbers = (said.get("numbers") ?? "").split(" ").map(Number), own = numbers.length === PARAMETERS.length && numbers.every(Number.isFinite) ? Object.fromEntries(PARAMETERS.map((key, i) => [key, numbers[i]])) : state.own;
  const positive = (key) => (Number(said.get(key)) > 0 ? Number(said.get(key)) : null), index = Number(said.get("runs") ?? 0);
  const wanted = { schedules, own, rule: ["true", "full"].includes(said.get("rule")) ? said.get("rule") : "as-peak", logX: said.has("logX"), logY: said.has("logY"), picked: clip(Number(said.get("picked")) || 0, 0, Math.max(schedules.length - 1, 0)) };
  state.schedules = schedules;
  await chooseGroup(index in data.groups ? index : data.groups.length, wanted);
  const law = said.get("law");
  state.law = law === "own" || (law === "annealing" && group().law) ? law : "forecast";
  Object.assign(state, { optimiser: said.get("optimiser") ?? "", tokens: positive("tokens"), size: positive("size") });
  for (const [name, key] of [["fit", "seen"], ["show", "shown"]]) if (said.has(name)) { const some = said.get(name).split("."); state.runs.forEach((one, i) => { one[key] = some.includes(String(i)); }); }
  everything();
}

function download(name, file) {
  const link = element("a", { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// The forecast curves, as `losslaws predict --csv` writes them.
function forecastCsv() {
  const lines = ["schedule,step,loss,low,high"];
  shown.schedules.forEach((one, i) => one.loss && one.step.forEach((step, k) => lines.push([quoted(labelOf(state.schedules[i], defaults)), step, one.loss[k], one.low?.[k] ?? "", one.high?.[k] ?? ""].join(","))));
  return `${lines.join("\n")}\n`;
}

// The plots as one SVG file that needs nothing of this page.
function svgFile() {
  const style = getComputedStyle(document.documentElement), width = charts.loss.width, height = sum(PLOTS.map((plot) => plot.height));
  let top = 0;
  const parts = PLOTS.map(({ key, height: own }) => { const text = charts[key].svg.innerHTML; const part = `<g transform="translate(0 ${top})">${text}</g>`; top += own; return part; });
  const whole = parts.join("").replace(/var\(--([a-z]+)\)/g, (_, name) => style.getPropertyValue(`--${name}`).trim());
  return new Blob([`<svg xmlns="${SVG}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="${style.getPropertyValue("--paper").trim()}"/>${whole}</svg>`], { type: "image/svg+xml" });
}

function pngFile() {
  return new Promise((done, failedToDraw) => {
    const image = new Image(), address = URL.createObjectURL(svgFile());
    image.onload = () => {
      const sheet = element("canvas", { width: 2 * image.width, height: 2 * image.height });
      sheet.getContext("2d").drawImage(image, 0, 0, sheet.width, sheet.height);
      URL.revokeObjectURL(address);
      sheet.toBlob(done, "image/png");
    };
    image.onerror = failedToDraw;
    image.src = address;
  });
}

async function scheduleFile() {
  const spec = state.schedules[state.picked], answer = spec ? await ask("table", { schedule: spec }) : { error: "there is no schedule" };
  if (answer.error) $("problem").replaceChildren(element("p", {}, `Nothing to download: ${answer.error}.`));
  else download(`${spec.name}-${spec.steps}.csv`, answer.file);
}

async function copied(id, text) {
  try { await navigator.clipboard.writeText(text); $(id).textContent = "copied"; } catch { $(id).textContent = "copy it by hand"; }
  setTimeout(() => { $(id).textContent = "copy"; }, 1500);
}

// ---- together ----

function everything() {
  runTable();
  lawFields();
  editor();
  scheduleTable();
  $("empty").hidden = Boolean(state.runs.length) || state.law !== "forecast";
  $("group").value = state.group;
  return update();
}

function failed(message) {
  $("forecast-failure").textContent = `The forecast could not start in this browser: ${message}.`;
}

async function start() {
  known = await ask("start", { numbers: data.numbers, defaults });
  makeCharts();
  const on = (id, kind, act) => $(id).addEventListener(kind, act);
  $("group").replaceChildren(...data.groups.map(({ name }, i) => element("option", { value: i }, name)), element("option", { value: data.groups.length }, "logs of your own"));
  $("group-field").hidden = data.groups.length < 1;
  on("group", "change", () => chooseGroup(Number($("group").value)));
  on("file", "change", () => { take([...$("file").files]); $("file").value = ""; }); // emptied, so that the same file may be given again
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); if (kind === "drop" && event.dataTransfer.files.length) take([...event.dataTransfer.files]); } });
  on("law", "change", () => { state.law = $("law").value; everything(); });
  on("rule", "change", () => { state.rule = $("rule").value; update(); });
  on("paste", "input", () => paste($("paste").value));
  on("optimiser", "change", () => { state.optimiser = $("optimiser").value; update(); });
  for (const key of ["tokens", "size"]) on(key, "input", () => { const value = Number($(key).value); state[key] = value > 0 ? value : null; update(); });
  on("add", "click", () => {
    const run = longest(), spec = state.schedules[state.picked], steps = spec?.steps ?? run?.steps ?? 10000;
    state.schedules.push({ name: "linear", steps, peak: spec?.peak ?? run?.peak ?? 1e-3, warmup: Math.min(spec?.warmup ?? run?.warmup ?? 0, steps), options: {} });
    state.picked = state.schedules.length - 1;
    everything();
  });
  on("reset", "click", () => { Object.assign(state, { zoom: null, logX: false, logY: false, schedules: [] }); $("log-x").checked = $("log-y").checked = false; chooseGroup(state.group < data.groups.length || !state.runs.length ? Math.min(state.group, data.groups.length) : 0); });
  for (const [id, key] of [["log-x", "logX"], ["log-y", "logY"]]) on(id, "change", () => { state[key] = $(id).checked; state.zoom = null; remember(); draw(); });
  on("reset-zoom", "click", () => { state.zoom = null; draw(); });
  on("step", "input", () => { pointed = true; point(Number($("step").value), null); });
  on("copy-link", "click", () => copied("copy-link", location.href));
  on("copy-train", "click", () => copied("copy-train", $("train-command").textContent));
  on("copy-predict", "click", () => copied("copy-predict", $("predict-command").textContent));
  on("download-csv", "click", () => download("forecast.csv", new Blob([forecastCsv()], { type: "text/csv" })));
  on("download-schedule", "click", scheduleFile);
  on("download-svg", "click", () => download("forecast.svg", svgFile()));
  on("download-png", "click", async () => download("forecast.png", await pngFile()));
  new ResizeObserver(() => draw()).observe($("plots"));
  await recall();
  $("log-x").checked = state.logX;
  $("log-y").checked = state.logY;
  $("forecast-box").dataset.ready = "true";
}
