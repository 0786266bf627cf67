// What is shown, as files: every step as CSV, the four plots as one PNG or SVG.

function download(name, blob) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Every step of both schedules; cells of the shorter one stay empty.
function csv() {
  const keys = ["lr", "S1", "S2", "loss"], sides = Object.keys(shown).sort(), steps = Math.max(...sides.map((side) => shown[side].lr.length));
  const lines = [["step", ...sides.flatMap((side) => keys.map((key) => `${key}_${side}`))].join(",")];
  for (let i = 0; i < steps; i++) lines.push([i + 1, ...sides.flatMap((side) => keys.map((key) => shown[side][key][i] ?? ""))].join(","));
  return lines.join("\n") + "\n";
}

const layers = (kind) => PLOTS.map(({ key }) => charts[key].view.export(kind));

function png() {
  const canvases = layers("png").map((layer) => layer.canvas), half = Math.ceil(canvases.length / 2);
  const width = Math.max(...canvases.map((one) => one.width)), heights = [canvases[0].height, canvases[half].height];
  const sheet = element("canvas", { width: 2 * width, height: heights[0] + heights[1] }), pen = sheet.getContext("2d");
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--paper");
  pen.fillRect(0, 0, sheet.width, sheet.height);
  canvases.forEach((one, i) => pen.drawImage(one, (i % 2) * width, Math.floor(i / 2) * heights[0]));
  return new Promise((done) => sheet.toBlob(done, "image/png"));
}

async function svg() {
  const drawings = await Promise.all(layers("svg").map(async (layer) => (await layer.to_blob()).text()));
  const sizes = drawings.map((text) => ["width", "height"].map((key) => Number(text.match(new RegExp(`<svg[^>]*\\b${key}="([\\d.]+)`))[1])));
  const width = Math.max(...sizes.map(([w]) => w)), top = sizes[0][1];
  const placed = drawings.map((text, i) => text.replace(/<\?xml.*?\?>/, "").replace("<svg", `<svg x="${(i % 2) * width}" y="${Math.floor(i / 2) * top}"`));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * width}" height="${top + sizes[2][1]}">${placed.join("")}</svg>`;
}
