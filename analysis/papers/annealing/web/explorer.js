// The explorer: controls in, curves out. One object holds all that is shown; `update` makes the page agree with it.

const DRAWN_POINTS = 800; // of a line; the numbers are computed at every step
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("explorer-data").textContent);
const OWN = { name: "A fit of your own", params: null, warmupRule: "as-peak", runs: [], fittedTo: [], peak: null, warmup: 0, steps: 0 };
const PARAMETERS = ["L0", "A", "alpha", "C", "lambda"];
const NAMES = {
  constant: "Constant", cosine: "Cosine", linear: "Linear", wsd: "WSD: warm-up, stable, decay", two_stage: "Two stages", multistep: "Steps, 80/10/10",
  multistep_cosine: "Cosine in stages", cyclic: "Cycles with re-warm-up", inverse_sqrt: "Inverse square root", polyline: "Drawn by hand",
};
const number = (label, min, max, step, value) => ({ label, min, max, step, value });
const OPTIONS = {
  cosine: { cycle: number("minimum at step (0: the last)", 0, null, 1, 0), final: number("final rate, share of the peak", 0, 1, 0.01, 0) },
  linear: { final: number("final rate, share of the peak", 0, 1, 0.01, 0) },
  wsd: {
    decay: number("decay, share of all steps (above 1: steps)", 0.01, null, 0.01, 0.2),
    shape: { label: "shape of the decay", choices: ["linear", "cosine", "1-sqrt", "power", "exponential"], value: "linear" },
    final: number("final rate, share of the peak", 0, 1, 0.01, 0),
  },
  two_stage: { switch: number("switch, share of all steps", 0.01, 0.99, 0.01, 0.5), ratio: number("second rate, share of the peak", 0, 1, 0.01, 0.3) },
  cyclic: {
    cycles: number("cycles", 1, 12, 1, 3), rewarm: number("re-warm-up, share of a cycle", 0, 0.9, 0.05, 0.1), final: number("final rate, share of the peak", 0, 1, 0.01, 0),
  },
  inverse_sqrt: { hold: number("held up to step (0: the warm-up)", 0, null, 1, 0) },
};
const HAND = [[0, 1], [0.5, 1], [0.7, 0.75], [0.85, 0.4], [1, 0]];

const state = { family: 0, own: { L0: 2.628, A: 0.43, alpha: 0.55, C: 0.411, lambda: 0.999 }, rule: "as-peak", a: null, b: null };
let charts = null, shown = {}, busy = false;

const family = () => data.families[state.family] || { ...OWN, params: state.own, warmupRule: state.rule };
const defaults = (name) => Object.fromEntries(Object.entries(OPTIONS[name] || {}).map(([key, option]) => [key, option.value]));
const clean = (options) => Object.fromEntries(Object.entries(options).filter(([key, value]) => !((key === "cycle" || key === "hold") && !value)));
const spec = (side) => ({ ...state[side], options: clean(state[side].options) });

// S1, S2, loss and rate of every step for a schedule {name, steps, peak, warmup, options} under a law {params, warmupRule}.
function compute(schedule, law) {
  const { lambda, ...others } = law.params;
  if (!(lambda >= 0 && lambda <= 1) || !Object.values(others).every(Number.isFinite)) throw new Error("lambda must lie between 0 and 1, and every parameter be a number");
  const lr = buildSchedule(schedule);
  return { lr, ...annealingLaw(law.params, lr, schedule.warmup, law.warmupRule) };
}

// What makes a prediction doubtful, in plain words.
function doubts(schedule, curve) {
  const { peak, steps } = family(), found = [];
  const first = Math.max(2 * schedule.warmup, 1);
  if (peak !== null && Math.abs(schedule.peak / peak - 1) > 1e-6) found.push(`the law saw the peak rate ${peak} only: it wrongly promises a lower loss for any higher one`);
  if (steps && schedule.steps > steps) found.push(`beyond the ${steps.toLocaleString("en")} steps of the runs it was fitted to`);
  const tail = curve.lr.length - 1 - curve.lr.findLastIndex((rate) => rate > 0.001 * schedule.peak);
  if (tail > 0.02 * schedule.steps) found.push("a tail of rates near zero: the law goes on lowering the loss there, training does not");
  const fall = Math.max(Math.round(0.01 * schedule.steps), 1);
  if (curve.lr.some((rate, i) => i + fall < curve.lr.length && i >= schedule.warmup && rate - curve.lr[i + fall] > 0.5 * schedule.peak)) found.push("a cliff: the law rewards sudden drops more than training does");
  if (curve.loss[curve.loss.length - 1] <= 0 || !Number.isFinite(curve.loss[first])) found.push("the law gives no possible loss here");
  return found;
}

// Positions (from 0) of the steps that are drawn: even ones, and the last.
function drawnSteps(steps, from = 0) {
  const many = Math.min(steps - from, DRAWN_POINTS);
  return Array.from({ length: many }, (_, i) => from + Math.round((i * (steps - 1 - from)) / Math.max(many - 1, 1)));
}

function draw(side) {
  const schedule = spec(side), curve = compute(schedule, family()), first = Math.min(2 * schedule.warmup, schedule.steps - 2);
  shown[side] = { schedule, ...curve };
  const run = family().runs.find((one) => one.name === state[side].run);
  for (const { key } of PLOTS) {
    for (const glyph of charts[key].glyphs[side]) glyph.visible = true;
    const at = drawnSteps(schedule.steps, key === "loss" ? first : 0);
    charts[key].lines[side].data = { x: at.map((i) => i + 1), y: at.map((i) => curve[key][i]) };
  }
  const settled = (values) => (run ? values.filter((_, i) => run.step[i] > first) : []);
  charts.loss.points[side].data = { x: settled(run?.step), y: settled(run?.loss) };
  const knots = schedule.name === "polyline" ? schedule.options.points : [];
  charts.lr.points[side].data = { x: knots.map(([x]) => x * schedule.steps), y: knots.map(([, y]) => y * schedule.peak) };
  return { curve, run };
}

// Show nothing of a side that cannot be computed: what stood there belongs to another schedule.
function clear(side) {
  delete shown[side];
  for (const { key } of PLOTS) for (const glyph of charts[key].glyphs[side]) glyph.visible = false;
  for (const key of ["loss", "s1", "s2", "measured", "error"]) $(`${key}-${side}`).textContent = "–";
}

// Knots moved by the mouse or a finger: keep them in order, between 0 and the last step, and at or above 0.
function movedKnots(side, { x, y }) {
  if (busy || state[side].name !== "polyline") return;
  const { steps, peak } = state[side], last = x.length - 1;
  const points = x.map((value, i) => [i === 0 ? 0 : i === last ? 1 : Math.min(Math.max(value / steps, 0.001), 0.999), Math.max(y[i] / peak, 0)]);
  const inner = points.slice(1, -1).sort((p, q) => p[0] - q[0]);
  inner.forEach((point, i) => i && (point[0] = Math.max(point[0], inner[i - 1][0] + 1e-4)));
  state[side].options = { points: [points[0], ...inner, points[last]].map((point) => point.map((value) => Number(value.toFixed(4)))) };
  state[side].run = null;
  controls(side);
  update();
}

const format = (value, digits = 4) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

function update() {
  busy = true;
  const rows = [];
  for (const { key: side } of SIDES) {
    const problem = $(`problem-${side}`);
    problem.textContent = "";
    try {
      const { curve, run } = draw(side), last = curve.loss.length - 1;
      rows.push({ side, curve, last, run });
      problem.textContent = doubts(shown[side].schedule, curve).map((line) => `Mind: ${line}.`).join(" ");
    } catch (error) {
      clear(side);
      problem.textContent = `Nothing to show: ${error.message}.`;
    }
  }
  readout(rows);
  busy = false;
}

function readout(rows) {
  for (const { side, curve, last, run } of rows) {
    $(`loss-${side}`).textContent = format(curve.loss[last]);
    $(`s1-${side}`).textContent = format(curve.S1[last]);
    $(`s2-${side}`).textContent = format(curve.S2[last]);
    const measured = run ? run.loss[run.loss.length - 1] : NaN, predicted = run ? curve.loss[run.step[run.step.length - 1] - 1] : NaN;
    $(`measured-${side}`).textContent = format(measured);
    $(`error-${side}`).textContent = run ? `${format(100 * (predicted / measured - 1), 2)} %` : "–";
  }
  const [a, b] = ["a", "b"].map((side) => rows.find((row) => row.side === side));
  const gap = a && b ? b.curve.loss[b.last] - a.curve.loss[a.last] : NaN;
  $("verdict").textContent = !Number.isFinite(gap) ? "" : Math.abs(gap) < 5e-5 ? "Both end at the same predicted loss." : `${gap > 0 ? "A" : "B"} ends ${format(Math.abs(gap))} nats lower.`;
}

// ---- controls ----

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) key.startsWith("on") ? made.addEventListener(key.slice(2), value) : value !== null && made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function field(side, key, option, value, change) {
  const id = `${side}-${key}`;
  const input = option.choices
    ? element("select", { id }, ...option.choices.map((choice) => element("option", { value: choice }, choice)))
    : element("input", { id, type: "number", min: option.min, max: option.max, step: option.any ? "any" : option.step, inputmode: "decimal" });
  input.value = value;
  const set = (raw) => {
    const next = option.choices ? raw : Number(raw);
    if (option.choices || (raw !== "" && Number.isFinite(next))) change(next);
  };
  input.addEventListener("input", () => set(input.value));
  const parts = [element("label", { for: id }, option.label), input];
  if (option.slide) {
    const [low, high] = option.slide, slider = element("input", { type: "range", min: low, max: high, step: option.step, "aria-label": `${option.label}, slider` });
    slider.value = value;
    slider.addEventListener("input", () => { input.value = slider.value; set(slider.value); });
    input.addEventListener("input", () => { slider.value = input.value; });
    parts.push(slider);
  }
  return element("div", { class: "field" }, ...parts);
}

// Write the controls of one side anew, from the state.
function controls(side) {
  const chosen = state[side], box = $(`controls-${side}`), { steps, peak } = family();
  const changed = (change) => (value) => { change(value); chosen.run = null; $(`${side}-schedule`).value = chosen.name; update(); };
  const set = (key) => changed((value) => { chosen[key] = value; });
  const long = Math.max(steps || chosen.steps, chosen.steps), high = Math.max(peak || chosen.peak, chosen.peak);
  box.replaceChildren(
    field(side, "steps", { ...number("steps", 10, MOST_STEPS, 1), slide: [Math.round(long / 20), 4 * long] }, chosen.steps, (value) => set("steps")(Math.max(Math.round(value), 10))),
    field(side, "peak", { ...number("peak rate", 0, null, high / 100), any: true, slide: [high / 20, 2 * high] }, chosen.peak, set("peak")),
    field(side, "warmup", number("steps of warm-up", 0, null, 1), chosen.warmup, (value) => set("warmup")(Math.round(value))),
    ...Object.entries(OPTIONS[chosen.name] || {}).map(([key, option]) => {
      const slide = option.max ? [option.min, option.max] : key === "decay" && chosen.options[key] <= 1 ? [0.01, 1] : null;
      return field(side, key, { ...option, slide: option.choices ? null : slide, any: true }, chosen.options[key] ?? option.value, changed((value) => { chosen.options[key] = value; }));
    }),
    ...(chosen.name === "polyline" ? [knotTable(side)] : []),
  );
}

// The knots of a drawn schedule as numbers, for the keyboard; with the mouse they are dragged in the plot of the rate.
function knotTable(side) {
  const chosen = state[side], points = chosen.options.points, last = points.length - 1;
  const put = (next) => { chosen.options = { points: next }; chosen.run = null; $(`${side}-schedule`).value = "polyline"; update(); };
  const cell = (i, axis, name) => {
    const fixed = axis === 0 && (i === 0 || i === last);
    const input = element("input", { type: "number", min: 0, step: 1, "aria-label": `${name} of knot ${i + 1}, per cent`, ...(fixed ? { disabled: "" } : { max: axis === 0 ? 99.9 : null }) });
    input.value = Number((100 * points[i][axis]).toFixed(2));
    input.addEventListener("input", () => {
      const value = Number(input.value) / 100, next = points.map((point) => [...point]);
      const low = axis === 0 ? points[i - 1][0] : -1, high = axis === 0 ? points[i + 1][0] : Infinity;
      if (input.value === "" || !(value > low && value < high) || value < 0) return input.setAttribute("aria-invalid", "true");
      input.removeAttribute("aria-invalid");
      points[i][axis] = next[i][axis] = value;
      put(next);
    });
    return element("td", {}, input);
  };
  const middle = (i) => points[i].map((value, axis) => (value + points[i + 1][axis]) / 2);
  const button = (label, name, act) => element("button", { type: "button", "aria-label": name, onclick: () => { put(act()); controls(side); } }, label);
  const rows = points.map((_, i) => element("tr", {}, cell(i, 0, "position"), cell(i, 1, "rate"), element("td", {},
    ...(i < last ? [button("+", `add a knot after knot ${i + 1}`, () => [...points.slice(0, i + 1), middle(i), ...points.slice(i + 1)])] : []),
    ...(i > 0 && i < last ? [button("−", `remove knot ${i + 1}`, () => points.filter((_, j) => j !== i))] : []))));
  return element("div", { class: "knots" },
    element("p", {}, "Drag the knots in the plot of the learning rate, or set them here."),
    element("table", {}, element("thead", {}, element("tr", {}, ...["position, %", "rate, % of peak", ""].map((text) => element("th", {}, text)))), element("tbody", {}, ...rows)));
}

// Let one side show schedule `name`, or measured run "run:NAME".
function choose(side, name) {
  const run = family().runs.find((one) => `run:${one.name}` === name);
  if (run) {
    state[side] = fromRun(run);
  } else {
    const { steps, peak, warmup } = state[side];
    state[side] = { name, steps, peak, warmup, options: name === "polyline" ? { points: structuredClone(HAND) } : defaults(name), run: null };
  }
  controls(side);
  update();
}

function scheduleMenu(side) {
  const group = (label, entries) => element("optgroup", { label }, ...entries.map(([value, text]) => element("option", { value }, text)));
  const runs = family().runs.map((run) => [`run:${run.name}`, run.name]);
  $(`${side}-schedule`).replaceChildren(group("Schedules", Object.entries(NAMES)), ...(runs.length ? [group("Measured runs", runs)] : []));
  $(`${side}-schedule`).value = state[side].run ? `run:${state[side].run}` : state[side].name;
}

// The state for a measured run under schedule `name`, as long as the fitted ones if there is one; else a run not trained.
function firstOf(name) {
  const { runs, steps, peak, warmup } = family(), same = runs.filter((run) => run.schedule.name === name);
  const run = same.find((one) => one.schedule.steps === steps) || same[0];
  return run ? fromRun(run) : { name, steps, peak, warmup, options: defaults(name), run: null };
}

function fromRun({ name, schedule }) {
  const { options, ...rest } = structuredClone(schedule);
  return { ...rest, options: { ...defaults(rest.name), ...options }, run: name };
}

function chooseFamily(index) {
  state.family = index;
  const { steps } = family();
  for (const { key: side } of SIDES) {
    if (steps) state[side] = firstOf(side === "a" ? "cosine" : "wsd");
    else state[side].run = null;
    scheduleMenu(side);
    controls(side);
  }
  parameters();
  update();
}

function parameters() {
  const { params, warmupRule, fittedTo, r2 } = family(), own = state.family >= data.families.length;
  $("fit-note").textContent = own ? "Enter the parameters of your fit, or paste them." : `Fitted to ${fittedTo.join(", ")}; R² ${r2.toFixed(4)}.`;
  $("parameters").replaceChildren(...PARAMETERS.map((key) => {
    const made = field("law", key, { ...number(key, null, null, 1), any: true }, own ? params[key] : Number(params[key].toPrecision(6)), (value) => { state.own[key] = value; update(); });
    made.querySelector("input").disabled = !own;
    return made;
  }));
  $("warmup-rule").value = warmupRule;
  $("warmup-rule").disabled = !own;
  $("paste-field").hidden = !own;
}

// Read parameters from JSON, or from "L0=2.6, A=0.43, ..." in any order.
function paste(text) {
  const found = [...text.matchAll(/["']?(L0|A|alpha|C|lambda)["']?\s*[:=]\s*([-+]?[\d.]+(?:e[-+]?\d+)?)/gi)].map(([, key, value]) => [PARAMETERS.find((p) => p.toLowerCase() === key.toLowerCase()), Number(value)]);
  $("paste-note").textContent = found.length ? `Read ${found.map(([key]) => key).join(", ")}.` : "Nothing read: write, for example, L0=2.63, A=0.43, alpha=0.55, C=0.41, lambda=0.999.";
  Object.assign(state.own, Object.fromEntries(found));
  parameters();
  update();
}

async function start() {
  charts = await makeCharts(movedKnots);
  $("family").replaceChildren(...[...data.families, OWN].map(({ name }, i) => element("option", { value: i }, name)));
  $("family").addEventListener("change", (event) => chooseFamily(Number(event.target.value)));
  for (const { key: side } of SIDES) $(`${side}-schedule`).addEventListener("change", (event) => choose(side, event.target.value));
  $("warmup-rule").addEventListener("change", (event) => { state.rule = event.target.value; update(); });
  $("paste").addEventListener("input", (event) => paste(event.target.value));
  $("download-csv").addEventListener("click", () => download("schedules.csv", new Blob([csv()], { type: "text/csv" })));
  $("download-png").addEventListener("click", async () => download("schedules.png", await png()));
  $("download-svg").addEventListener("click", async () => download("schedules.svg", new Blob([await svg()], { type: "image/svg+xml" })));
  chooseFamily(0);
  $("explorer").dataset.ready = "true";
}
