// A CSV file as a table: {columns: {name: {row, value}}, odd: {name: text}, words: {name: Set}, rows, chart}, as losslaws/curves/logs/csv.py.

const SEPARATORS = [",", ";", "\t"];
const FOREIGN = /^\s*$|[xobyI]/i; // what JavaScript reads as a number, and a table does not mean: 0x1f, Infinity
const ADDED = /__(?:MIN|MAX|STD)$/; // columns of W&B's charts beside each column

function separator(header, rows) {
  const count = (text, mark) => text.split(mark).length - 1;
  const alike = (mark) => rows.filter((row) => count(header, mark) > 0 && count(row, mark) === count(header, mark)).length;
  return SEPARATORS.reduce((a, b) => (alike(b) > alike(a) || (alike(b) === alike(a) && count(header, b) > count(header, a)) ? b : a));
}

// The entries of every line; quotes hold separators and line ends.
function entriesOf(text, mark) {
  if (!text.includes('"')) return text.split("\n").filter((line) => line !== "").map((line) => line.split(mark));
  const rows = [];
  let row = [], entry = "", quoted = false, fresh = true;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') entry += c;
      else if (text[i + 1] === '"') { entry += '"'; i++; } else quoted = false;
    } else if (c === '"' && fresh) quoted = true;
    else if (c === mark) { row.push(entry); entry = ""; fresh = true; continue; } else if (c === "\n") {
      if (row.length || entry !== "") rows.push([...row, entry]);
      row = []; entry = ""; fresh = true;
      continue;
    } else entry += c;
    fresh = false;
  }
  if (row.length || entry !== "") rows.push([...row, entry]);
  return rows;
}

// "1,000" as 1000 and "4,05" as 4.05; `whole`: of a column that counts, "1.000" is 1000 as well.
function withoutCommas(text, whole) {
  if (whole) return text.replace(/[.,]/g, "");
  return text.replace(/^([^,.]*),([^,.]*)$/, "$1.$2").replace(/^([^,]*)\.([^,]*),([^.,]*)$/, "$1$2.$3").replaceAll(",", "");
}

function numberOf(text) {
  if (/^[+-]?nan$/i.test(text)) return NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinite) return infinite[1] === "-" ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function tableOf(content, fileName, numbers, names) {
  const text = content.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n").replaceAll("\r", "\n").replace(/^(?:[ \t]*(?:#[^\n]*)?\n)+/, "");
  if (!content.trim()) throw new Error(`${fileName}: is empty; give a log that holds losses, or wait until the run has written some`);
  const [header = "", ...some] = text.slice(0, 2 ** 16).split("\n").filter((line) => line.trim() && !line.startsWith("#")).slice(0, 21);
  const mark = separator(header, some), [heads = [], ...rows] = entriesOf(text, mark), notes = [];
  if (heads.length < 2) throw new Error(`${fileName}: is not a CSV table with a header; the command \`losslaws page LOG\` reads other logs`);
  const cut = "the file ends within a row, which is left out; the run may still be writing";
  const odd = rows.findIndex((row) => row.length !== heads.length);
  if (odd >= 0) {
    if (odd < rows.length - 1 || rows[odd].length > heads.length) throw new Error(`${fileName}: is not a CSV table: line ${odd + 2} has ${rows[odd].length} entries, the header ${heads.length}; correct or remove it`);
    rows.pop();
    notes.push(cut);
  } else if (rows.length > 1 && !content.endsWith("\n") && !content.endsWith("\r")) {
    const ends = rows.slice(-numbers.csv.FEW).map((row) => row[row.length - 1].trim()).filter((entry) => !missing(entry, numbers));
    if (ends.length > 1 && ends[ends.length - 1].length < Math.min(...ends.slice(0, -1).map((entry) => entry.length))) {
      rows.pop();
      notes.push(cut);
    }
  }
  const commas = mark !== "," || some.some((row) => row.includes('"')), columns = {}, words = {}, wrong = {};
  heads.forEach((head, place) => {
    const name = head.trim();
    if (ADDED.test(name)) return;
    if (name in columns || name in words) throw new Error(`${fileName}: has two columns '${name.slice(0, 40)}'; rename or remove one`);
    const row = [], value = [], said = new Set(), whole = ["step", "epoch", "tokens"].includes(names.role(name)?.kind);
    rows.forEach((entries, i) => {
      const plain = entries[place], quick = plain === "" || FOREIGN.test(plain) ? NaN : Number(plain);
      if (quick === quick) { row.push(i); value.push(quick); return; } // most entries are plain numbers
      let entry = plain.trim().replace(/^['"]+|['"]+$/g, "");
      if (missing(entry, numbers)) return;
      if (commas && entry.includes(",")) entry = withoutCommas(entry, whole);
      const number = numberOf(entry);
      if (number === undefined) {
        wrong[name] ??= `'${entry.slice(0, 30)}' in row ${i + 1}`;
        if (said.size < 1000) said.add(entry);
      } else {
        row.push(i);
        value.push(number);
      }
    });
    if (row.length) columns[name] = { row, value };
    if (said.size) words[name] = said;
  });
  return { columns, words, odd: wrong, rows: rows.length, notes, chart: heads.some((head) => ADDED.test(head)) };
}

const missing = (entry, numbers) => entry === "" || numbers.table.MISSING.includes(entry.toLowerCase());
