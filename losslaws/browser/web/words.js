// Schedules as words of a command line, as losslaws/forecast/specs.py reads them, and all that is shown as the fragment of a link.

const COMMON = ["steps", "peak", "warmup"];

// What stands between the commas of `rest`, but for those within brackets.
function partsOf(rest) {
  const found = [""];
  let depth = 0;
  for (const letter of rest) {
    depth += (letter === "[") - (letter === "]");
    if (letter === "," && depth <= 0) found.push(""); else found[found.length - 1] += letter;
  }
  return found.filter(Boolean);
}

// {name, steps, peak, warmup, options} from "wsd:decay=0.2,steps=20000"; what it leaves open is taken from `given`.
function parseWord(word, given, defaults) {
  const [, name, rest] = /^([^:]*):?(.*)$/s.exec(word), spec = { name, ...given, options: {} };
  if (!(name in defaults)) throw new Error(`there is no schedule '${name}'`);
  for (const part of partsOf(rest)) {
    const [, key, text] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    if (key === undefined || !(COMMON.includes(key) || key in defaults[name])) throw new Error(`schedule '${word}': '${part}' is no option`);
    let value = text;
    try { value = JSON.parse(text); } catch { /* a word, such as linear */ }
    if (COMMON.includes(key)) spec[key] = value; else spec.options[key] = value;
  }
  return spec;
}

// The options that differ from the defaults, as [key, text].
function optionsOf({ name, options }, defaults) {
  return Object.entries(options).filter(([key, value]) => key in defaults[name] && value !== null && JSON.stringify(value) !== JSON.stringify(defaults[name][key])).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
}

const wordOf = (spec, defaults) => `${spec.name}:${[...optionsOf(spec, defaults).map((pair) => pair.join("=")), ...COMMON.map((key) => `${key}=${spec[key]}`)].join(",")}`;

// What a table calls a schedule; long lists are counted.
const labelOf = (spec, defaults) => [spec.name, ...optionsOf(spec, defaults).map(([key, text]) => (text.length > 30 ? `${spec.options[key].length} ${key}` : `${key}=${text}`))].join(" ");

// A word that a shell passes on as it stands.
const shell = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function trainCommand(spec, defaults) {
  const options = [...optionsOf(spec, defaults), ["peak", spec.peak], ["warmup", spec.warmup]].map(([key, value]) => `schedule.${key}=${value}`);
  return ["python train.py", ...[`schedule=${spec.name}`, `steps=${spec.steps}`, ...options].map(shell)].join(" ");
}

function predictCommand(files, specs, { optimiser, tokens, size }, defaults) {
  const asked = [...(tokens ? ["--batch", tokens] : []), ...(size ? ["--parameters", size] : []), ...(optimiser ? ["--optimizer", optimiser] : [])];
  return ["losslaws predict", ...files.map(shell), "--schedule", ...specs.map((spec) => shell(wordOf(spec, defaults))), ...asked].join(" ");
}
