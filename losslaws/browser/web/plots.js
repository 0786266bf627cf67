// Line plots in SVG that share one axis of steps: a crosshair through all of them, zoom along the steps, axes linear or logarithmic.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 62, RIGHT = 14, TOP = 22, POINT = 2;

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Round numbers within [low, high], about `many`; on a logarithmic axis 1, 2 and 5 times powers of ten.
function ticks(low, high, many, log) {
  if (log) {
    const found = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) for (const m of [1, 2, 5]) found.push(m * 10 ** e);
    const within = found.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
    if (within.length >= 3) return within.length <= 2 * many ? within : within.filter((value) => /^1/.test(value.toExponential()));
  }
  const rough = (high - low) / many, unit = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].find((m) => m * unit >= rough) * unit, found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

function short(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1e3) return `${Number((value / 1e3).toPrecision(4))}k`;
  return size && size < 1e-3 ? value.toExponential().replace("e-", "e−") : String(Number(value.toPrecision(6))).replace("-", "−");
}

class Plot {
  // box: where it goes; about: {title, height}; `moved(step, event)` is called with the step under the pointer, null where it left.
  constructor(box, about, { moved, zoomed }) {
    Object.assign(this, { box, about, zoomed });
    this.foot = about.last ? 34 : 20; // room for the ticks, and for what they count
    this.svg = drawn("svg", { role: "img", "aria-label": about.title });
    box.replaceChildren(this.svg);
    let from = null;
    const stepAt = (event) => this.x.back(event.clientX - this.svg.getBoundingClientRect().left);
    this.svg.addEventListener("pointermove", (event) => {
      if (!this.x) return;
      moved(stepAt(event), event);
      if (from !== null && this.brush) {
        const to = clip(event.clientX - this.svg.getBoundingClientRect().left, LEFT, this.width - RIGHT);
        this.brush.setAttribute("x", Math.min(from, to));
        this.brush.setAttribute("width", Math.abs(to - from));
      }
    });
    this.svg.addEventListener("pointerleave", () => moved(null));
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0 || event.target.dataset.knot !== undefined || !this.x) return;
      from = event.clientX - this.svg.getBoundingClientRect().left;
      this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const to = event.clientX - this.svg.getBoundingClientRect().left, [a, b] = [Math.min(from, to), Math.max(from, to)];
      from = null;
      this.brush?.setAttribute("width", 0);
      if (b - a > 8) zoomed([this.x.back(Math.max(a, LEFT)), this.x.back(Math.min(b, this.width - RIGHT))]);
    });
    this.svg.addEventListener("dblclick", () => zoomed(null));
  }

  scale(low, high, from, to, log) {
    if (!(high > low)) [low, high] = [low - Math.abs(low || 1) * 0.01, high + Math.abs(high || 1) * 0.01];
    const f = log ? Math.log : (v) => v, [a, b] = [f(low), f(high)];
    const there = (value) => from + ((f(value) - a) / (b - a)) * (to - from);
    const back = (place) => { const v = a + ((place - from) / (to - from)) * (b - a); return log ? Math.exp(v) : v; };
    return { there, back, low, high, log };
  }

  // lines: [{x, y, colour, dash, low, high}]; dots: [{x, y, colour}]; ranges: {x: [a, b], y: [a, b], logX, logY}; zero: a line at 0.
  draw({ lines = [], dots = [], range, zero = false, knots = null }) {
    const width = Math.max(this.box.clientWidth, 220), { height, title } = this.about;
    this.width = width;
    this.x = this.scale(...range.x, LEFT, width - RIGHT, range.logX);
    this.y = this.scale(...range.y, height - this.foot, TOP, range.logY);
    const { x, y } = this, foot = height - this.foot, id = `clip-${this.box.id}`, style = (name) => `var(--${name})`;
    const axes = drawn("g", { "font-size": 11, fill: style("ink") });
    for (const value of ticks(x.low, x.high, width < 500 ? 4 : 7, x.log)) {
      const at = x.there(value);
      axes.append(drawn("line", { x1: at, x2: at, y1: TOP, y2: foot, stroke: style("grid") }), drawn("text", { x: at, y: foot + 14, "text-anchor": "middle" }, short(value)));
    }
    for (const value of ticks(y.low, y.high, height < 180 ? 4 : 6, y.log)) {
      const at = y.there(value);
      axes.append(drawn("line", { x1: LEFT, x2: width - RIGHT, y1: at, y2: at, stroke: style("grid") }), drawn("text", { x: LEFT - 5, y: at + 4, "text-anchor": "end" }, short(value)));
    }
    axes.append(drawn("text", { x: 2, y: 13, "font-size": 12, "font-weight": 600 }, width < 500 ? this.about.brief ?? title : title), ...(this.about.last ? [drawn("text", { x: width - RIGHT, y: height - 4, "text-anchor": "end" }, x.log ? "step (log)" : "step")] : []));
    const inner = drawn("g", { "clip-path": `url(#${id})` });
    const path = (xs, ys) => { let text = ""; for (let i = 0; i < xs.length; i++) if (Number.isFinite(ys[i]) && (!x.log || xs[i] > 0)) text += `${text ? "L" : "M"}${x.there(xs[i]).toFixed(2)} ${clip(y.there(ys[i]), -1e4, 1e4).toFixed(2)}`; return text; };
    for (const { x: xs, low, high, colour } of lines) {
      if (!low) continue;
      const band = `${path(xs, high)}${path([...xs].reverse(), Array.from(low).reverse()).replace("M", "L")}Z`;
      inner.append(drawn("path", { d: band, fill: style(colour), "fill-opacity": 0.13, stroke: "none" }));
    }
    if (zero) inner.append(drawn("line", { x1: LEFT, x2: width - RIGHT, y1: y.there(0), y2: y.there(0), stroke: style("muted") }));
    for (const { x: xs, y: ys, colour } of dots) {
      let text = "";
      for (let i = 0; i < xs.length; i++) if (xs[i] >= x.low && xs[i] <= x.high) text += `M${(x.there(xs[i]) - POINT).toFixed(1)} ${y.there(ys[i]).toFixed(1)}h${2 * POINT}`;
      inner.append(drawn("path", { d: text, stroke: style(colour), "stroke-width": 2 * POINT, fill: "none", "stroke-opacity": 0.75 }));
    }
    for (const { x: xs, y: ys, colour, dash, faint } of lines) inner.append(drawn("path", { d: path(xs, ys), stroke: style(colour), "stroke-width": faint ? 1 : 2, "stroke-dasharray": dash, fill: "none" }));
    this.brush = drawn("rect", { x: 0, y: TOP, width: 0, height: foot - TOP, fill: style("muted"), "fill-opacity": 0.2 });
    this.cross = drawn("line", { y1: TOP, y2: foot, stroke: style("ink"), "stroke-width": 1, "stroke-dasharray": "3 3", visibility: "hidden" });
    inner.append(this.brush, this.cross);
    if (knots) inner.append(...knots.points.map((point, i) => this.knot(point, i, knots)));
    this.svg.replaceChildren(drawn("clipPath", { id }, drawn("rect", { x: LEFT, y: TOP - 6, width: width - LEFT - RIGHT, height: foot - TOP + 8 })), axes, inner);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
  }

  // A point that is dragged: `moved(i, step, value)` is called with where it is dropped.
  knot([step, value], i, { moved, colour }) {
    const dot = drawn("circle", { cx: this.x.there(Math.max(step, this.x.low)), cy: this.y.there(value), r: 7, fill: `var(--${colour})`, "fill-opacity": 0.6, "data-knot": i, style: "cursor: grab; touch-action: none" });
    const place = (event) => { const box = this.svg.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    dot.addEventListener("pointerdown", (event) => { dot.setPointerCapture(event.pointerId); event.stopPropagation(); });
    dot.addEventListener("pointermove", (event) => {
      if (!dot.hasPointerCapture(event.pointerId)) return;
      const [x, y] = place(event);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
    });
    dot.addEventListener("pointerup", (event) => { const [x, y] = place(event); moved(i, this.x.back(x), this.y.back(y)); });
    return dot;
  }

  point(step) {
    if (!this.cross) return;
    const within = step !== null && step >= this.x.low && step <= this.x.high;
    this.cross.setAttribute("visibility", within ? "visible" : "hidden");
    if (within) for (const side of ["x1", "x2"]) this.cross.setAttribute(side, this.x.there(step));
  }
}

// The value of a line at a step, between the steps at which it is given; NaN beyond.
function valueAt(x, y, step) {
  if (!x.length || step < x[0] || step > x[x.length - 1]) return NaN;
  const k = place(x, step);
  return x[k] === step ? y[k] : y[k - 1] + ((y[k] - y[k - 1]) * (step - x[k - 1])) / (x[k] - x[k - 1]);
}
